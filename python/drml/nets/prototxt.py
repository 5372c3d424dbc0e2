"""Writes a network of networks.py as the three prototxts that Caffe reads."""

from dataclasses import dataclass, field
from functools import cache

from google.protobuf import text_format

from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from data_prep.base import UserError, positive, whole
from drml.nets.names import FACE_SIZE, FACES
from drml.nets.networks import DEFAULT_FILLERS, FILLERS, NETWORKS, Fill
from drml.nets.pycaffe import caffe, load_net

SOLVERS = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")


@dataclass(frozen=True)
class Training:
    """How a network is trained. Defaults: the paper (4.1), where it speaks."""

    data: str = "data/{faces}/fold1"  # folder with train_lmdb, val_lmdb, mean
    # hdf5: the import's --format hdf5; centre crops, and no mirror images
    source: str = field(default="lmdb", metadata=dict(choices=("lmdb", "hdf5")))
    snapshot_prefix: str = "out/{network}"
    aus: int = 12
    # DRML's region layer has grid x grid patches
    grid: int = field(default=8, metadata=dict(type=int))
    fillers: str | None = field(
        default=None,
        metadata=dict(type=str, choices=FILLERS, help="release; of lcn: preserving"),
    )
    # of the faces, 0 to 255 less the mean
    scale: float | None = field(
        default=None,
        metadata=dict(type=positive, help="with the fillers release: 1; others: 0.02"),
    )
    batch: int = 128
    solver_type: str = field(default="SGD", metadata=dict(choices=SOLVERS))
    base_lr: float = 0.001
    stepsize: int = 8000
    max_iter: int = 16000  # the paper names no end
    test_batch: int = 64
    test_iter: int = 100
    test_interval: int = 500
    display: int = field(default=20, metadata=dict(type=whole(0)))
    snapshot: int = field(default=1000, metadata=dict(type=whole(0)))
    snapshot_format: str = field(  # binary protobuf holds 2 GB at most
        default="BINARYPROTO", metadata=dict(choices=("BINARYPROTO", "HDF5"))
    )
    seed: int = field(default=1, metadata=dict(type=whole(0)))

    def __post_init__(self):
        side = FACE_SIZE["drml"] - 11 + 1  # of conv1's output
        if self.grid < 1 or side % self.grid:
            fitting = [str(n) for n in range(2, side // 2) if side % n == 0]
            raise UserError(
                f"--grid {self.grid} does not divide the {side} x {side} pixels of "
                f"DRML's conv1 into equal patches; give one of {', '.join(fitting)}"
            )


def _layers(net: caffe.NetSpec, network: str, face, training: Training) -> None:
    """Add the network's layers, from the face to the scores."""
    own = dict(grid=training.grid) if network == "drml" else {}
    NETWORKS[network](net, face, training.aus, _fill(network, training), **own)


def _fill(network: str, training: Training) -> Fill:
    fill = FILLERS[training.fillers or DEFAULT_FILLERS[network]]
    return fill if training.scale is None else fill._replace(scale=training.scale)


def _faces(network: str, training: Training, split: str):
    """The data layer of one split, with the paper's augmentation in training."""
    train = split == "train"
    phase = dict(phase=caffe.TRAIN if train else caffe.TEST)
    data = training.data.replace("{faces}", FACES[network])
    batch = training.batch if train else training.test_batch
    scale = _fill(network, training).scale
    if training.source == "hdf5":
        param = dict(source=f"{data}/{split}.txt", batch_size=batch, shuffle=train)
        return L.HDF5Data(ntop=2, include=phase, hdf5_data_param=param)
    return L.MultilabelData(
        ntop=2,
        include=phase,
        data_param=dict(
            source=f"{data}/{split}_lmdb",
            batch_size=batch,
            backend=P.Data.LMDB,
        ),
        transform_param=dict(
            crop_size=FACE_SIZE[network],
            mean_file=f"{data}/mean.binaryproto",
            **(dict(mirror=True) if train else {}),
            **(dict(scale=scale) if scale != 1 else {}),
        ),
        **_shuffled(training) if train else {},
    )


def _shuffled(training: Training) -> dict:
    return dict(multilabel_data_param=dict(shuffle=True, seed=training.seed))


def _scaled(net: caffe.NetSpec, network: str, training: Training):
    """The faces, scaled here where no data layer does it."""
    scale = _fill(network, training).scale
    if scale == 1:
        return net.data
    net.scaled = L.Power(net.data, scale=scale)
    return net.scaled


def train_val(network: str, training: Training) -> str:
    """The network with its data and loss, for `caffe train`."""
    test = caffe.NetSpec()
    test.data, test.label = _faces(network, training, "val")
    net = caffe.NetSpec()
    net.data, net.label = _faces(network, training, "train")
    hdf5 = training.source == "hdf5"
    face = _scaled(net, network, training) if hdf5 else net.data
    _layers(net, network, face, training)
    net.loss = L.MultilabelSigmoidCrossEntropyLoss(net.output, net.label)
    proto = net.to_proto()
    proto.layer.insert(1, test.to_proto().layer[0])
    return _named_and_annotated(network, training, proto)


def deploy(network: str, training: Training) -> str:
    """The network from one face, "data", to the probabilities "prob".

    It has no fillers: its weights come from a file.
    """
    return _named_and_annotated(network, training, _deploy(network, training))


def _deploy(network: str, training: Training) -> caffe_pb2.NetParameter:
    size = FACE_SIZE[network]
    net = caffe.NetSpec()
    net.data = L.Input(shape=dict(dim=[1, 3, size, size]))
    _layers(net, network, _scaled(net, network, training), training)
    net.prob = L.Sigmoid(net.output)
    return _without_fillers(net.to_proto())


def _without_fillers(net: caffe_pb2.NetParameter) -> caffe_pb2.NetParameter:
    for layer in net.layer:
        for _, options in layer.ListFields():
            for filler in ("weight_filler", "bias_filler"):
                if hasattr(options, filler):
                    options.ClearField(filler)
    return net


@cache
def _shapes(network: str, training: Training) -> dict[str, str]:
    """The shape of each blob for one face, as Caffe computes it."""
    net = load_net(_deploy(network, training))
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
        snapshot_format=getattr(caffe_pb2.SolverParameter, training.snapshot_format),
        snapshot_prefix=training.snapshot_prefix.replace("{network}", network),
        solver_mode=caffe_pb2.SolverParameter.GPU,
        random_seed=training.seed,
    )
    return text_format.MessageToString(parameter)
