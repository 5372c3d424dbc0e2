"""Writes tests/data/fuzz, the valid inputs that the fuzzers of Caffe begin with.

A folder a target (fuzz_caffe.cpp, fuzz_python.py); `options` is the byte in front that
some begin with. What was found (refused_*, found_*) is kept beside them by hand. To be
run from the repository's root.
"""

import json
import os
import tempfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

from caffe.proto import caffe_pb2
from data_prep.aus import BP4D_AUS
from drml.nets.pycaffe import caffe  # before its protocol buffers

SEEDS = Path("tests/data/fuzz").resolve()

# ruff: noqa: E501
# Type, bottoms of SHAPES (constants: a and k are labels), options.
LAYERS = """
AbsVal i
Accuracy vk accuracy_param { top_k: 2 }
ArgMax i argmax_param { top_k: 2 out_max_val: true axis: 1 }
BNLL i
Batch i batch_param { use_global_stats: false }
BatchNorm i batch_norm_param { moving_average_fraction: 0.9 }
BatchReindex ik
Bias i bias_param { axis: 1 num_axes: 2 filler { type: "constant" value: 1 } }
Box i box_param { width: 2 height: 3 xcoord: 0 ycoord: 1 }
Clip i clip_param { min: -1 max: 1 }
Concat ii concat_param { axis: 2 }
ContrastiveLoss vvk contrastive_loss_param { margin: 2 legacy_version: true }
Convolution i convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 pad: 1 stride: 2 group: 2 dilation: 1 weight_filler { type: "xavier" } }
Convolution i convolution_param { num_output: 3 kernel_size: 3 engine: CAFFE weight_filler { type: "msra" variance_norm: AVERAGE } }
Crop ii crop_param { axis: 2 offset: 0 }
Deconvolution i convolution_param { num_output: 2 kernel_size: 3 stride: 2 weight_filler { type: "bilinear" } }
Dropout i dropout_param { dropout_ratio: 0.3 }
ELU i elu_param { alpha: 0.5 }
Eltwise ii eltwise_param { operation: SUM coeff: 1 coeff: -1 }
Eltwise ii eltwise_param { operation: MAX }
Embed k embed_param { num_output: 3 input_dim: 4 bias_term: true weight_filler { type: "uniform" } }
EuclideanLoss vv
Exp i exp_param { base: 2 scale: 0.5 shift: 1 }
Filter ik
Flatten i flatten_param { axis: 1 end_axis: 2 }
HingeLoss vk hinge_loss_param { norm: L2 }
Im2col i convolution_param { kernel_size: 2 pad: 1 dilation: 2 }
InfogainLoss vkh infogain_loss_param { axis: 1 }
InnerProduct i inner_product_param { num_output: 3 axis: 1 transpose: true weight_filler { type: "gaussian" sparse: 1 } }
LRN i lrn_param { local_size: 3 alpha: 0.1 beta: 0.7 k: 1 }
LRN i lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL engine: CAFFE }
LSTM tc recurrent_param { num_output: 2 weight_filler { type: "uniform" } }
RNN tc recurrent_param { num_output: 2 expose_hidden: false }
LSTMUnit CLo top: "y"
LocallyConnected i locally_connected_param { num_output: 2 kernel_size: 3 pad: 1 stride: 2 }
Log i log_param { base: 10 scale: 1 shift: 1 }
MVN i mvn_param { normalize_variance: true across_channels: true eps: 1e-5 }
MultiSigmoidCrossEntropyLoss va
MultilabelSigmoidCrossEntropyLoss va
MultinomialLogisticLoss vk
PReLU i prelu_param { channel_shared: true }
Pooling i pooling_param { pool: MAX kernel_size: 2 stride: 2 pad: 1 }
Pooling i pooling_param { pool: AVE global_pooling: true engine: CAFFE }
Pooling i pooling_param { pool: MAX kernel_h: 2 kernel_w: 3 round_mode: FLOOR }
Power i power_param { power: 2 scale: 0.5 shift: 1 }
ReLU i relu_param { negative_slope: 0.1 }
Reduction i reduction_param { operation: SUMSQ axis: 1 coeff: 2 }
Region i region_param { grid: 2 kernel_size: 3 use_global_stats: false }
Reshape i reshape_param { shape { dim: 0 dim: -1 dim: 3 } axis: 0 num_axes: 3 }
SPP i spp_param { pyramid_height: 2 pool: MAX }
Scale i scale_param { axis: 0 num_axes: -1 bias_term: true }
Sigmoid i
SigmoidCrossEntropyLoss vv loss_param { normalization: FULL }
Silence i
Slice i slice_param { axis: 1 slice_point: 1 } top: "y"
Softmax i softmax_param { axis: 1 }
SoftmaxWithLoss vk loss_param { ignore_label: 1 normalize: false }
Splice bbbb splice_param { xcoord: 0 ycoord: 0 xcoord: 1 ycoord: 0 xcoord: 0 ycoord: 2 xcoord: 1 ycoord: 2 }
Split i top: "y"
Swish i swish_param { beta: 2 }
TanH i tanh_param { engine: CAFFE }
Threshold i threshold_param { threshold: 0.5 }
Tile i tile_param { axis: 1 tiles: 2 }
"""
NO_GRADIENT = ("Accuracy", "ArgMax", "Threshold")
LABELLED = ("BatchReindex", "Embed", "Filter", "InfogainLoss", "LSTMUnit")
SHAPES = {
    "i": (2, 4, 6, 6), "v": (2, 4), "a": (2, 4), "k": (2,), "h": (1, 1, 4, 4),
    "t": (3, 2, 4), "c": (3, 2), "C": (1, 2, 2), "L": (1, 2, 8), "o": (1, 2),
    "b": (2, 4, 2, 1),
}  # fmt: skip
FACES = {
    "Data": 'data_param { source: "lmdb" batch_size: 2 backend: LMDB prefetch: 2 }',
    "MultilabelData": 'data_param { source: "lmdb" batch_size: 2 rand_skip: 2 } '
    "multilabel_data_param { shuffle: true seed: 3 }",
    "MultilabelImageData": 'image_data_param { source: "labels.txt" batch_size: 2 '
    "multilabel_num: 3 new_height: 7 new_width: 8 }",
    "ImageData": 'image_data_param { source: "list.txt" batch_size: 3 shuffle: true '
    "is_color: false rand_skip: 1 }",
    "WindowData": 'transform_param { crop_size: 4 } window_data_param { batch_size: 2 '
    'source: "windows.txt" fg_threshold: 0.5 crop_mode: "square" context_pad: 1 }',
    "HDF5Data": 'hdf5_data_param { source: "h5.txt" batch_size: 2 shuffle: true }',
    "DummyData": 'dummy_data_param { shape { dim: 2 dim: 3 } data_filler { type: '
    '"gaussian" std: 1 } }',
    "Parameter": "parameter_param { shape { dim: 2 } }",
}  # fmt: skip
SOLVER = """
net_param { force_backward: true layer { name: "d" type: "DummyData" top: "d"
  dummy_data_param { shape { dim: 2 dim: 3 } data_filler { type: "uniform" } } }
  layer { name: "f" type: "InnerProduct" bottom: "d" top: "f" param { lr_mult: 2 }
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
  layer { name: "l" type: "Reduction" bottom: "f" top: "l" loss_weight: 1 } }
test_iter: 1 test_interval: 2 max_iter: 3 display: 1 average_loss: 2 random_seed: 1
"""
SOLVERS = {
    "SGD": 'lr_policy: "step" stepsize: 2 gamma: 0.1 momentum: 0.9 iter_size: 2',
    "Nesterov": 'lr_policy: "exp" gamma: 0.5 momentum: 0.9 regularization_type: "L1"',
    "AdaGrad": 'lr_policy: "inv" gamma: 0.5 power: 0.75 delta: 1e-8',
    "AdaDelta": 'lr_policy: "poly" power: 2 momentum: 0.9 delta: 1e-8',
    "RMSProp": 'lr_policy: "sigmoid" gamma: 0.1 stepsize: 2 rms_decay: 0.9',
    "Adam": 'lr_policy: "multistep" gamma: 0.1 stepvalue: 1 stepvalue: 2 momentum: 0.9 '
    "momentum2: 0.99 clip_gradients: 1 snapshot_format: HDF5 snapshot: 2 "
    "snapshot_diff: true",
}


