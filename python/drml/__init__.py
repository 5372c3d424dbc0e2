"""DRML on Caffe: networks, training, evaluation, figures and reports."""


def __getattr__(name: str) -> str:
    """Look up __version__, pyproject.toml's, which an installation knows."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("drml-caffe")
