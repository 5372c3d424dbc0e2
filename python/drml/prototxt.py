"""Writes a network of networks.py as the three prototxts that Caffe reads."""

from dataclasses import dataclass
from functools import cache

from google.protobuf import text_format

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from drml.networks import FACE_SIZE, FACES, FILLERS, NETWORKS
from drml.pycaffe import caffe
from drml.unfilled import load_unfilled


@dataclass(frozen=True)
class Training:
    """How a network is trained. Defaults: the paper (4.1), where it speaks."""

    data: str = "data/{faces}/fold1"  # folder with train_lmdb, val_lmdb, mean
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


def _faces(network: str, training: Training, split: str, batch: int, **options):
    """The data layer of one split, with the paper's augmentation in training."""
    train = split == "train"
    data = training.data.replace("{faces}", FACES[network])
    return L.MultilabelData(
        ntop=2,
        include=dict(phase=caffe.TRAIN if train else caffe.TEST),
        data_param=dict(
            source=f"{data}/{split}_lmdb",
            batch_size=batch,
            backend=P.Data.LMDB,
        ),
        transform_param=dict(
            crop_size=FACE_SIZE[network],
            mean_file=f"{data}/mean.binaryproto",
            **(dict(mirror=True) if train else {}),
            **(dict(scale=training.scale) if training.scale != 1 else {}),
        ),
        **options,
    )


def train_val(network: str, training: Training) -> str:
    """The network with its data and loss, for `caffe train`."""
    test = caffe.NetSpec()
    test.data, test.label = _faces(network, training, "val", training.test_batch)
    net = caffe.NetSpec()
    net.data, net.label = _faces(
        network, training, "train", training.batch,
        multilabel_data_param=dict(shuffle=True, seed=training.seed),
    )  # fmt: skip
    NETWORKS[network](net, net.data, training.aus, FILLERS[training.fillers])
    net.loss = L.MultilabelSigmoidCrossEntropyLoss(net.output, net.label)
    proto = net.to_proto()
    proto.layer.insert(1, test.to_proto().layer[0])
    return _named_and_annotated(network, training, proto)


def deploy(network: str, training: Training) -> str:
    """The network from one face, "data", to the probabilities "prob"."""
    return _named_and_annotated(network, training, _deploy(network, training))


def _deploy(network: str, training: Training) -> caffe_pb2.NetParameter:
    size = FACE_SIZE[network]
    net = caffe.NetSpec()
    face = net.data = L.Input(shape=dict(dim=[1, 3, size, size]))
    if training.scale != 1:  # training's data layer scales; here the net must
        face = net.scaled = L.Power(net.data, scale=training.scale)
    NETWORKS[network](net, face, training.aus, FILLERS[training.fillers])
    net.prob = L.Sigmoid(net.output)
    return net.to_proto()


@cache
def _shapes(network: str, training: Training) -> dict[str, str]:
    """The shape of each blob for one face, as Caffe computes it."""
    net = load_unfilled(_deploy(network, training))
    return {
        name: " x ".join(map(str, blob.data.shape[1:]))
        for name, blob in net.blobs.items()
    }


def _named_and_annotated(
    network: str, training: Training, net: caffe_pb2.NetParameter
) -> str:
    """The net's text, each layer's name followed by the shape of its output."""
    shapes = _shapes(network, training)
    lines = [f'name: "{network}"']
    for line in str(net).splitlines():
        name = line.removeprefix('  name: "').removesuffix('"')
        if line.startswith("  name: ") and name in shapes:
            line += f"  # {shapes[name]}"
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
        snapshot_prefix=training.snapshot_prefix.replace("{network}", network),
        solver_mode=caffe_pb2.SolverParameter.GPU,
        random_seed=training.seed,
    )
    return text_format.MessageToString(parameter)
