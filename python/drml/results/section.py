"""What a page of results is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drml.figures.style import data_uri
from drml.results.table import Table


@dataclass(frozen=True)
class Picture:
    """An image file: it lies beside results.md and inside results.html."""

    name: str  # saliency.png
    content: bytes
    caption: str

    @property
    def uri(self) -> str:
        kind = "svg+xml" if self.name.endswith(".svg") else "png"
        return data_uri(self.content, f"image/{kind}")


def named_folds(folds: Iterable[int]) -> str:
    """Return "fold 1" or "folds 1, 2"."""
    names = ", ".join(map(str, folds))
    return f"folds {names}" if "," in names else f"fold {names}"


@dataclass(frozen=True)
class Section:
    """A table or figure of the paper; what is not there is said in `missing`."""

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    missing: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not self.tables and not self.pictures
