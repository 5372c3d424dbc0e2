"""Pictures and a small net as a training leaves it, for the tests of predictions."""

import cv2
import numpy as np
import skimage.data
from tiny_faces import generate

from data_prep import own_faces
from data_prep.aus import BP4D_AUS
from drml.nets.pycaffe import caffe

DEPLOY = """
name: "small"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 170 dim: 170 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: AVE kernel_size: 10 stride: 10 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "output"
  inner_product_param { num_output: 12 } }
layer { name: "prob" type: "Sigmoid" bottom: "output" top: "prob" }
"""
TRAIN_VAL = """
layer { name: "data" type: "MultilabelData" top: "data" top: "label"
  data_param { source: "own/all/test_lmdb" } }
"""
SOLVER = 'net: "net_train_val.prototxt" max_iter: 7 snapshot_prefix: "out/net"'


def make_place(root):
    """Make a folder as a training leaves it, and pictures, imported by the mesh."""
    pictures = root / "pictures"
    pictures.mkdir()
    for name in ("astronaut", "coffee"):
        photo = getattr(skimage.data, name)()
        cv2.imwrite(str(pictures / f"{name}.png"), photo[:, :, ::-1])
    generate(root / "drawn", "--tasks", 1, "--frames", 1)
    for number, file in enumerate(sorted(root.glob("drawn/Seq*/*/T1/*.jpg"))):
        (pictures / f"drawn{number}.jpg").write_bytes(file.read_bytes())
    aus = ",".join(f"AU{au}" for au in BP4D_AUS)
    lines = [f"{p.relative_to(root)},{p.stem}{',1' * 12}" for p in pictures.iterdir()]
    (root / "own.csv").write_text("\n".join([f"path,subject,{aus}", *sorted(lines)]))
    own_faces.main(
        [str(root / "own.csv"), f"--out={root}/own", "--fold=all", "--jobs=1"]
    )
    (root / "net_deploy.prototxt").write_text(DEPLOY)
    (root / "net_train_val.prototxt").write_text(TRAIN_VAL)
    (root / "solver.prototxt").write_text(SOLVER)
    (root / "out").mkdir()
    net, rng = caffe.Net(str(root / "net_deploy.prototxt"), caffe.TEST), np.random
    shape = net.params["fc"][0].data.shape
    net.params["fc"][0].data[...] = rng.default_rng(0).normal(0, 1e-3, shape)
    net.save(str(root / "out" / "net_iter_7.caffemodel"))
    return root
