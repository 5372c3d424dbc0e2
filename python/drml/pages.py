"""HTML pages that need no other file: their templates and style (page.css)."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from drml.tables import percent


def templates() -> Environment:
    """Return the environment of drml's templates."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["percent"] = percent
    return found
