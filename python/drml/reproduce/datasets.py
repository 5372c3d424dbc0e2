"""The steps that make prepared datasets, and how many faces those have."""

from pathlib import Path

from data_prep.network_input import usual_crop
from drml.evaluate.dataset import read_dataset
from drml.reproduce.protocol import SHORT_FACES
from drml.reproduce.request import Request
from drml.reproduce.step import Step

IMAGES = ("dataset.json", "mean.binaryproto")
SPLITS = ("train", "val", "test")
LAYOUTS = {"bp4d": "BP4D", "disfa": "DISFA"}


class Datasets:
    """Makes each of these steps once, whoever asks for it."""

    def __init__(self, request: Request):
        self.request = request
        self.made: dict[str, Step] = {}

    def bp4d(self, network: str, fold: int) -> Step:
        return self._import("bp4d", network, str(fold), f"fold{fold}", SPLITS)

    def disfa(self, network: str) -> Step:
        return self._import("disfa", network, "all", "all", ("test",))

    def folder(self, step: Step) -> Path:
        return Path(step.outputs[0]).parent

    def faces(self, step: Step, split: str) -> int:
        """Count a split's faces; about, until the step is done."""
        if Path(step.outputs[0]).exists():
            return read_dataset(self.folder(step))["splits"][split]["faces"]
        layout = step.name.split("/")[1].split("_")[0]
        return self.request.protocol.faces[layout] // (3 if layout == "bp4d" else 1)

    def _import(self, layout, network, fold, folder, splits) -> Step:
        request, size = self.request, self.request.protocol.size(network)
        name = f"data/{layout}_{size}/{folder}"
        if name in self.made:
            return self.made[name]
        faces = [self._faces(layout)] if request.draws else []
        root = Path(faces[0].outputs[0]) if faces else getattr(request, layout)
        out = request.out / name
        crop = next(c for c, s in request.protocol.sizes.items() if s == size)
        options = ["--crop", crop] if usual_crop(size) != crop else []
        options += ["--sample", "none"] if request.draws else []
        command = ["-m", "drml", "import", layout, root, "--out", out.parent]
        command += ["--fold", fold, "--size", size, *options, "--seed", request.seed]
        files = [*IMAGES, *(f"{split}_lmdb/data.mdb" for split in splits)]
        self.made[name] = Step(
            name=name,
            part=f"{LAYOUTS[layout]}: import",
            command=tuple(map(str, command)),
            outputs=tuple(str(out / file) for file in files),
            needs=tuple(faces),
            reads=() if faces else (root,),
            leaves=(str(out),),
        )
        return self.made[name]

    def _faces(self, layout: str) -> Step:
        """Draw the faces of a layout."""
        name = f"faces/{layout}"
        if name not in self.made:
            out = str(self.request.out / name)
            command = ["-m", "drml", "generate", out, "--layout", layout]
            for option, count in SHORT_FACES[layout].items():
                command += [f"--{option}", str(count)]
            command += ["--seed", str(self.request.seed)]
            self.made[name] = Step(
                name, f"{LAYOUTS[layout]}: generated faces", tuple(command), (out,)
            )
        return self.made[name]
