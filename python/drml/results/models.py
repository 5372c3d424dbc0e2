"""Which models tables and figures are of that want one a network."""

from collections.abc import Collection, Sequence

from drml.results.out import Out


def models_note(out: Out) -> str:
    """Say which fold's model stands for each network, by its validation F1."""
    models = {title: out.best(net) for net, title in out.nets.items()}
    chosen = [
        f"{title} of fold {best['fold']} (iteration {best['iteration']:,}, "
        f"validation F1 {100 * best['val_f1']:.1f})"
        for title, best in models.items()
        if best
    ]
    return ", ".join(chosen) or "not chosen yet"


def of_best(out: Out) -> str:
    """Say of which models a table is; several folds of a network are a choice."""
    chosen = any(len(out.selections(net)) > 1 for net in out.nets)
    why = ", the fold of the best validation F1" if chosen else ""
    return f"One model a network{why}: {models_note(out)}."


def same_faces(rows: Sequence[dict]) -> str:
    """Say on which faces networks are compared; rows: of a CSV with their dataset."""
    return (
        f"All networks on the same faces: {rows[0]['dataset']}; each by the snapshot "
        "that was chosen on that fold."
    )


def without(out: Out, name: str, shown: Collection[str]) -> list[str]:
    """Name the networks that a figure of one fold lacks."""
    return [
        f"{name}: {title} has no results on the fold shown"
        for title in out.nets.values()
        if title not in shown
    ]
