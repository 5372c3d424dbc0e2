"""CSV as all tables of the project are written."""

import csv
import io
from collections.abc import Iterable, Sequence
from math import isnan


def csv_text(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """CSV with nan left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow("" if isinstance(v, float) and isnan(v) else v for v in row)
    return text.getvalue()
