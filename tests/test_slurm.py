"""make reproduce PROFILE=slurm, on a real Slurm; its commands are stand-ins."""

import os
import signal

import pytest
import slurm
import yaml
from reproducing import ROOT, Project, is_gone

pytestmark = pytest.mark.skipif(bool(slurm.lacking()), reason=slurm.lacking())
# What this Slurm has not: an accounting database, and a machine for each job.
HERE = {
    "slurm-status-command": "squeue",
    "slurm-init-seconds-before-status-checks": 1,
    "seconds-between-status-checks": 1,
    "default-resources": ["runtime=10", "mem_mb=100"],
    "set-threads": [f"{rule}=1" for rule in ("import_bp4d", "train", "select", "test")],
}


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "slurm").mkdir()
    with slurm.Slurm(tmp_path / "slurm") as cluster:
        yield cluster


@pytest.fixture
def profile(tmp_path):
    """The project's profile with what this Slurm needs."""
    own = yaml.safe_load((ROOT / "python/profiles/slurm/config.yaml").read_text())
    del own["set-resources"]
    file = tmp_path / "profile/config.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(own | HERE))
    return file.parent


def test_a_cluster_trains_and_goes_on_after_kill_9(cluster, profile, tmp_path):
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", cluster.env)
    words = ("--profile", profile, "--jobs", 2, "--mode", "cpu")
    process, child = project.held("train", *words)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert cluster.ask("squeue", "-h", "-o", "%t") == "R"  # a job outlives the driver
    process = project.start(*words)
    assert is_gone(child)
    project.release("train")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert sorted(project.names) == sorted(
        ["train", "select", "evaluate", "best-fold", "report"]
    )
    log = (project.out / "convnet/fold1/train.log").read_text().split("\n")
    assert log[:2] == ["began", "went on"]
    assert cluster.ask("squeue", "-h") == ""
