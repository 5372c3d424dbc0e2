"""The command `caffe` of a wheel: the tool's main, called in Python's own process.

A program of its own would want a libpython for its Python layers, which a machine with
nothing but python3 has not.
"""

import ctypes
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

_MAIN = "_Z10caffe_mainiPPc"  # int caffe_main(int, char**)


def main() -> NoReturn:
    """Do what the tool does with these words; Ctrl-C ends it, or as it is told."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    tool = Path(find_spec("caffe").origin).parent / "caffe_tool.so"
    words = [b"caffe", *map(str.encode, sys.argv[1:])]
    # PyDLL: Python layers find the interpreter's lock held, as in pycaffe.
    caffe_main = getattr(ctypes.PyDLL(str(tool)), _MAIN)
    sys.exit(caffe_main(len(words), (ctypes.c_char_p * (len(words) + 1))(*words)))