def write(target: str, name: str, content: bytes | str, options: bytes = b"") -> None:
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(options + content)


def net_of(kind: str, bottoms: str, options: str) -> str:
    forced = kind not in NO_GRADIENT + LABELLED
    text = "force_backward: true " if forced else ""
    text += "state { phase: TRAIN }\n"
    for i, bottom in enumerate(bottoms):
        dims = " ".join(f"dim: {size}" for size in SHAPES[bottom])
        label = "constant" if bottom in "akcho" else "gaussian"
        text += (
            f'layer {{ name: "d{i}" type: "DummyData" top: "d{i}" dummy_data_param {{ '
            f'shape {{ {dims} }} data_filler {{ type: "{label}" value: 1 }} }} }}\n'
        )
    tops = "" if kind == "Silence" else 'top: "x"'
    links = " ".join(f'bottom: "d{i}"' for i in range(len(bottoms)))
    if kind in LABELLED and bottoms[0] not in "k":  # what has weights wants gradients
        text += 'layer { name: "s" type: "Scale" bottom: "d0" top: "s" }\n'
        links = links.replace("d0", "s")
    return f'{text}layer {{ name: "x" type: "{kind}" {links} {tops} {options} }}\n'


def nets() -> None:
    for number, line in enumerate(LAYERS.strip().splitlines()):
        kind, bottoms, *options = line.split(" ", 2)
        text = net_of(kind, bottoms, *options or [""])
        write("net", f"{number:02}_{kind}", text)
    for kind, options in FACES.items():
        tops = 'top: "x"' if kind in ("DummyData", "Parameter") else 'top: "x" top: "k"'
        if kind == "HDF5Data":
            tops = 'top: "data" top: "label"'
        write("net", kind, f'layer {{ name: "x" type: "{kind}" {tops} {options} }}\n')
    v1 = 'layers { name: "%s" type: %s %s }\n'
    text = (
        'name: "old" input: "d" input_dim: 2 input_dim: 2 input_dim: 6 input_dim: 6\n'
    )
    conv = "convolution_param { num_output: 2 kernel_size: 3 }"
    write("net", "v1", text + v1 % ("c", "CONVOLUTION", f'bottom: "d" top: "c" {conv}'))
    v0 = 'layers { layer { name: "%s" type: "%s" %s } bottom: "%s" top: "%s" }\n'
    text += v0 % ("p", "padding", "pad: 1", "d", "p")
    text += v0 % ("c", "conv", "num_output: 2 kernelsize: 3", "p", "c")
    write("net", "v0", text + v0 % ("r", "relu", "", "c", "c"))
    for kind, options in SOLVERS.items():
        write("solver", kind, f'{SOLVER}type: "{kind}" base_lr: 0.01 {options}\n')


