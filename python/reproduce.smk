"""The paper's experiments, from a folder of faces to its tables and figures.

`drml reproduce` (make reproduce, make demo) writes what is asked for into
OUT/config.json, shows the plan and runs this, on one machine or on a cluster. All paths
are seen from OUT. Snapshots and logs are no outputs: Snakemake removes the outputs of a
rule that did not finish, and a training is to go on from its newest snapshot.

What a rule's results hang on beside its inputs are its `params`, and another value of
them puts it out of date; what may differ (a dataset's place, threads) is none of them.
"""

import shutil
import sys
from pathlib import Path

from drml.nets.names import METHODS, TITLES
from drml.reproduce.contents import Contents
from drml.reproduce.protocol import TABLE_4_BATCH

ASKED = Contents(config)
PROTOCOL = ASKED.protocol
SEED = f"--seed {config['seed']}"
ENGINE = f"engine: {config['engine']}"
CAFFE = config["caffe"]
MACHINE = config["cores"]  # threads of a rule that is to have a machine for itself
THREADS = config["threads"]
GPU = int(config["gpu"])
EVALUATION = ["predictions.h5", "evaluation.json", "evaluation.csv"]
FEATURES = {"alexnet": "fc7"}  # fc9 of the others
CLASSICAL = [f"{split}/{file}" for split in ("val", "test") for file in EVALUATION]


class Commands:
    """{DRML[train]}: the command line of a subcommand, which ends with Snakemake."""

    def __getitem__(self, name):
        drml = shutil.which("drml") or f"{sys.executable} -m drml"
        return f"setpriv --pdeathsig KILL {drml} {name}"


DRML = Commands()
# Of several cards in this machine a step takes one that no other holds; Slurm gives out
# its own.
ON_GPU = f""" for gpu in $(seq 0 {config['gpus'] - 1}); do exec {{lock}}> .gpu$gpu
flock -n $lock && export CUDA_VISIBLE_DEVICES=$gpu && break; done; """
ON_GPU = ON_GPU if config["gpus"] > 1 else ""
# $(FOUND FILE NAME): what an earlier step has found, a value of its JSON file.
FOUND = f"""{sys.executable} -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]])'"""


wildcard_constraints:
    layout="bp4d|disfa",
    net="|".join(TITLES),
    method="|".join(METHODS),
    run=rf"({'|'.join(TITLES)})/fold\d|grids/\d+x\d+/fold\d",  # a training's folder
    size=r"\d+",
    k=r"\d",


localrules: results, prototxts, begin, begin_method, best, report


def network(run):
    return "drml" if run.startswith("grids/") else run.split("/")[0]


def prototxt(run, kind):
    return f"{run}/{network(run)}_{kind}.prototxt"


def bp4d(run):
    """The dataset that a training is of."""
    return f"data/bp4d_{PROTOCOL.size(network(run))}/{Path(run).name}"


def disfa(net):
    return f"data/disfa_{PROTOCOL.size(net)}/all"


def faces(folder, *splits):
    """A dataset as input: its record and, of which only a loss matters, its faces."""
    lmdbs = [ancient(f"{folder}/{split}_lmdb/data.mdb") for split in splits]
    return [f"{folder}/dataset.json", *lmdbs]


def each(net, file):
    """A file of each fold that is chosen of a network."""
    return [f"{net}/fold{fold}/{file}" for fold in ASKED.chosen[net]]


rule results:
    input: ASKED.targets()


# ---- Faces


rule generate:
    output: "faces/{layout}/generated.json"
    params:
        options=lambda w: " ".join(
            [f"--{n} {count}" for n, count in PROTOCOL.drawn[w.layout].items()] + [SEED]
        )
    threads: MACHINE
    shell:
        "exec {DRML[generate]} faces/{wildcards.layout} --layout {wildcards.layout}"
        " {params.options} --jobs {threads}"


ROOTS = {n: f"faces/{n}" if ASKED.draws else config[n] for n in ("bp4d", "disfa")}


def drawn(layout):
    return f"faces/{layout}/generated.json" if ASKED.draws else []


def import_options(layout, size):
    own = [*PROTOCOL.importer, *config["importer"][layout]]
    crop = PROTOCOL.crop(int(size))
    return " ".join(map(str, ["--size", size, "--crop", crop, SEED, *own]))


