"""A small OUT as `make reproduce` leaves it, made up with the project's writers."""

import json
from argparse import Namespace

import numpy as np

from data_prep.aus import BP4D_AUS, DISFA_AUS
from data_prep.base import write
from drml.cli import figure_region, figure_relations, figure_saliency
from drml.cli import time as timed
from drml.evaluate.features import write_features
from drml.evaluate.metrics import au_results
from drml.evaluate.predictions import Predictions, read_predictions, write_evaluation
from drml.evaluate.selection import Scored, write_selection
from drml.figures.region import Patches, patch_maps
from drml.figures.relations import TRUTH, correlations, heat_maps
from drml.figures.saliency import AuSaliency, face_maps, mean_maps
from drml.figures.style import png
from drml.nets.names import TITLES

FACES = 60
SHARED = [1, 2, 4, 6, 12]
NETS = ("drml", "alexnet")
SOLVER_LOG = """I1 solver.cpp:45] Initializing solver from parameters:
base_lr: 0.0003
max_iter: 400
random_seed: 3
net: "net.prototxt"
type: "Adam"
I1 net.cpp:55] Initializing net from parameters:
layer {
  data_param {
    batch_size: 8
  }
}
I1 net.cpp:55] Initializing net from parameters:
layer {
  data_param {
    batch_size: 32
  }
}"""
BEST = 2  # the fold whose model serves DISFA and the figures


def make_out(out, nets=NETS, folds=(1, 2), generated=True):
    """Fill the folder with every part of the contract."""
    rng = np.random.default_rng(0)
    make_run(out, nets, folds, generated)
    for net in nets:
        for fold in folds:
            make_fold(out / net, net, fold, rng, generated)
        make_best(out / net, net, rng, generated)
    for fold in folds:
        folder = out / f"grids/5x5/fold{fold}"
        make_selection(folder, "drml", [(400, 0.55 + fold / 50)])
        make_predictions(folder / "test", "drml", rng, generated, first=fold * FACES)
        dataset = {"dataset": "BP4D", "generated": generated, "fold": fold}
        write(out / f"data/bp4d_178/fold{fold}/dataset.json", json.dumps(dataset))
    make_table4(out / "table4", nets)
    make_figures(out, nets, rng, generated)


def make_run(out, nets=NETS, folds=(1, 2), generated=True, **more):
    record = {
        "generated": generated,
        "nets": list(nets),
        "folds": list(folds),
        "parts": ["2", "3", "4", "fig4", "fig5", "features", "region"],
        "grids": [5],
        "protocol": "short",
        "seed": 1,
        "command": "make reproduce",
    }
    write(out / "run.json", json.dumps(record | more))


def make_fold(folder, net, fold, rng, generated=True):
    """One training: its log, its snapshots' measures, its test."""
    folder = folder / f"fold{fold}"
    losses = 7 - 4 * np.linspace(0, 1, 40) + rng.normal(0, 0.3, 40)
    lines = [
        f"I1 solver.cpp:1] Iteration {10 * i} (1 iter/s, 1s/1 iters), loss = {loss:.4f}"
        for i, loss in enumerate(losses)
    ]
    write(folder / "train.log", "\n".join([SOLVER_LOG, *lines]) + "\n")
    make_selection(folder, net, [(200, 0.4 + fold / 50), (400, 0.45 + fold / 50)])
    make_predictions(folder / "test", net, rng, generated, first=fold * FACES)


def make_selection(folder, net, measured):
    """measured: iterations and F1 of the snapshots."""
    snapshots = [
        Scored(n, f"{net}_iter_{n}.caffemodel", "", f1, f1 + 0.1, 12)
        for n, f1 in measured
    ]
    write_selection(folder / "selection.json", {}, snapshots)


