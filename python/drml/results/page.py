"""Put the report together and write it as HTML, as Markdown and as CSV files."""

from dataclasses import dataclass
from pathlib import Path

from data_prep.base import write
from drml.pages import templates
from drml.results import (
    features,
    figure4,
    figure5a,
    figure5b,
    grids,
    origin,
    region,
    selection,
    table2,
    table3,
    table4,
)
from drml.results.folds import Folds, check_alike
from drml.results.markdown import as_markdown
from drml.results.out import Out
from drml.results.section import Section
from drml.results.summary import summary
from drml.results.table import is_number, text, undefined

BLUE, ORANGE = (31, 90, 148), (200, 100, 27)  # as the page's --above and --below
STRONGEST = 0.45  # opacity at which black text still reads well


NOTICE = (
    "Every face behind these numbers was drawn by a program. Differences to the paper "
    "are therefore expected and mean nothing: the page shows that the experiments run, "
    "not how well the networks do on real faces."
)


@dataclass(frozen=True)
class Page:
    title: str
    notices: list[str]
    contents: origin.Facts
    summary: list[str]
    sections: list[Section]  # those with something to show
    missing: list[str]
    made: origin.Facts


def gather(out: Out, command: str) -> Page:
    """Measure all that is in OUT."""
    found = {net: out.folds(net) for net in out.nets}
    networks = {
        net: Folds(out.nets[net], folds) for net, folds in found.items() if folds
    }
    on_bp4d = list(networks.values())
    check_alike(on_bp4d)
    sections = [
        table2.section(out, on_bp4d),
        table3.section(out),
        table4.section(out),
        figure4.section(out),
        figure5a.section(out),
        figure5b.section(out),
        features.section(out),
        region.section(out),
        grids.section(out, networks.get("drml")),
        selection.section(out),
        origin.section(out, on_bp4d),
    ]
    return Page(
        title=out.marked("DRML: the paper's results and ours"),
        notices=[NOTICE] if out.generated else [],
        contents=origin.contents(out),
        summary=summary(on_bp4d),
        sections=[section for section in sections if not section.empty],
        missing=[sentence for section in sections for sentence in section.missing],
        made=origin.made(out, command),
    )


def write_page(page: Page, folder: Path) -> None:
    """Write FOLDER/*.csv, the pictures, results.md, and results.html last."""
    for section in page.sections:
        for table in section.tables:
            write(folder / f"{table.stem}.csv", table.csv())
        for picture in section.pictures:
            write(folder / picture.name, picture.content)
    write(folder / "results.md", as_markdown(page))
    write(folder / "results.html", as_html(page))


def as_html(page: Page) -> str:
    """Return the page; it needs no other file and no network."""
    template = templates().get_template("results/results.html.j2")
    return template.render(page=page, text=text, undefined=undefined, tint=tint)


def tint(value, full: float) -> str:
    """Return a background colour: blue above the paper, orange below, pale if near."""
    if not is_number(value):
        return ""
    strength = min(abs(value) / full, 1) * STRONGEST
    red, green, blue = BLUE if value > 0 else ORANGE
    return f"background: rgba({red}, {green}, {blue}, {strength:.2f})"
