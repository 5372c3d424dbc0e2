"""The one model a network that tables and figures of single models are of."""

from drml.results.out import Out

OF_BEST = "Of each network's fold with the best validation F1, as named at the top."


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