# The faces that an import has registered lie beside its folder: they are not lost.
rule import_bp4d:
    input: drawn("bp4d")
    output:
        record="data/bp4d_{size}/fold{k}/dataset.json",
        mean="data/bp4d_{size}/fold{k}/mean.binaryproto",
        faces=expand("data/bp4d_{{size}}/fold{{k}}/{split}_lmdb/data.mdb",
            split=["train", "val", "test"])
    params:
        options=lambda w: import_options("bp4d", w.size),
        content=f"BP4D: {config['content'].get('bp4d')}"
    priority: 1  # before trainings keep it from having the machine
    threads: MACHINE
    resources: store=1
    shell:
        "rm -rf data/bp4d_{wildcards.size}/fold{wildcards.k};"
        " exec {DRML[import bp4d]} {ROOTS[bp4d]:q} --out data/bp4d_{wildcards.size}"
        " --fold {wildcards.k} {params.options} --jobs {threads}"


rule import_disfa:
    input: drawn("disfa")
    output:
        record="data/disfa_{size}/all/dataset.json",
        mean="data/disfa_{size}/all/mean.binaryproto",
        faces="data/disfa_{size}/all/test_lmdb/data.mdb"
    params:
        options=lambda w: import_options("disfa", w.size),
        content=f"DISFA: {config['content'].get('disfa')}"
    priority: 1  # before trainings keep it from having the machine
    threads: MACHINE
    resources: store=1
    shell:
        "rm -rf data/disfa_{wildcards.size}/all;"
        " exec {DRML[import disfa]} {ROOTS[disfa]:q} --out data/disfa_{wildcards.size}"
        " --fold all {params.options} --jobs {threads}"


# ---- A network on a fold, or DRML with another grid


def solver_options(run):
    grid = ["--grid", run.split("/")[1].split("x")[0]] if run.startswith("grids") else []
    own = ["--data", bp4d(run), *PROTOCOL.solver_options(network(run)), SEED, *grid]
    return " ".join(own)


# Edit them where you like: what is edited is not written again, but trained with.
rule prototxts:
    output:
        expand("{{run}}/{{net}}_{kind}.prototxt", kind=["train_val", "deploy", "solver"])
    params:
        options=lambda w: solver_options(w.run)
    shell:
        "exec {DRML[prototxt]} --network {wildcards.net} --out {wildcards.run}"
        " --snapshot-prefix {wildcards.run}/{wildcards.net} {params.options}"


# A training that other options or faces put out of date starts anew, from an empty
# folder; one that was only interrupted finds its snapshots. What is written differs
# each time, so that the training follows.
rule begin:
    input:
        lambda w: [prototxt(w.run, kind) for kind in ("train_val", "deploy", "solver")],
        lambda w: faces(bp4d(w.run), "train")
    output: "{run}/begun"
    params:
        content=f"BP4D: {config['content'].get('bp4d')}",
        engine=ENGINE,
        options=f"--patience {config['patience']}"
    shell:
        "rm -f {wildcards.run}/*_iter_* {wildcards.run}/train.log"
        " {wildcards.run}/selection.json; date +%s.%N > {output}"


def patience(run):
    net = f"--net {prototxt(run, 'deploy')} --data {bp4d(run)}"
    return f"--patience {config['patience']} {net}" if config["patience"] else ""


rule train:
    input:
        begun="{run}/begun",
        solver=lambda w: ancient(prototxt(w.run, "solver")),
        faces=lambda w: [ancient(f) for f in faces(bp4d(w.run), "train", "val")]
    output: touch("{run}/trained")
    params:
        options=lambda w: patience(w.run)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "{ON_GPU} exec {DRML[train]} {input.solver} --log {wildcards.run}/train.log"
        " --caffe {CAFFE:q} {params.options}"


# Of a finished training the newest solver state is kept: for LCN they are 2.3 GB each.
rule select:
    input:
        trained="{run}/trained",
        solver=lambda w: ancient(prototxt(w.run, "solver")),
        net=lambda w: ancient(prototxt(w.run, "deploy")),
        faces=lambda w: faces(bp4d(w.run), "val")
    output: update("{run}/selection.json")
    params:
        data=lambda w: bp4d(w.run)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "ls -t {wildcards.run}/*.solverstate* | tail -n +2 | xargs -r rm;"
        "{ON_GPU} exec {DRML[select]} --solver {input.solver} --net {input.net}"
        " --data {params.data} --out {output}"


def thresholds(run):
    """Where val's thresholds are, which selection keeps."""
    return f"--thresholds {run}/selection.json" if PROTOCOL.chooses else ""


def weights(run):
    """The snapshot that is tested: the chosen one, or the last."""
    if PROTOCOL.chooses:
        return f"$({FOUND} {run}/selection.json weights)"
    last = f"_iter_{PROTOCOL.lengths[network(run)].iterations}.caffemodel"
    return f"{run}/{network(run)}{last}{PROTOCOL.ending(network(run))}"


