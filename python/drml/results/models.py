"""The one model a network that tables and figures of single models are of."""

from drml.results.out import Out


def models_note(out: Out) -> str:
    """Say which fold's model each network is shown by, chosen by validation F1."""
    models = {title: out.best(net) for net, title in out.nets.items()}
    chosen = [
        f"{title} of fold {best['fold']}, iteration {best['iteration']:,} "
        f"(validation F1 {100 * best['val_f1']:.1f})"
        for title, best in models.items()
        if best
    ]
    if not chosen:
        return "Which fold's models these are is not known: no best.json is there."
    return f"Models, by the best validation F1 of all folds: {'; '.join(chosen)}."
