"""DRML on Caffe: networks, training, evaluation, figures and reports."""

from importlib.metadata import version

__version__ = version("drml-caffe")  # pyproject.toml's
