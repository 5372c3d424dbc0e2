"""What is asked of `drml reproduce`, as the workflow's config."""

import argparse
import os

from data_prep.base import UserError
from data_prep.dataset import are_generated
from drml.nets.names import TITLES
from drml.nets.prototxt import Training
from drml.nets.pycaffe import CARDS, check_mode, engine, hardware, usual_mode
from drml.reproduce.contents import Contents
from drml.reproduce.fingerprints import content
from drml.reproduce.protocol import PROTOCOLS

IMPORTERS = {  # options that are handed on, and to which importers
    "on_damaged": ("bp4d", "disfa"),
    "frame_offset": ("bp4d",),
    "sample_splits": ("bp4d", "disfa"),
    "labels": ("bp4d", "disfa"),
    "threshold": ("disfa",),
    "fold_lists": ("bp4d",),
    "train_folds": ("bp4d",),
}
RENAMED = {"fold_lists": "folds"}
CLUSTERS_THREADS = 8  # of a job, unless the profile says otherwise (set-threads)


def config(options: argparse.Namespace) -> dict:
    """Return the config; UserError where what is asked for can't be done."""
    check(options)
    name = options.protocol or ("short" if options.bp4d is None else "paper")
    protocol = PROTOCOLS[name]
    trials, iterations = protocol.trials
    local = not options.profile
    mode = options.mode or (usual_mode() if local else "gpu")
    cores = len(os.sched_getaffinity(0))
    datasets = {"bp4d": options.bp4d, "disfa": options.disfa}
    memory = None if options.dry_run else options.out / "datasets.json"
    return {
        "protocol": name,
        "nets": options.nets,
        "methods": [method for method in options.methods if method != "none"],
        "folds": options.folds,
        "tables": options.tables,
        "grids": options.grids,
        "seed": options.seed,
        "iterations": options.iterations,
        "patience": options.patience,
        "faces": options.faces,
        "trials": options.trials or trials,
        "trial_iterations": options.trial_iterations or iterations,
        "mode": mode,
        "timed": timed(options),
        **{name: str(path) if path else None for name, path in datasets.items()},
        "content": {n: content(path, memory) for n, path in datasets.items() if path},
        "importer": {layout: importer(options, layout) for layout in datasets},
        "caffe": str(options.caffe),
        # Of a cluster's nodes the machine that it is asked on knows nothing.
        "engine": engine() if local else engine(mode),
        "table4_engine": engine(mode),
        "hardware": hardware() if local else "the cluster",
        "cores": cores if local else CLUSTERS_THREADS,
        "threads": max(1, cores // options.jobs) if local else CLUSTERS_THREADS,
        "gpu": (usual_mode() if local else mode) == "gpu",
        "gpus": max(1, len(list(CARDS.glob("*")))) if local else 1,
    }


def check(options: argparse.Namespace) -> None:
    """Raise UserError where what is asked for can't be done."""
    if not options.profile:
        check_mode(options.mode)  # Table 4, which wants it, comes last
    if options.disfa and not options.bp4d:
        raise UserError(
            "DISFA is what networks trained on BP4D are tested on: give BP4D=DIR "
            "too, or neither for generated faces"
        )
    for name, folder in (("BP4D", options.bp4d), ("DISFA", options.disfa)):
        if folder and not folder.is_dir():
            raise UserError(f"{name}={folder} is no folder; give the dataset's")
    drawn = {are_generated([path]) for path in (options.bp4d, options.disfa) if path}
    if len(drawn) > 1:
        raise UserError(
            f"of BP4D={options.bp4d} and DISFA={options.disfa} one holds generated "
            "faces: give two of a kind"
        )
    for grid in options.grids:
        Training(grid=grid)  # knows which grids there can be


def check_contents(contents: Contents, generated: bool, before: dict) -> None:
    """Raise UserError where OUT holds other faces, or nothing is left to be made.

    before: its run.json.
    """
    kinds = ("the real datasets", "generated faces")
    if before and before.get("generated") != generated:
        raise UserError(
            f"{contents.out} holds results on {kinds[not generated]}: choose another "
            f"OUT for those on {kinds[generated]}"
        )
    if not contents.parts and not contents.grids:
        raise UserError(f"there is nothing to make: {'; '.join(contents.left_out())}")
    if contents.holds("3") and not contents.has_disfa:
        raise UserError(
            f"{contents.out} holds Table 3, which hangs on the networks trained: give "
            "DISFA=DIR too"
        )


def timed(options: argparse.Namespace) -> list[str]:
    """Return the networks asked for and those that Table 4 has."""
    file = options.out / "table4/running_time.csv"
    text = file.read_text() if file.exists() else ""
    there = [net for net, title in TITLES.items() if f"\n{title}," in text]
    return [net for net in TITLES if net in {*options.nets, *there}]


def importer(options: argparse.Namespace, layout: str) -> list[str]:
    words = []
    for name, layouts in IMPORTERS.items():
        value = getattr(options, name)
        if value is None or layout not in layouts:
            continue
        values = value if isinstance(value, list) else [value]
        words += [f"--{RENAMED.get(name, name).replace('_', '-')}", *map(str, values)]
    return words
