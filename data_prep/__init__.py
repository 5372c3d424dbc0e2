"""Datasets on disk -> registered faces and labels, and the faces that we generate."""

import os

# OpenCV reads this as it is loaded. A picture of a few bytes may claim any size.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))
