"""Fig. 4: saliency maps, and how much of them lies in the AU's own region."""

from collections import defaultdict
from collections.abc import Sequence
from math import isnan
from statistics import fmean

from drml.results.models import same_faces, without
from drml.results.out import Out
from drml.results.section import Section
from drml.results.table import NAME, OURS, Cell, Column, Table, with_best
from drml.tables import average_name

PART = "fig4"
FILE = "saliency/saliency.csv"
TEXTS, NUMBERS = "dataset net au name", "faces concentration area"
HOW = [
    "The saliency of a pixel is the magnitude of the gradient of the AU's score there. "
    "The paper calls DRML's the most concentrated and gives no figure; here "
    "concentration is the share of an AU's saliency in the AU's own region."
]
COLUMNS = (
    "region: the AU's region, percent of the face that the network sees (their crops "
    "differ a little); saliency: percent of the saliency that lies in it; ratio: of "
    "the two, 1 for an even map. Bold: the most concentrated. An AU that no region is "
    "outlined for is left out of the average."
)
NO_SHARES = (None, None, None)
Shares = tuple[float | None, float | None, float | None]


def section(out: Out) -> Section:
    title = out.marked("Fig. 4. What the networks look at for each AU")
    rows = out.csv(FILE, TEXTS, NUMBERS)
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
    if not rows:
        return Section(title, HOW, pictures=pictures)
    nets = list(dict.fromkeys(row["net"] for row in rows))
    return Section(
        title,
        [*HOW, same_faces(FILE, rows)],
        [_table(out, rows, nets)],
        pictures,
        without(out, "Fig. 4", nets),
    )


def _table(out: Out, rows: list[dict], nets: Sequence[str]) -> Table:
    """A row an AU; the faces are the same for all networks, their crops are not."""
    columns = [Column("", "AU", NAME), Column("", "name", NAME), Column("", "faces")]
    for net in nets:
        columns += [
            Column(net, "region"),
            Column(net, "saliency"),
            Column(net, "ratio", OURS, digits=2),
        ]
    found = defaultdict(lambda: NO_SHARES)
    found |= {(row["net"], row["au"]): _shares(row) for row in rows}
    first = [row for row in rows if row["net"] == nets[0]]
    body = [
        [
            Cell(row["au"]), Cell(row["name"]), Cell(int(row["faces"])),
            *(Cell(share) for net in nets for share in found[net, row["au"]]),
        ]
        for row in first
    ]  # fmt: skip
    defined = [row for row in first if not isnan(row["area"])]
    foot = [Cell(""), Cell(average_name(len(defined), len(first))), Cell("")]
    for net in nets:
        shares = [found[net, row["au"]] for row in defined]
        means = map(fmean, zip(*shares, strict=True)) if shares else NO_SHARES
        foot += map(Cell, means)
    title = out.marked("Concentration of saliency")
    return with_best(Table("figure4", title, columns, [*body, foot], True, [COLUMNS]))


def _shares(row: dict) -> Shares:
    """Return region and saliency in it, in percent, and their ratio."""
    area, inside = row["area"], row["concentration"]
    if isnan(area):
        return NO_SHARES
    return 100 * area, 100 * inside, inside / area
