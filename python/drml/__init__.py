"""DRML on Caffe: networks, training, evaluation, figures and reports."""

__version__ = "1.0.0"
