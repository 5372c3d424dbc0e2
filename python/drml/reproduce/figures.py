"""The steps that make the paper's tables and figures of trained networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from drml.nets.networks import NETWORKS
from drml.nets.pycaffe import engine, usual_mode
from drml.reproduce.datasets import Datasets
from drml.reproduce.ledger import Record
from drml.reproduce.networks import Trained
from drml.reproduce.request import PARTS, Request
from drml.reproduce.step import Step, Work, by_option

EVALUATION = ("predictions.h5", "evaluation.json", "evaluation.csv")
FEATURES = {"alexnet": "fc7"}  # fc9 of the others
TABLE_4_BATCH = 8
SALIENCY = (
    1200  # passes: 100 faces, a third showing each of 12 AUs, 3 for forth and back
)


def step(
    request: Request,
    part: str,
    folder: str,
    script: str,
    words: Sequence,
    files: Sequence[str],
    needs: Sequence[Step] = (),
    **more,
) -> Step:
    """A step that writes files into a folder of OUT, after which it is named."""
    command = ("-m", "drml", *script.split(), *map(str, words))
    outputs = tuple(str(request.out / folder / file) for file in files)
    return Step(folder, PARTS.get(part, part), command, outputs, tuple(needs), **more)


def best_fold(request: Request, datasets: Datasets, folds: Sequence[Trained]) -> Step:
    """Choose which fold's model stands for a network."""
    network, out = folds[0].network, best_file(request, folds[0].network)
    words = ["--selections", *(f"{f.folder}/selection.json" for f in folds)]
    words += ["--data", *(datasets.folder(f.data) for f in folds), "--out", out]
    needs = [s for f in folds for s in (f.select, f.data)]
    return Step(
        name=f"{network}/best",
        part="best folds",
        command=("-m", "drml", "best-fold", *map(str, words)),
        outputs=(out,),
        needs=tuple(needs),
        joins=True,
        brief=True,
    )


def best_file(request: Request, network: str) -> str:
    return str(request.out / network / "best.json")


def best_net(request: Request, network: str, data: str = "--data") -> list[str]:
    """Return the options that name the best fold's net, weights and dataset."""
    file = best_file(request, network)
    fields = (("--net", "net"), ("--weights", "weights"), (data, "data"))
    return [w for option, field in fields for w in (option, f"{{{file}:{field}}}")]


def features(request: Request, network: str, best: Step, faces: int) -> Step:
    """fc9 of the best fold's own test split."""
    out = f"{request.out}/{network}/features.h5"
    words = [*best_net(request, network), "--blob", FEATURES.get(network, "fc9")]
    return Step(
        name=f"{network}/features",
        part=PARTS["features"],
        command=("-m", "drml", "features", *words, "--out", out),
        outputs=(out,),
        leaves=(f"{out}.parts",),
        needs=(best,),
        work=(Work(network, scored=faces),),
    )


def table3(
    request: Request, datasets: Datasets, network: str, best: Step
) -> list[Step]:
    """DISFA by the best model: direct outputs, and the read-out of its features."""
    disfa, folder = datasets.disfa(network), f"{network}/disfa"
    work = (Work(network, scored=datasets.faces(disfa, "test")),)
    data = ["--data", datasets.folder(disfa)]
    net = [*best_net(request, network, data="--trained-on"), *data]
    out = f"{request.out}/{folder}"
    direct = step(
        request, "3", f"{folder}/direct", "evaluate", [*net, "--out", f"{out}/direct"],
        EVALUATION, (best, disfa), work=work,
    )  # fmt: skip
    blob = ["--blob", FEATURES.get(network, "fc9"), "--out", f"{out}/features.h5"]
    values = step(
        request, "3", folder, "features", [*net, *blob], ["features.h5"],
        (best, disfa), leaves=(f"{out}/features.h5.parts",), work=work,
    )  # fmt: skip
    words = ["--features", f"{out}/features.h5", *data, "--out", f"{out}/read_out"]
    read = step(
        request, "3", f"{folder}/read_out", "readout",
        [*words, "--seed", request.seed], EVALUATION, (values, disfa), brief=True,
    )  # fmt: skip
    return [direct, values, read]