def weights() -> None:
    """Of the net that fuzz_caffe.cpp has, and a solver's state after an iteration."""
    source = Path("tests/reliability/fuzz_caffe.cpp").read_text()
    net = source.split('kWeighty[] = R"(')[1].split(')";')[0]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("net.prototxt").write_text(net)
        options = 'net: "net.prototxt" base_lr: 0.01 momentum: 0.9 random_seed: 1 '
        options += 'lr_policy: "multistep" stepvalue: 2 snapshot_prefix: "x" '
        for form in ("BINARYPROTO", "HDF5"):
            Path("s.prototxt").write_text(f"{options} snapshot_format: {form}")
            solver = caffe.SGDSolver("s.prototxt")
            solver.step(1)
            solver.snapshot()
        write("caffemodel", "all", Path("x_iter_1.caffemodel").read_bytes())
        state = caffe_pb2.SolverState()
        state.ParseFromString(Path("x_iter_1.solverstate").read_bytes())
        state.ClearField("learned_net")
        write("solverstate", "all", state.SerializeToString())
        write("hdf5_weights", "all", Path("x_iter_1.caffemodel.h5").read_bytes())
        with h5py.File("x_iter_1.solverstate.h5", "a") as file:
            del file["learned_net"]
        write("hdf5_state", "all", Path("x_iter_1.solverstate.h5").read_bytes())


def face() -> np.ndarray:
    return np.arange(90, dtype=np.uint8).reshape(6, 5, 3)


def records() -> None:
    datum = caffe_pb2.Datum(label=1, float_data=[1, -1, 0])
    for ending in (".jpg", ".png", ".bmp", ".webp", ".tiff", ".pgm"):
        image = face()[..., 0] if ending == ".pgm" else face()
        datum.data, datum.encoded = cv2.imencode(ending, image)[1].tobytes(), True
        # The two layers, the other one's in the second place and cut.
        for options in (b"\x00",) if ending == ".pgm" else (b"\x00", b"\x32"):
            name = f"{ending[1:]}_{options.hex()}"
            write("record", name, datum.SerializeToString(), options)
    datum = caffe.io.array_to_datum(face().transpose(2, 0, 1), 1)
    datum.float_data.extend([1, -1, 0])
    for options in (b"\x00", b"\x0b", b"\x17", b"\x2b", b"\x67"):
        write("record", f"bytes_{options.hex()}", datum.SerializeToString(), options)
    datum.data = b""
    datum.float_data[:] = np.arange(90)
    write("record", "floats", datum.SerializeToString(), b"\x20")


def means_and_lists() -> None:
    mean = caffe.io.array_to_blobproto(np.full((1, 3, 6, 5), 100.0))
    for choice in range(8):
        write("mean", str(choice), mean.SerializeToString(), bytes([choice]))
    for choice, text in enumerate(
        (
            "a.jpg 1 -1 0\nb.png 0 0 1\n",
            "a.jpg 1\nb.png 0\n",
            "# 0\na.jpg\n3\n6\n5\n2\n1 0.9 0 0 3 3\n0 0.1 1 1 4 4\n"
            "# 1\nb.png\n3\n6\n5\n0\n",
            "data.h5\n",
        )
    ):
        for more in (0, 4 | 8, 16):
            write("list", f"{choice}_{more}", text, bytes([choice | more]))


