"""What of the package is no text: pycaffe, compiled for a wheel by CMake.

In place (`make`), pycaffe is build/python/caffe, which make's own build puts there.
For a wheel, of a clone or an sdist, CMake builds it in build/wheel; CMAKE_ARGS are
options of it, as scikit-build has them, and JOBS is how many compilers run.
"""

import os
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.build import build

TREE = Path("build/wheel")
IN_PLACE = Path("build/python/caffe")  # not there in an sdist


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


class Compiled(Distribution):
    """A distribution for one Python on one kind of processor."""

    def has_ext_modules(self):
        return True


class Build(build):
    """Compile Caffe, fetch what finds faces, then copy as ever.

    Not called by an install in place.
    """

    def run(self):
        python = f"-DPython3_EXECUTABLE={sys.executable}"
        options = [python, *os.environ.get("CMAKE_ARGS", "").split()]
        run("cmake", "-S.", f"-B{TREE}", "-GNinja", "-DWHEEL=1", "-DMARCH=", *options)
        jobs = os.environ.get("JOBS", os.cpu_count())
        run("ninja", "-C", TREE, "-j", jobs, "pycaffe", "caffe_tool")
        run(sys.executable, "data_prep/face_models.py", TREE / "share/drml")
        packages = self.distribution.packages
        packages += {"caffe", "caffe.proto"} - set(packages)
        self.distribution.package_dir["caffe"] = f"{TREE}/python/caffe"
        models = sorted(map(str, TREE.glob("share/drml/*.tflite")))
        self.distribution.data_files.append(("share/drml", models))
        super().run()


setup(
    distclass=Compiled,
    cmdclass={"build": Build},
    packages=[
        *(["caffe"] if IN_PLACE.is_dir() else []),
        *find_packages(include=["data_prep*"]),
        *find_packages("python", include=["drml*"]),
    ],
    package_dir={"": "python", "caffe": str(IN_PLACE), "data_prep": "data_prep"},
    package_data={
        "caffe": ["*.so", "imagenet/*.npy", "test/*.py"],
        "data_prep": ["*.txt", "folds/*.txt"],
        "drml": ["report/*", "predict/*.html"],
    },
    exclude_package_data={"caffe": ["test/test_draw.py"]},  # draws Caffe's own models
    data_files=[("share/drml/prototxt", sorted(map(str, Path("prototxt").glob("*"))))],
)
