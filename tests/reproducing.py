"""Runs make reproduce for the tests: with stand-ins for its commands, or as it is."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from data_prep.processes import start

ROOT = Path(__file__).parents[1]
FIRST = {"train": 2, "test": 1}  # ms a face, so that nothing is measured


def reproduce(*words, env=None, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "drml", "reproduce", *words]
    return start(  # it ends with the test
        list(map(str, command)), env=os.environ | (env or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


class Project:
    """A folder with a dataset and an OUT, on which stand-ins work."""

    def __init__(self, folder: Path, env: dict | None = None):
        self.folder, self.out, self.env = folder, folder / "out", env or {}
        for name in ("hold", "fail", "dataset"):
            (folder / name).mkdir()
        (folder / "drml").symlink_to(ROOT / "tests/fake_drml.py")
        (folder / "dataset/labels.csv").write_text("1,0\n")
        (folder / "dataset/1.jpg").write_bytes(b"face")
        for net in ("convnet", "drml"):
            file = self.out / f"first_iteration/{net}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(FIRST))

    def start(
        self,
        *words,
        nets="convnet",
        methods="none",
        folds="1",
        tables="2",
        bp4d="dataset",
    ):
        (self.folder / "calls").write_text("")
        path = f"{self.folder}:{self.env.get('PATH', os.environ['PATH'])}"
        faces = ("--bp4d", self.folder / bp4d) if bp4d else ()
        return reproduce(
            *faces, "--protocol", "short", "--out", self.out,
            "--nets", *nets.split(), "--methods", *methods.split(),
            "--folds", *folds.split(), "--tables", *tables.split(), *words,
            env=self.env | {"FAKE": str(self.folder), "PATH": path},
        )  # fmt: skip

    def run(self, *words, **options):
        """Return status, stdout and stderr."""
        with self.start(*words, **options) as process:
            out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    @property
    def calls(self) -> list[str]:
        """What the last run called, without the words that begin with a dash."""
        return (self.folder / "calls").read_text().splitlines()

    @property
    def names(self) -> list[str]:
        """The subcommands that the last run called."""
        return [call.split()[0] for call in self.calls]

    def held(self, name, *words, **options):
        """Start a run, and wait until it has come to a step; returns both processes."""
        (self.folder / "hold" / name).touch()
        process = self.start(*words, **options)
        holding = self.folder / "holding"
        deadline = time.monotonic() + 200
        while not (holding.exists() and holding.read_text()):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        child = int(holding.read_text())
        holding.unlink()
        return process, child

    def release(self, name):
        (self.folder / "hold" / name).unlink()


def is_gone(process: int) -> bool:
    """Wait for a process that is no child of ours to end."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().split(") ")[1][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