rule test:
    input:
        trained="{run}/selection.json" if PROTOCOL.chooses else "{run}/trained",
        net=lambda w: ancient(prototxt(w.run, "deploy")),
        faces=lambda w: faces(bp4d(w.run), "test")
    output:
        expand("{{run}}/test/{file}", file=EVALUATION)
    params:
        data=lambda w: bp4d(w.run),
        # With an input, they are not compared.
        weights=lambda w, input: weights(w.run),
        thresholds=lambda w, input: thresholds(w.run)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "{ON_GPU} exec {DRML[evaluate]} --net {input.net} --weights {params.weights}"
        " --data {params.data} --split test {params.thresholds}"
        " --out {wildcards.run}/test"


# ---- What wants one model of a network: that of its best fold


rule best:
    input:
        selections=lambda w: each(w.net, "selection.json"),
        data=lambda w: [f"{bp4d(r)}/dataset.json" for r in each(w.net, "")]
    output: "{net}/best.json"
    shell:
        "exec {DRML[best-fold]} --selections {input.selections}"
        " --data $(dirname {input.data}) --out {output}"


def of_best(data="--data"):
    """The options that name the best fold's net, weights and dataset."""
    names = {"--net": "net", "--weights": "weights", data: "data"}
    return " ".join(f"{o} $({FOUND} {{input.best}} {n})" for o, n in names.items())


def blob(net):
    return f"--blob {FEATURES.get(net, 'fc9')}"


rule features:
    input: best="{net}/best.json"
    output: "{net}/features.h5"
    params:
        options=lambda w: blob(w.net)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "rm -rf {output}.parts;{ON_GPU} exec {DRML[features]} " + of_best() +
        " {params.options} --out {output}"


rule disfa_direct:
    input:
        best="{net}/best.json",
        faces=lambda w: faces(disfa(w.net), "test")
    output: expand("{{net}}/disfa/direct/{file}", file=EVALUATION)
    params:
        data=lambda w: disfa(w.net)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "{ON_GPU} exec {DRML[evaluate]} " + of_best("--trained-on") +
        " --data {params.data} --out {wildcards.net}/disfa/direct --thresholds"
        " {wildcards.net}/fold$({FOUND} {input.best} fold)/selection.json"


rule disfa_features:
    input:
        best="{net}/best.json",
        faces=lambda w: faces(disfa(w.net), "test")
    output: "{net}/disfa/features.h5"
    params:
        data=lambda w: disfa(w.net),
        options=lambda w: blob(w.net)
    threads: THREADS
    resources: gpu=GPU
    shell:
        "rm -rf {output}.parts;{ON_GPU} exec {DRML[features]} " + of_best("--trained-on") +
        " --data {params.data} {params.options} --out {output}"


rule disfa_read_out:
    input:
        features="{net}/disfa/features.h5",
        faces=lambda w: faces(disfa(w.net))
    output: expand("{{net}}/disfa/read_out/{file}", file=EVALUATION)
    params:
        data=lambda w: disfa(w.net),
        options=SEED
    threads: THREADS
    shell:
        "exec {DRML[readout]} --features {input.features} --data {params.data}"
        " --out {wildcards.net}/disfa/read_out {params.options}"


rule region:
    input: best="drml/best.json"
    output: "region/region.png", "region/region.csv"
    threads: THREADS
    resources: gpu=GPU
    shell:
        "{ON_GPU} exec {DRML[figure region]} " + of_best() + " --out region"


# ---- LSVM, APL and JPML, on SIFT features


def sift(k, *splits):
    return [f"sift/fold{k}/{split}.h5" for split in splits]


rule sift:
    input: lambda w: faces(bp4d(f"drml/fold{w.k}"), w.split)
    output: "sift/fold{k}/{split}.h5"
    params:
        data=lambda w: bp4d(f"drml/fold{w.k}")
    shell:
        "rm -rf {output}.parts; exec {DRML[features]} --sift --data {params.data}"
        " --split {wildcards.split} --out {output}"


rule sift_disfa:
    input: faces(disfa("drml"), "test")
    output: "sift/disfa.h5"
    params:
        data=disfa("drml")
    shell:
        "rm -rf {output}.parts; exec {DRML[features]} --sift --data {params.data}"
        " --out {output}"


# As `begin` of a network: a path of other faces starts anew, a stopped one goes on.
rule begin_method:
    input: lambda w: sift(w.k, "train", "val")
    output: "{method}/fold{k}/begun"
    params:
        content=f"BP4D: {config['content'].get('bp4d')}"
    shell:
        "rm -rf {wildcards.method}/fold{wildcards.k}/path; date +%s.%N > {output}"


