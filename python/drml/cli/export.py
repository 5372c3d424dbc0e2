"""Export a Caffe net with its weights to ONNX, and check it against Caffe.

NET is a deploy prototxt of any age, WEIGHTS its .caffemodel. Random input goes through
both, with the prototxt's batch and another one, and every output (with --all-blobs
every blob) has to agree to 1e-4 of its largest value; otherwise nothing is written and
the first layer that differs is named. The model's inputs and outputs bear the blobs'
names. It takes what Caffe's net takes: faces less the mean image, in BGR.

Layers of Caffe and of this project are known. For a type of your own, --layers names a
Python file with a function that says it in ONNX:

    from drml.export import converter

    @converter("Square")
    def square(layer):
        return layer.op("Mul", layer.x, layer.x)
"""

import argparse
import shutil
import tempfile
from math import inf
from pathlib import Path

import onnx

from data_prep.base import UserError, whole
from drml.cli.options import UsageError
from drml.export.check import TOLERANCE, Comparison, compare, onnxruntime, random_inputs
from drml.export.graph import OPSET, Graph
from drml.export.net import LoadedNet, build, load_converters, model_of
from drml.report.tables import lay_out

LARGEST = 2**31 - 1  # bytes of a protobuf; larger weights go to a file beside it


def run(options: argparse.Namespace) -> None:
    if options.out.suffix != ".onnx":
        raise UsageError(f"{options.out}: the model's name has to end in .onnx")
    low, high = options.input_range
    if not -inf < low < high < inf:
        raise UsageError(f"--input-range {low:g} {high:g}: LOW has to be below HIGH")
    onnxruntime()  # before the work
    for file in options.layers:
        load_converters(file)
    net = LoadedNet(options.net, options.weights)
    graph = build(net, options.fixed_batch)
    blobs = all_blobs(graph) if options.all_blobs else net.outputs
    out = options.out
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from None
    try:
        model = save(model_of(net, graph, net.outputs), Path(folder) / out.name)
        seen = checked(net, graph, blobs, model, options)
        for file in sorted(model.parent.glob(f"{out.name}*"), reverse=True):
            file.replace(out.parent / file.name)  # weights first
    finally:
        shutil.rmtree(folder)
    print(as_text(options, seen))
    say_batch(net, graph)
    print(f"written: {out} (opset {OPSET})")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("net", type=Path, metavar="NET", help="deploy prototxt")
    add("weights", type=Path, metavar="WEIGHTS", help=".caffemodel")
    add("out", type=Path, metavar="MODEL.onnx", help="file to write")
    add("--all-blobs", action="store_true", help="check every blob, not outputs alone")
    add(
        "--layers", type=Path, nargs="+", default=[], metavar="FILE",
        help="Python files with converters of your own layer types",
    )  # fmt: skip
    add(
        "--fixed-batch", action="store_true",
        help="keep the prototxt's batch instead of leaving it free",
    )  # fmt: skip
    add(
        "--input-range", type=float, nargs=2, default=(-128, 128),
        metavar=("LOW", "HIGH"), help="of the random input (-128 128)",
    )  # fmt: skip
    add("--seed", type=whole(0), default=1, help="of the random input (1)")


def all_blobs(graph: Graph) -> list[str]:
    return [blob for blob in graph.blobs if blob not in graph.inputs]


def checked(
    net: LoadedNet,
    graph: Graph,
    blobs: list[str],
    model: Path,
    options: argparse.Namespace,
) -> list[Comparison]:
    """Compare the blobs at the net's batch, and at another where that is free.

    model: the file to be, whose outputs are the net's.
    """
    if blobs != net.outputs:
        model = save(model_of(net, graph, blobs), model.with_name("all_blobs"))
    batch = next(iter(net.inputs.values()))[:1]
    another = batch[0] + 1 if batch and not graph.fixed_by else None
    for size in (another, None) if another else (None,):
        values = random_inputs(net, size, *options.input_range, options.seed)
        try:
            seen = compare(net, model, blobs, values)
        except UserError as error:
            tip = f"; --fixed-batch keeps the batch of {batch[0]}" if size else ""
            raise UserError(f"{options.net} cannot be exported: {error}{tip}") from None
        if not all(blob.agrees for blob in seen):
            raise first_difference(net, graph, model, values, options.net)
    return seen


def first_difference(net, graph, model, values, prototxt) -> UserError:
    """Look at every blob for the first layer that differs."""
    model = save(model_of(net, graph, all_blobs(graph)), model.with_name("all_blobs"))
    seen = compare(net, model, all_blobs(graph), values)
    blob = next(blob for blob in seen if not blob.agrees)
    layer = next(la for la in net.layers if blob.blob in la.top)
    return UserError(
        f"{prototxt} cannot be exported: layer {layer.name} ({layer.type}) differs "
        f"from Caffe, blob {blob.blob} by {blob.difference:.1e} of its largest value, "
        f"where {TOLERANCE:.0e} is allowed (its values are {blob.low:.3g} to "
        f"{blob.high:.3g}; other random values: --input-range)"
    )


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model, one of more than 2 GB with its weights beside it."""
    large = model.ByteSize() > LARGEST
    beside = dict(save_as_external_data=True, location=f"{path.name}.data")
    onnx.save(model, str(path), **(beside if large else {}))
    onnx.checker.check_model(str(path))
    return path


def as_text(options: argparse.Namespace, seen: list[Comparison]) -> str:
    rows = [
        (
            blob.blob,
            " x ".join(map(str, blob.shape)) or "1",
            f"{blob.low:.4g} to {blob.high:.4g}",
            f"{blob.difference:.1e}",
        )
        for blob in seen
    ]
    title = f"{options.net}: ONNX against Caffe on random input"
    worst = max((blob.difference for blob in seen), default=0)
    foot = ("largest", "", "", f"{worst:.1e}")
    return lay_out(title, [("blob", "shape", "values", "difference"), *rows, foot], 0)


def say_batch(net: LoadedNet, graph: Graph) -> None:
    if graph.fixed_by is None:
        print("batch: free (checked with two)")
    else:
        size = next(iter(net.inputs.values()))[:1]
        print(f"batch: {size[0] if size else 'none'}, by {graph.fixed_by}")
