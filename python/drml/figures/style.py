"""How all figures look, and figures as files and data URIs."""

import base64
import io

import matplotlib
from matplotlib.figure import Figure

COLOURS = (
    "#1f5a94", "#c8641b", "#2a8f6d", "#8a4f9e", "#555555", "#b03a48", "#9a8412",
    "#3fa3c7",
)  # fmt: skip
GREY = "#8a8f98"
TRAINING = dict(linewidth=1.4)
TEST = dict(linewidth=1.4, linestyle="--", marker="o", markersize=4)
STYLE = {
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.hashsalt": "drml",  # the same input gives the same bytes
}


def colour(run: int) -> str:
    return COLOURS[run % len(COLOURS)]


def svg(figure: Figure) -> bytes:
    """Return a figure of lines as a file's content; the same input, the same bytes."""
    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure of images as a file's content; the same input, the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
