"""AUs of one's own pictures: `Detector`, and what `drml predict` writes."""


def __getattr__(name: str):
    """Import Detector, and with it Caffe, when it is asked for."""
    if name != "Detector":
        raise AttributeError(f"module {__name__} has no {name}")
    from drml.predict.detector import Detector

    return Detector
