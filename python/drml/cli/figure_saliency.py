"""Show what trained nets look at for each AU, as the paper's Fig. 4 does.

Writes into --out: saliency.png, for each AU a face that shows it and every net's
saliency map; saliency_mean.png, the mean map over the faces that show the AU; and
saliency.csv, how much of the saliency lies in the AU's own region of the face
(drml/figures/saliency.py), which is also printed.

Faces are taken at even distances through the split; shown is the one with the fewest
other AUs, or the one that --show names. All nets look at the same faces: nets of other
input sizes get imports of one fold at other sizes.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data_prep.aus import AU_NAMES
from data_prep.base import UserError, whole, write
from drml.cli.options import UsageError
from drml.evaluate.dataset import SPLITS, Split, SplitFace, open_split, pick, showing
from drml.figures.saliency import AuSaliency, Nets, au_saliency, face_maps, mean_maps
from drml.figures.style import png
from drml.nets.deploy import check_outputs, load_backward_net, net_title
from drml.report.tables import average_name, csv_text, distinct, lay_out, percent


def run(options: argparse.Namespace) -> None:
    check(options)
    splits = {data: open_split(data, options.split) for data in options.data}
    faces = {data: read_faces(split, options) for data, split in splits.items()}
    check_alike(faces)
    nets: Nets = {}
    for prototxt, weights, data in zip(
        options.net, options.weights, options.data, strict=True
    ):
        title = distinct(net_title(prototxt), nets)
        nets[title] = measure(prototxt, weights, splits[data], faces[data], options)
    dataset = splits[options.data[0]].title
    what = f"AU-specific saliency on {dataset}"
    write(options.out / "saliency.png", png(face_maps(what, nets)))
    write(options.out / "saliency_mean.png", png(mean_maps(f"Mean {what}", nets)))
    write(options.out / "saliency.csv", as_csv(dataset, nets))
    print(as_text(f"Saliency in the AU's own region (percent), {dataset}", nets))


def read_faces(split: Split, options: argparse.Namespace) -> dict[int, list[SplitFace]]:
    """Pick for each AU the faces that show it, first the one to be shown."""
    for au in options.show:
        if au not in split.aus:
            aus = ", ".join(map(str, split.aus))
            raise UserError(f"AU {au} is not among the dataset's AUs ({aus})")
    even, named = pick(split, options.faces, options.show.values())
    faces = {au: showing(even, column) for column, au in enumerate(split.aus)}
    for au, name in options.show.items():
        if named[name].labels[split.aus.index(au)] <= 0:
            raise UserError(f"face {name} does not show AU {au}; choose another")
        others = [face for face in faces[au] if face.name != name]
        faces[au] = [named[name], *others]
    if absent := [str(au) for au in faces if not faces[au]]:
        raise UserError(
            f"none of the {len(even)} faces read shows AU {', '.join(absent)}; "
            "give more --faces"
        )
    return faces


def check_alike(faces: dict[Path, dict[int, list[SplitFace]]]) -> None:
    """Raise UserError unless the same faces were picked from every dataset."""
    names = {
        data: {au: [face.name for face in found] for au, found in picked.items()}
        for data, picked in faces.items()
    }
    first, *others = names
    for data in others:
        if names[data] != names[first]:
            raise UserError(
                f"{data} and {first} hold different faces or labels; give one dataset "
                "and fold for all nets, imported at the sizes that they need"
            )


def measure(
    prototxt: Path,
    weights: Path,
    split: Split,
    faces: dict[int, list[SplitFace]],
    options: argparse.Namespace,
) -> list[AuSaliency]:
    net = load_backward_net(prototxt, weights)
    check_outputs(prototxt, net.blobs[net.outputs[0]].data[0].size, split.aus)
    return [
        au_saliency(net, au, column, faces[au], split.mean, options.batch)
        for column, au in enumerate(tqdm(split.aus, net_title(prototxt), unit="AU"))
    ]


def as_csv(dataset: str, nets: Nets) -> str:
    header = "dataset net au name faces concentration area".split()
    rows = [
        (dataset, net, m.au, AU_NAMES[m.au], m.faces, m.concentration, m.area)
        for net, aus in nets.items()
        for m in aus
    ]
    return csv_text(header, rows)


def as_text(title: str, nets: Nets) -> str:
    """A row an AU: the region's share of the first net's crop, then concentrations."""
    first = next(iter(nets.values()))
    shares = [
        [m.area for m in first],
        *([m.concentration for m in aus] for aus in nets.values()),
    ]
    rows = [
        (str(m.au), AU_NAMES[m.au], str(m.faces), *map(percent, row))
        for m, *row in zip(first, *shares, strict=True)
    ]
    defined = [row for row in zip(*shares, strict=True) if not np.isnan(row).any()]
    means = map(percent, np.mean(defined, axis=0)) if defined else [""] * len(shares)
    header = ("AU", "name", "faces", "area", *nets)
    foot = ("", average_name(len(defined), len(first)), "", *means)
    return lay_out(title, [header, *rows, foot])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--net", type=Path, nargs="+", required=True, help="deploy prototxts")
    add("--weights", type=Path, nargs="+", required=True, help=".caffemodel of each")
    add(
        "--data", type=Path, nargs="+", required=True,
        help="prepared dataset (.../foldK): one for all nets, or one for each",
    )  # fmt: skip
    add("--split", choices=SPLITS, default="test")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--faces", type=whole(1), default=100, help="faces to read (100)")
    add(
        "--show", type=au_and_face, nargs="+", default=[], metavar="AU=FACE",
        help="faces to show, as 12=F001_T1_2440",
    )  # fmt: skip
    add("--batch", type=whole(1), default=16, help="faces per pass (16)")


def check(options: argparse.Namespace) -> None:
    options.show = dict(options.show)
    if len(options.data) == 1:
        options.data *= len(options.net)
    if not len(options.net) == len(options.weights) == len(options.data):
        raise UsageError("give as many --weights as --net, and --data once or as many")


def au_and_face(text: str) -> tuple[int, str]:
    au, face = text.split("=", 1)
    return int(au), face
