"""The report as Markdown: the tables of results.html, pictures as files beside it."""

from collections.abc import Iterable, Sequence

from drml.results.section import Section
from drml.results.table import NAME, TEXT, Table, text


def as_markdown(page) -> str:
    blocks = [f"# {page.title}", *(f"**{notice}**" for notice in page.notices)]
    blocks += [_facts(page.contents), " ".join(page.summary)]
    if page.missing:
        blocks.append(
            "Not in this report:\n" + "\n".join(f"- {m}" for m in page.missing)
        )
    for section in page.sections:
        blocks += _section(section)
    return "\n\n".join([*blocks, _facts(page.made)]) + "\n"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts)


def _section(section: Section) -> Iterable[str]:
    yield f"## {section.title}"
    yield from section.notes
    for picture in section.pictures:
        yield f"![{picture.caption}]({picture.name})"
    for table in section.tables:
        yield f"### {table.title}"
        yield _table(table)
        yield from table.notes


def _table(table: Table) -> str:
    rules = ["---" if c.kind in (NAME, TEXT) else "---:" for c in table.columns]
    rows = [[c.title for c in table.columns], rules]
    rows += [_cells(table, row) for row in table.rows]
    return "\n".join(_line(row) for row in rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _cells(table: Table, row: Sequence) -> list[str]:
    shown = []
    for column, cell in zip(table.columns, row, strict=True):
        value = text(column, cell)
        value = f"**{value}**" if cell.bold else value
        shown.append(f"{value} ({cell.remark})" if cell.remark else value)
    return shown
