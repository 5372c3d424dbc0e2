"""Prototxts as make_prototxt.py writes them, with other data.

A layer is `layer {` to `}`, each at a line's begin; the data layers are called "data".
"""

import re
from pathlib import Path

from data_prep.base import UserError

LAYER = re.compile(r"^layer \{\n.*?^\}\n", re.M | re.S)
FACES = 8  # random ones, of which a batch is made
LABELS = 12


def with_data(net: str, data: str, dropout: bool = True) -> str:
    """Return the net with another data layer, and without dropout if it is to be."""
    layers = LAYER.findall(net)
    kept = [layer for layer in layers if '\n  name: "data"' not in layer]
    if len(kept) == len(layers):
        raise UserError("no layer is called data: make_prototxt.py wrote no such net")
    if not dropout:
        kept = [layer for layer in kept if 'type: "Dropout"' not in layer]
    return net[: net.index("layer {")] + data + "".join(kept)


def hdf5_faces(source: str, batch: int, shuffle: bool) -> str:
    return f"""layer {{
  name: "data"
  type: "HDF5Data"
  top: "data"
  top: "label"
  hdf5_data_param {{ source: "{source}" batch_size: {batch} shuffle: {_bool(shuffle)} }}
}}
"""


def random_faces(side: int, batch: int) -> str:
    """Eight faces, drawn anew in each pass and repeated on the GPU.

    So that no other layer's time holds a copy of a batch from the host.
    """
    return f"""layer {{
  name: "faces"
  type: "DummyData"
  top: "faces"
  top: "label"
  dummy_data_param {{
    shape {{ dim: {FACES} dim: 3 dim: {side} dim: {side} }}
    shape {{ dim: {batch} dim: {LABELS} }}
    data_filler {{ type: "gaussian" std: 50 }}
    data_filler {{ type: "constant" value: 1 }}
  }}
}}
layer {{
  name: "data"
  type: "Tile"
  bottom: "faces"
  top: "data"
  tile_param {{ axis: 0 tiles: {batch // FACES} }}
}}
"""


def crop(net: str) -> int:
    """Return the side of the faces that a net of MultilabelData trains on."""
    match = re.search(r"crop_size: (\d+)", net)
    if not match:
        raise UserError("no layer has a crop_size: make_prototxt.py wrote no such net")
    return int(match[1])


def write_face_list(data: Path, name: Path) -> None:
    """Write HDF5Data's list of the training faces, wherever they are now."""
    files = "".join(f"{file.resolve()}\n" for file in face_files(data))
    name.write_text(files)


def face_files(data: Path) -> list[Path]:
    return sorted(data.glob("train_[0-9]*.h5"))


def _bool(value: bool) -> str:
    return "true" if value else "false"