def hdf5_data() -> None:
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        for name, options in (("plain", {}), ("packed", {"compression": 4})):
            with h5py.File(file.name, "w") as h5:
                images = np.zeros((3, 2, 2, 2), np.float32)
                h5.create_dataset("data", data=images, **options)
                h5.create_dataset("label", data=np.array([[1], [0], [1]], np.int32))
            write("hdf5_data", name, Path(file.name).read_bytes(), b"\x01")


# ---- What fuzz_python.py reads


def codes() -> None:
    aus = ",".join(map(str, BP4D_AUS))
    for name, row in (("all", "1,0,9"), ("blanks", " 1, 0, 9 ")):
        rows = "".join(f"{n},{','.join([row] * 4)}\n" for n in (1, 2))
        write("bp4d_codes", name, f"0,{aus}\n{rows}")
    write("disfa_codes", "all", "1,0\n2,5\n3, 3\n")
    header = "path,subject,AU1,AU12"
    write("own_csv", "plain", f"{header}\na.jpg,anna,1,0\nb.jpg,anna,9,\n")
    write("own_csv", "points", f"{header},landmarks\na.png,anna,1,0,a.npy\n")
    write("path_csv", "all", "path,other\na.png,1\n")
    write("tool_table", "openface", "frame,AU01_c,AU12_c,success\n1,1,0,1\n2,0,1,1\n")
    write(
        "tool_table", "pyfeat", "input,AU01,AU12,FaceScore\nF001/T1/1.jpg,0.5,0.1,1\n"
    )
    write("tool_table", "libreface", "frame_idx,au_1,au_12,au_1_intensity\n1,1,0,2.5\n")


def points() -> None:
    shape = np.arange(98, dtype=np.float32).reshape(49, 2)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "points")
        with h5py.File(file, "w") as mat:
            frames = [mat.create_dataset(f"f{i}", data=shape.T) for i in range(2)]
            references = mat.create_dataset("fit/pred", (2, 1), h5py.ref_dtype)
            references[:, 0] = [frame.ref for frame in frames]
        write("bp4d_points", "all", file.read_bytes())
        for version, packed in (("4", False), ("5", False), ("5", True)):
            pts = np.arange(132, dtype=np.float64).reshape(66, 2)
            with file.open("wb") as mat:
                scipy.io.savemat(
                    mat, {"pts": pts}, format=version, do_compression=packed
                )
            name = f"v{version}{'_packed' * packed}"
            write("disfa_points", name, file.read_bytes())
        for name, array in (("floats", shape), ("ints", shape.astype(int).T.copy().T)):
            with file.open("wb") as npy:
                np.save(npy, array)
            write("points_npy", name, file.read_bytes())
    lines = "\n".join(f"{x} {y}" for x, y in shape)
    write("points_pts", "all", f"version: 1\nn_points: 49\n{{\n{lines}\n}}\n")


def pictures() -> None:
    for ending in (".jpg", ".png"):
        write("picture", ending[1:], cv2.imencode(ending, face())[1].tobytes())
    for ending in (".bmp", ".webp", ".tiff", ".ppm"):
        write("other_picture", ending[1:], cv2.imencode(ending, face())[1].tobytes())
    with tempfile.TemporaryDirectory() as folder:
        for name, code in (("x.avi", "MJPG"), ("x.mp4", "mp4v")):
            file = f"{folder}/{name}"
            video = cv2.VideoWriter(file, cv2.VideoWriter_fourcc(*code), 25, (32, 32))
            for level in (0, 90, 180):
                video.write(np.full((32, 32, 3), level, np.uint8))
            video.release()
            write("film", name, Path(file).read_bytes())


def records_of_ours() -> None:
    about = {"dataset": "BP4D", "generated": True, "aus": [1, 12], "size": 200}
    about |= {"fold": 1, "seed": 5, "splits": {"test": {"subjects": ["F001"]}}}
    write("dataset_json", "all", json.dumps(about))
    model = {"net": "x_model.json", "mean": "x_model.json", "aus": [1, 12]}
    model |= {"generated": True, "dataset": "BP4D, fold 1"}
    write("model_json", "all", json.dumps(model))
    blob = caffe.io.array_to_blobproto(np.full((1, 3, 5, 5), 100.0))
    write("python_mean", "all", blob.SerializeToString())


if __name__ == "__main__":
    nets()
    records()
    means_and_lists()
    hdf5_data()
    weights()
    codes()
    points()
    pictures()
    records_of_ours()
