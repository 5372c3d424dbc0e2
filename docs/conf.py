"""The site that `make docs` builds of these pages (Sphinx, MyST)."""

import os
import sys
from pathlib import Path

from drml import __version__

# The tutorial calls drml and caffe.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
os.environ |= {"GLOG_minloglevel": "2"}  # and Caffe lists no layers while it does

project = "DRML on Caffe"
release = version = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns = ["requirements.txt"]
html_theme = "furo"
html_show_copyright = False
html_title = f"{project} {version}"

myst_heading_anchors = 3  # links such as decisions.md#onnx
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_output_stderr = "remove"  # progress bars
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
