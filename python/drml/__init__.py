"""What happens after training: scores, metrics, tables and reports."""

import os

# Caffe reads it when it is first imported: warnings and errors only.
os.environ.setdefault("GLOG_minloglevel", "1")