def make_predictions(
    folder, net, rng, generated=True, aus=BP4D_AUS, first=0, layout="BP4D", **more
):
    """Labels that the first face decides, some unknown, and scores that follow them."""
    labels = np.random.default_rng(first).choice(
        (-1, 1, 0), (FACES, len(aus)), p=(0.6, 0.35, 0.05)
    )
    scores = 1 / (1 + np.exp(-(labels + rng.normal(0, 1.5, labels.shape))))
    faces = f"generated faces in {layout}'s layout" if generated else layout
    about = {
        "title": TITLES[net],
        "dataset": f"{faces}, test split",
        "generated": generated,
        "split": "test",
        "net": f"{net}_deploy.prototxt",
        "weights": f"{net}_iter_400.caffemodel",
        "command": f"drml evaluate --net {net}_deploy.prototxt",
        "subjects": ["F001", "F002", "F003"],
        "val_thresholds": {str(au): 0.4 for au in aus},
    } | more
    keys = [f"{first + i:08d}_F00{1 + i % 3}_T1_{first + i}" for i in range(FACES)]
    found = Predictions(
        about, list(aus), keys, scores.astype(np.float32), labels, coded(labels, layout)
    )
    write_evaluation(folder, found, au_results(found.scores, labels, aus))
    return found


def coded(labels, layout):
    """DISFA's intensities, of which 3 and above is present: 4 and 0, some 2."""
    if layout != "DISFA":
        return None
    absent = np.where(np.arange(len(labels))[:, None] % 4, 0, 2)
    return np.where(labels == 0, -1, np.where(labels > 0, 4, absent))


def make_best(folder, net, rng, generated=True):
    """What the best fold's model is used for, but the pictures."""
    best = {"fold": BEST, "iteration": 400, "net": net, "val_f1": 0.49}
    write(folder / "best.json", json.dumps(best))
    disfa = {"generated": generated, "layout": "DISFA"}
    make_predictions(folder / "disfa/direct", net, rng, aus=SHARED, **disfa)
    disfa |= {"aus": DISFA_AUS, "folds": [["F001"], ["F002", "F003"]]}
    make_predictions(folder / "disfa/read_out", net, rng, **disfa)
    values = np.maximum(rng.normal(0, 1, (8, 20)), 0).astype(np.float32)
    labels = np.ones((8, 12), np.int8)
    batch = [f"face{i}" for i in range(8)], values, labels
    about = {"title": TITLES[net], "blob": "fc9", "generated": generated}
    write_features(folder / "features.h5", about, list(BP4D_AUS), lambda _: [batch])


def make_table4(folder, nets):
    times = {
        (TITLES[net], phase): timed.Time(10.0 * (1 + i), 0.5)
        for i, net in enumerate(nets)
        for phase in ("train", "test")
    }
    how = Namespace(batch=8, trials=5, iterations=5, hardware="a CPU, 2 threads")
    rows = list(timed.compare(times))
    write(folder / "running_time.csv", timed.as_csv(rows, how))


def make_figures(out, nets, rng, generated):
    what = f"{'generated faces in ' if generated else ''}BP4D's layout, fold {BEST}"
    maps = {
        TITLES[net]: [make_map(au, 8 - i, rng) for au in BP4D_AUS]
        for i, net in enumerate(nets)
    }
    write(out / "saliency/saliency.csv", figure_saliency.as_csv(what, maps))
    write(out / "saliency/saliency.png", png(face_maps(what, maps)))
    write(out / "saliency/saliency_mean.png", png(mean_maps(what, maps)))
    make_relations(out, nets)
    norm, identity, added = rng.uniform(1, 2, (3, 8, 8))
    patches, face = Patches(norm, identity, added), np.full((170, 170, 3), 99.0)
    write(out / "region/region.csv", figure_region.as_csv(what, patches))
    write(out / "region/region.png", png(patch_maps(what, face, 5, patches)))


def make_map(au, height, rng):
    """A region of so many rows of 34; AU 24 has none."""
    values = rng.uniform(0, 1, (34, 34))
    region = np.zeros(values.shape, bool)
    region[:height] = au != 24
    face = rng.integers(0, 256, (34, 34, 3), np.uint8)
    return AuSaliency(au, face, values, 5, values / values.sum(), region)


def make_relations(out, nets):
    found = {
        TITLES[net]: read_predictions(out / net / f"fold{BEST}/test/predictions.h5")
        for net in nets
    }
    first = next(iter(found.values()))
    tables = {TRUTH: correlations(first.labels, first.labels)}
    for title, net in found.items():
        tables[title] = correlations(net.scores >= 0.5, first.labels)
    write(out / "relations/relations.csv", figure_relations.as_csv(first, tables))
    figure = heat_maps("AU correlations", first.aus, tables)
    write(out / "relations/relations.png", png(figure))
