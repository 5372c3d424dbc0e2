"""Which models tables and figures are of that want one a network."""

from collections.abc import Sequence

from data_prep.base import UserError
from drml.results.out import REDO, Out

NAMED = "Of the single models that are named at the top."


def single_models(out: Out) -> str:
    """Name the model of each network that serves where one is wanted."""
    models = {title: out.best(net) for net, title in out.nets.items()}
    named = [
        f"{title} of fold {best['fold']} (iteration {best['iteration']:,}, "
        f"validation F1 {100 * best['val_f1']:.1f})"
        for title, best in models.items()
        if best
    ]
    if not named:
        return "not chosen yet"
    choice = any(len(out.selections(net)) > 1 for net in out.nets)
    how = "; of several folds the one of the best validation F1" if choice else ""
    return ", ".join(named) + how


def same_faces(file: str, rows: Sequence[dict]) -> str:
    """Say on which faces networks are compared; UserError where these differ.

    rows: of the file, a CSV that has each row's dataset.
    """
    dataset, *others = dict.fromkeys(row["dataset"] for row in rows)
    if others:
        raise UserError(
            f"{file} compares networks on different faces ({dataset}; {others[0]}); "
            f"{REDO}"
        )
    return (
        f"All networks on the same faces: {dataset}; each by the snapshot that was "
        "chosen on that fold."
    )


def without(out: Out, name: str, shown: Sequence[str]) -> list[str]:
    """Name the networks that a figure of one fold lacks; shown: those it has."""
    return [
        f"{name}: {title} is not in it; it wants every fold that {shown[0]} has"
        for title in out.nets.values()
        if title not in shown
    ]