def table4(request: Request) -> Step:
    """Running times, which want no training."""
    trials, iterations = request.trials
    faces = (trials * iterations + 1) * TABLE_4_BATCH  # one to warm up
    networks = [n for n in NETWORKS if n in {*request.nets, *request.timed}]
    words = ["--networks", *networks, "--out", request.out / "table4"]
    words += ["--trials", trials, "--iterations", iterations]
    words += ["--batch", TABLE_4_BATCH, "--mode", request.mode or usual_mode()]
    work = tuple(Work(n, trained=faces, scored=faces) for n in networks)
    return step(
        request, "4", "table4", "time", words, ["running_time.csv"],
        joins=True, fixed=("--trials", "--iterations", "--batch"),
        engine=engine(request.mode), work=work,
    )  # fmt: skip


def timed_networks(finished: Mapping[str, Record]) -> tuple[str, ...]:
    """Return the networks that Table 4 was timed of; finished: steps by name."""
    record = finished.get("table4")
    return tuple(by_option(record.command)["--networks"].split()) if record else ()


def one_fold(
    request: Request, nets: Mapping[str, Sequence[Trained]]
) -> tuple[str, list[str]]:
    """Return the fold that networks are compared on, and the networks to compare.

    The fold is the first network's best, "foldK" once that is known. Left out are
    networks that may lack it: only of the same faces can maps or correlations be
    compared.
    """
    first, *_ = nets
    folds = {net: {t.fold for t in trained} for net, trained in nets.items()}
    alike = [net for net in nets if folds[net] >= folds[first]]
    return f"fold{{{best_file(request, first)}:fold}}", alike


def saliency(
    request: Request,
    datasets: Datasets,
    best: Step,
    nets: Mapping[str, Sequence[Trained]],
) -> Step:
    """Compare saliency in all networks' snapshots of one fold; best: the first's."""
    fold, alike = one_fold(request, nets)
    folders = {net: f"{request.out}/{net}/{fold}" for net in alike}
    weights = [f"{{{folder}/selection.json:weights}}" for folder in folders.values()]
    roots = [datasets.folder(nets[net][0].data).parent for net in alike]
    words = ["--net", *(f"{f}/{net}_deploy.prototxt" for net, f in folders.items())]
    words += ["--weights", *weights, "--data", *(f"{root}/{fold}" for root in roots)]
    words += ["--out", request.out / "saliency"]
    trained = [t for net in alike for t in nets[net]]
    return step(
        request, "fig4", "saliency", "figure saliency", words,
        ["saliency.png", "saliency_mean.png", "saliency.csv"],
        [best, *(s for t in trained for s in (t.data, t.prototxts, t.select))],
        joins=True, work=tuple(Work(net, scored=SALIENCY) for net in alike),
    )  # fmt: skip


def relations(
    request: Request, best: Step, nets: Mapping[str, Sequence[Trained]]
) -> Step:
    """Compare AU correlations of all networks on one fold; best: the first's."""
    fold, alike = one_fold(request, nets)
    files = [f"{request.out}/{net}/{fold}/test/predictions.h5" for net in alike]
    words = ["--predictions", *files, "--out", request.out / "relations"]
    return step(
        request, "fig5", "relations", "figure relations", words,
        ["relations.png", "relations.csv"],
        [best, *(t.test for net in alike for t in nets[net])],
        joins=True, brief=True,
    )  # fmt: skip


def region(request: Request, best: Step) -> Step:
    words = [*best_net(request, "drml"), "--out", request.out / "region"]
    files = ["region.png", "region.csv"]
    return step(
        request,
        "region",
        "region",
        "figure region",
        words,
        files,
        [best],
        brief=True,
    )


def report(request: Request, steps: Sequence[Step]) -> Step:
    """Write the results section from whatever there is, training logs among it."""
    files = ["results.html", "results.md", "*.csv"]
    logs = [
        Path(f"{request.out}/{net}/fold{k}/train.log") for net, k in request.trained
    ]
    return step(
        request, "report", "report", "report paper", [request.out], files, steps,
        reads=tuple(logs), joins=True, partial=True, brief=True,
    )  # fmt: skip
