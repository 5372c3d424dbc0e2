"""Writes a network of networks.py as the three prototxts that Caffe reads."""

import tempfile
from dataclasses import dataclass

from google.protobuf import text_format

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from drml.networks import FACE_SIZE, FILLERS, NETWORKS
from drml.pycaffe import caffe


@dataclass(frozen=True)
class Training:
    """How a network is trained. Defaults: the paper (4.1), where it speaks."""

    data: str = "data/bp4d/fold1"  # folder with train_lmdb, val_lmdb, mean
    snapshot_prefix: str = "out/{network}"
    aus: int = 12
    fillers: str = "release"  # or "msra": networks.py
    scale: float = 1  # of the faces, 0 to 255 less the mean
    batch: int = 128
    solver_type: str = "SGD"
    base_lr: float = 0.001
    stepsize: int = 8000
    max_iter: int = 16000  # the paper names no end
    test_batch: int = 64
    test_iter: int = 100
    test_interval: int = 500
    display: int = 20
    snapshot: int = 1000
    seed: int = 1


def _faces(training: Training, split: str, size: int, batch: int, **options):
    """The data layer of one split, with the paper's augmentation in training."""
    train = split == "train"
    return L.MultilabelData(
        ntop=2,
        include=dict(phase=caffe.TRAIN if train else caffe.TEST),
        data_param=dict(
            source=f"{training.data}/{split}_lmdb",
            batch_size=batch,
            backend=P.Data.LMDB,
        ),
        transform_param=dict(
            crop_size=size,
            mean_file=f"{training.data}/mean.binaryproto",
            **(dict(mirror=True) if train else {}),
            **(dict(scale=training.scale) if training.scale != 1 else {}),
        ),
        **options,
    )


def train_val(network: str, training: Training) -> str:
    """The network with its data and loss, for `caffe train`."""
    size = FACE_SIZE[network]
    test = caffe.NetSpec()
    test.data, test.label = _faces(training, "val", size, training.test_batch)
    net = caffe.NetSpec()
    net.data, net.label = _faces(
        training, "train", size, training.batch,
        multilabel_data_param=dict(shuffle=True, seed=training.seed),
    )  # fmt: skip
    NETWORKS[network](net, net.data, training.aus, FILLERS[training.fillers])
    net.loss = L.MultilabelSigmoidCrossEntropyLoss(net.output, net.label)
    proto = net.to_proto()
    proto.layer.insert(1, test.to_proto().layer[0])
    return f'name: "{network}"\n' + _annotate(network, training, str(proto))


def deploy(network: str, training: Training) -> str:
    """The network from one face, "data", to the probabilities "prob"."""
    return f'name: "{network}"\n' + _annotate(
        network, training, _deploy_text(network, training)
    )


def _deploy_text(network: str, training: Training) -> str:
    size = FACE_SIZE[network]
    net = caffe.NetSpec()
    face = net.data = L.Input(shape=dict(dim=[1, 3, size, size]))
    if training.scale != 1:  # training's data layer scales; here the net must
        face = net.scaled = L.Power(net.data, scale=training.scale)
    NETWORKS[network](net, face, training.aus, FILLERS[training.fillers])
    net.prob = L.Sigmoid(net.output)
    return str(net.to_proto())


def _annotate(network: str, training: Training, text: str) -> str:
    """Put the shape of each layer's output, as Caffe computes it, at its name."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(_deploy_text(network, training))
        file.flush()
        net = caffe.Net(file.name, caffe.TEST)
    lines = []
    for line in text.splitlines():
        name = line.removeprefix('  name: "').removesuffix('"')
        if line.startswith("  name: ") and name in net.blobs:
            line += "  # " + " x ".join(map(str, net.blobs[name].data.shape[1:]))
        lines.append(line)
    return "\n".join(lines) + "\n"


def solver(network: str, net_file: str, training: Training) -> str:
    """SGD as in the paper, 4.1; it falls back to the CPU without a GPU."""
    parameter = caffe_pb2.SolverParameter(
        net=net_file,
        test_initialization=False,
        test_iter=[training.test_iter],
        test_interval=training.test_interval,
        type=training.solver_type,
        base_lr=training.base_lr,
        lr_policy="step",
        gamma=0.1,
        stepsize=training.stepsize,
        momentum=0.9,
        weight_decay=0.0005,
        display=training.display,
        average_loss=training.display,
        max_iter=training.max_iter,
        snapshot=training.snapshot,
        snapshot_prefix=training.snapshot_prefix.format(network=network),
        solver_mode=caffe_pb2.SolverParameter.GPU,
        random_seed=training.seed,
    )
    return text_format.MessageToString(parameter)
