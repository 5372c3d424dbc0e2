"""A page of results as HTML (one file that needs no other) and as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from drml.figures.style import data_uri
from drml.report.samples import Sample
from drml.report.tables import Table

Facts = Sequence[tuple[str, str]]

OUTCOMES = {  # what became of an AU on a sample face: its sign and what it means
    "hit": ("✓", "present, found"),
    "miss": ("○", "present, missed"),
    "false-alarm": ("\N{MULTIPLICATION SIGN}", "absent, called present"),
    "unknown": ("?", "called present, label unknown"),
}


@dataclass(frozen=True)
class Picture:
    """An image file: it lies beside the Markdown and inside the HTML."""

    name: str  # saliency.png
    content: bytes
    caption: str

    @property
    def uri(self) -> str:
        kind = "svg+xml" if self.name.endswith(".svg") else "png"
        return data_uri(self.content, f"image/{kind}")


@dataclass(frozen=True)
class Section:
    """A table or figure of the page; what is not there is said in `missing`."""

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    missing: Sequence[str] = ()
    samples: Sequence[Sample] = ()
    facts: Facts = ()

    @property
    def empty(self) -> bool:
        return not (self.tables or self.pictures or self.samples or self.facts)


@dataclass(frozen=True)
class Page:
    """What a page says; facts: at the top, on what was measured."""

    title: str
    summary: Sequence[str]
    sections: Sequence[Section]
    facts: Facts = ()
    notices: Sequence[str] = ()
    wide: bool = False

    @property
    def shown(self) -> list[Section]:
        return [section for section in self.sections if not section.empty]

    @property
    def missing(self) -> list[str]:
        return [sentence for section in self.sections for sentence in section.missing]

    def as_html(self) -> str:
        """Return the page; it needs no other file and no network."""
        templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        template = templates.get_template("page.html.j2")
        return template.render(page=self, outcomes=OUTCOMES)

    def as_markdown(self) -> str:
        blocks = [f"# {self.title}", *(f"**{notice}**" for notice in self.notices)]
        blocks += [_list(self.facts), " ".join(self.summary)]
        if self.missing:
            lines = "\n".join(f"- {sentence}" for sentence in self.missing)
            blocks.append(f"Not in this report:\n{lines}")
        for section in self.shown:
            blocks += _markdown(section)
        return "\n\n".join(blocks) + "\n"


def _list(facts: Facts) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts)


def _markdown(section: Section) -> Iterable[str]:
    yield f"## {section.title}"
    yield from section.notes
    for picture in section.pictures:
        yield f"![{picture.caption}]({picture.name})"
    for table in section.tables:
        yield f"### {table.title}"
        yield table.as_markdown()
        yield from table.notes
    if section.facts:
        yield _list(section.facts)
