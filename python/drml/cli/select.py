"""Score every snapshot of a training on the val split and choose the best by F1.

Average F1-frame decides, then AUC, then the earlier snapshot. Scored are the snapshots
of the solver's own interval and the last, not those that Ctrl-C left. One whose outputs
are no numbers is named and left out. Writes selection.json after each, so that a rerun
does what is missing, and prints the table. It also keeps each AU's threshold of highest
F1 (`drml evaluate --thresholds`).
"""

import argparse
import sys
from math import isnan
from pathlib import Path

from data_prep.base import UserError, fingerprint, whole
from drml.evaluate.dataset import Split, mean_file, open_split
from drml.evaluate.metrics import au_results, average, best_thresholds
from drml.evaluate.scoring import DivergedError, score_faces
from drml.evaluate.selection import Scored, best, read_selection, write_selection
from drml.nets.deploy import OUTPUT, check_outputs, load_net, net_title
from drml.nets.solver import Solver, read_solver
from drml.report.tables import lay_out, percent


def run(options: argparse.Namespace) -> None:
    solver = read_solver(options.solver)
    split = open_split(options.data, "val", options.limit)
    out = options.out or solver.selection
    about = describe_run(options, split)
    scored = standing(read_selection(out, about), out)
    for iteration in missing(solver, scored):
        weights = solver.weights(iteration)
        try:
            scored.append(score(options, split, iteration, weights))
        except DivergedError as error:
            say(f"{weights} is left out: {error}")
        if scored:
            write_selection(out, about, scored)
    if not scored:
        raise UserError(
            f"{solver.path} has left no snapshot to choose: all are named above; train "
            "with a lower base_lr"
        )
    print(table(f"{about['title']} on {about['dataset']}", scored))


def describe_run(options: argparse.Namespace, split: Split) -> dict:
    """Say what the snapshots are scored on; another content of any file is another."""
    files = [options.net, split.folder / "dataset.json", mean_file(split.folder)]
    return {
        "title": net_title(options.net),
        "dataset": split.title,
        "generated": split.dataset["generated"],
        "net": str(options.net),
        "fingerprint": fingerprint(files),
    }


def standing(scored: list[Scored], selection: Path) -> list[Scored]:
    """Return the scores that hold still; name each snapshot that is not as it was.

    One that is gone keeps its score, so that disk can be freed, unless it is the best.
    """
    kept = []
    for snapshot in scored:
        weights = Path(snapshot.weights)
        if not weights.exists():
            if snapshot == best(scored):
                raise UserError(
                    f"{weights}, the best of {selection}, is gone: put it back, or "
                    f"delete {selection} to choose among those that are there"
                )
            say(f"{weights} is gone; its score stands")
        elif fingerprint([weights]) != snapshot.fingerprint:
            say(f"{weights} has changed since it was scored; scoring it again")
            continue
        kept.append(snapshot)
    return kept


def missing(solver: Solver, scored: list[Scored]) -> list[int]:
    """Return the iterations that are to be scored; UserError where there is nothing."""
    found, known = solver.scheduled(), {s.iteration for s in scored}
    if not found and not known:
        raise UserError(
            f"{solver.path} has left no snapshot ({solver.weights(solver.max_iter)} "
            "would be its last); train first"
        )
    return [iteration for iteration in found if iteration not in known]


def score(
    options: argparse.Namespace, split: Split, iteration: int, weights: Path
) -> Scored:
    net = load_net(options.net, weights)
    check_outputs(options.net, net.blobs[OUTPUT].data[0].size, split.aus)
    faces = split.faces(f"iteration {iteration}")
    _, scores, labels = score_faces(net, faces, split.mean, options.batch)
    mean = average(au_results(scores, labels, split.aus))
    if isnan(mean.f1):
        raise UserError(
            f"no AU of {split.title} is present in some faces and absent in others: "
            "there is no F1 to choose by"
        )
    content = fingerprint([weights])
    chosen = zip(map(str, split.aus), best_thresholds(scores, labels), strict=True)
    return Scored(
        iteration, str(weights), content, mean.f1, mean.auc, mean.aus, dict(chosen)
    )


def table(title: str, scored: list[Scored]) -> str:
    chosen = best(scored)
    rows = [
        (str(s.iteration), percent(s.f1), percent(s.auc), "chosen" * (s == chosen))
        for s in sorted(scored, key=lambda s: s.iteration)
    ]
    return lay_out(title, [("iteration", "F1", "AUC", ""), *rows], 3, foot=False)


def say(text: str) -> None:
    print(f"drml select: {text}", file=sys.stderr, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--solver", type=Path, required=True, help="solver prototxt")
    add("--net", type=Path, required=True, help="deploy prototxt")
    add("--data", type=Path, required=True, help="prepared dataset (.../foldK)")
    add("--out", type=Path, help="default: selection.json beside the snapshots")
    add("--batch", type=whole(1), default=32, help="faces per forward pass (32)")
    add("--limit", type=whole(1), help="score on the first N faces only")
