"""Fig. 4: saliency maps, and how much of them lies in the AU's own region."""

import numpy as np

from drml.results.models import OF_BEST
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, OURS, Cell, Column, Table, with_best
from drml.tables import average_name

PART = "fig4"


def section(out: Out) -> Section:
    title = out.marked("Fig. 4. What the networks look at for each AU")
    rows = out.csv("saliency/saliency.csv", "net au name", "faces concentration area")
    pictures = [
        *out.picture(
            "saliency/saliency.png",
            out.marked("A face for each AU and its saliency maps"),
        ),
        *out.picture(
            "saliency/saliency_mean.png",
            out.marked(
                "Mean maps over the faces that show the AU; its region outlined"
            ),
        ),
    ]
    if not rows and not pictures:
        return Section(title, missing=out.lacking(PART, "Fig. 4"))
    notes = [
        "The saliency of a pixel is the magnitude of the gradient of the AU's score "
        "there. The paper calls DRML's the most concentrated and gives no figure; here "
        "concentration is the share of an AU's saliency in the AU's own region.",
        OF_BEST,
    ]
    return Section(title, notes, [_table(out, rows)] if rows else [], pictures)


def _table(out: Out, rows: list[dict]) -> Table:
    shares = {(row["net"], row["au"]): 100 * row["concentration"] for row in rows}
    nets = list(dict.fromkeys(row["net"] for row in rows))
    aus = {row["au"]: row for row in rows}
    columns = [
        Column("", "AU", NAME),
        Column("", "name", NAME),
        Column("", "faces"),
        Column("", "region's share of the face"),
        *(Column("saliency in the region", net, OURS) for net in nets),
    ]
    body = [
        [
            Cell(au), Cell(row["name"]), Cell(int(row["faces"])),
            Cell(100 * row["area"]),
            *(Cell(shares.get((net, au))) for net in nets),
        ]
        for au, row in aus.items()
    ]  # fmt: skip
    means = [_mean([r[i].value for r in body]) for i in range(3, len(columns))]
    defined = sum(not np.isnan(row["area"]) for row in aus.values())
    name = average_name(defined, len(aus))
    foot = [Cell(""), Cell(name), Cell(""), *map(Cell, means)]
    title = out.marked("Concentration of saliency")
    note = (
        "Percent. An even map would have the region's share of the face in "
        "it. An AU that no region is outlined for is left out of the average."
    )
    return with_best(Table("figure4", title, columns, [*body, foot], True, [note]))


def _mean(values: list[float | None]) -> float:
    defined = [v for v in values if v is not None and not np.isnan(v)]
    return float(np.mean(defined)) if defined else np.nan