rule classical:
    input:
        begun="{method}/fold{k}/begun",
        features=lambda w: sift(w.k, "train", "val", "test"),
        apl=lambda w: [f"apl/fold{w.k}/model.h5"] * (w.method == "jpml")
    output:
        expand("{{method}}/fold{{k}}/{file}", file=["model.h5", *CLASSICAL])
    params:
        data=lambda w: bp4d(f"drml/fold{w.k}"),
        options=lambda w: f"--apl apl/fold{w.k}" if w.method == "jpml" else ""
    threads: THREADS
    shell:
        "exec {DRML[classical]} {wildcards.method} --data {params.data}"
        " --features sift/fold{wildcards.k} --out {wildcards.method}/fold{wildcards.k}"
        " {params.options}"


rule disfa_classical:
    input:
        features="sift/disfa.h5",
        faces=faces(disfa("drml"))
    output: expand("{{method}}/disfa/read_out/{file}", file=EVALUATION)
    params:
        data=disfa("drml"),
        options=SEED
    threads: THREADS
    shell:
        "exec {DRML[readout]} --classifier {wildcards.method} --features {input.features}"
        " --data {params.data} --out {wildcards.method}/disfa/read_out {params.options}"


# ---- What compares networks: on one fold, the best of the first of them

MAPPED = ASKED.compared(ASKED.chosen)
RELATED = ASKED.compared(ASKED.tested)


def best_of_first(nets):
    return f"{nets[0]}/best.json" if nets else []


rule saliency:
    input:
        best=best_of_first(MAPPED),
        selections=[file for net in MAPPED for file in each(net, "selection.json")],
        faces=[f for net in MAPPED for run in each(net, "") for f in faces(bp4d(run))]
    output: "saliency/saliency.png", "saliency/saliency_mean.png", "saliency/saliency.csv"
    threads: THREADS
    resources: gpu=GPU
    shell:
        "fold=fold$({FOUND} {input.best} fold); for net in " + " ".join(MAPPED) + "; do"
        " run=$net/$fold; nets+=\" $run/${{net}}_deploy.prototxt\";"
        " weights+=\" $({FOUND} $run/selection.json weights)\";"
        " data+=\" $({FOUND} $net/best.json data | sed s/fold.$/$fold/)\"; done;"
        "{ON_GPU} exec {DRML[figure saliency]} --net $nets --weights $weights --data $data"
        " --out saliency"


rule relations:
    input:
        best=best_of_first(RELATED),
        tests=[f for net in RELATED for f in each(net, "test/predictions.h5")]
    output: "relations/relations.png", "relations/relations.csv"
    shell:
        "fold=fold$({FOUND} {input.best} fold); for net in " + " ".join(RELATED) + "; do"
        " files+=\" $net/$fold/test/predictions.h5\"; done;"
        " exec {DRML[figure relations]} --predictions $files --out relations"


# ---- Running times, which want no training


rule first_iteration:
    output: "first_iteration/{net}.json"
    params:
        batch=PROTOCOL.batch,
        hardware=config["hardware"]
    threads: THREADS
    resources: gpu=GPU
    shell:
        "{ON_GPU} exec setpriv --pdeathsig KILL {sys.executable} -m drml.reproduce.first_iteration"
        " {wildcards.net} {params.batch} > {output}"


rule table4:
    input: [ancient(f"first_iteration/{net}.json") for net in config["timed"]]
    output: "table4/running_time.csv"
    params:
        options=f"--trials {config['trials']} --iterations {config['trial_iterations']}"
        f" --batch {TABLE_4_BATCH} --mode {config['mode']}",
        engine=f"engine: {config['table4_engine']}"
    threads: MACHINE
    resources: gpu=GPU * config["gpus"]
    priority: -1  # when nothing else is at work
    shell:
        "exec {DRML[time]} --networks " + " ".join(config["timed"]) + " {params.options}"
        " --out table4"


# ---- The report, of whatever there is. The driver asks for it by itself, after the rest


def results_there():
    files = [file for file in ASKED.targets() if Path(file).exists()]
    return files + sorted(str(log) for log in Path().glob("**/train.log"))


if PROTOCOL.name == "demo":

    rule report:
        input: results_there()
        output: "report.html"
        shell:
            "evaluations= logs=; for net in " + " ".join(TITLES) + "; do"
            " if [ -e $net/fold1/test/evaluation.json ]; then"
            " evaluations+=\" $net/fold1/test\"; logs+=\" $net/fold1/train.log\"; fi;"
            " done; if [ -z \"$evaluations\" ]; then"
            " echo no network has been evaluated >&2; exit 1; fi;"
            " exec {DRML[report run]} --evaluation $evaluations --log $logs"
            f" --data {bp4d(config['nets'][0] + '/fold1')} --out {{output}}"

else:

    rule report:
        input: results_there()
        output: "report/results.html", "report/results.md"
        shell: "exec {DRML[report paper]} ."
