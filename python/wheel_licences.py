"""Put the licences of what a wheel holds into it, beside its own.

    python/wheel_licences.py WHEEL CAFFE_LICENSE

auditwheel has copied Debian's libraries into the wheel and listed their packages
(dist-info/sboms): the copyright file of each, or of several that share one, goes to
dist-info/licenses, named after them, with the common licences that those refer to, and
Caffe's own. The wheel is replaced.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from auditwheel.wheeltools import InWheel

DOCUMENTS = Path("/usr/share/doc")
COMMON = Path("/usr/share/common-licenses")
LINKED = {"libopencv-core-dev"}  # statically, so that auditwheel does not see it


def packages(sbom: dict) -> set[str]:
    """Names of the Debian packages in a CycloneDX list of components."""
    components = sbom["components"]
    return {c["name"] for c in components if c["purl"].startswith("pkg:deb/")}


def licences(names: set[str]) -> dict[str, str]:
    """What dist-info/licenses gets: file name to text.

    A package whose copyright file is missing ends it: the wheel must not be shared.
    """
    owners = {}
    for name in sorted(names):
        file = DOCUMENTS / name / "copyright"
        if not file.is_file():
            sys.exit(f"make wheel: error: {file} is missing: what is {name}'s licence?")
        owners.setdefault(file.read_text(errors="replace"), []).append(name)
    texts = {",".join(names): text for text, names in owners.items()}
    named = set(re.findall(rf"{COMMON}/([\w.+-]*\w)", "\n".join(texts.values())))
    for file in map(COMMON.joinpath, sorted(named)):
        if file.is_file():
            texts[f"common-licenses/{file.name}"] = file.read_text()
    return texts


def main(wheel: Path, caffe: Path) -> None:
    with InWheel(wheel, wheel) as _:  # its root is the current folder now
        (info,) = Path().glob("*.dist-info")
        sbom = json.loads((info / "sboms/auditwheel.cdx.json").read_text())
        for name, text in licences(packages(sbom) | LINKED).items():
            file = info / "licenses" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        shutil.copy(caffe, info / "licenses/caffe")


if __name__ == "__main__":
    main(*(Path(word).resolve() for word in sys.argv[1:]))
