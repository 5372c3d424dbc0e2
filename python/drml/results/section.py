"""What a page of results is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from drml.figures import data_uri
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


@dataclass(frozen=True)
class Section:
    """A table or figure of the paper; what is not there is said in `missing`."""

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    missing: Sequence[str] = field(default=())

    @property
    def empty(self) -> bool:
        return not self.tables and not self.pictures
