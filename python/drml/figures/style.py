"""How all figures look, and figures as files and data URIs."""

import base64
import io

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text

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


def _as_written(figure: Figure) -> None:
    """Have names drawn as they are: matplotlib takes what is between $ for TeX."""
    axes = [axis for own in figure.axes for axis in (own.xaxis, own.yaxis)]
    ticks = {id(text) for axis in axes for text in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if id(text) not in ticks:  # where powers of ten are matplotlib's own TeX
            text.set_parse_math(False)


def svg(figure: Figure) -> bytes:
    """Return a figure of lines as a file's content; the same input, the same bytes."""
    _as_written(figure)
    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure of images as a file's content; the same input, the same bytes."""
    _as_written(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
