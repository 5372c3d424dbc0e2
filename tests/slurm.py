"""A Slurm of the test's own: one controller and two nodes on this machine.

All of it lies in one folder and listens on the loopback only; munge, too, has a key and
a socket of its own.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
# A container lets nobody make cgroups, so processes are followed through /proc.
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
KillWait=2
MinJobAge=300
SchedulerParameters=sched_interval=1,batch_sched_delay=0
{nodes}
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs=2 RealMemory=2000"


def lacking() -> str:
    """Say why there can be no Slurm here, if so."""
    if os.geteuid():
        return "slurmd wants root"
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    named = ", ".join(missing)
    return f"no {named} here (apt-get install slurm-wlm munge)" if missing else ""


class Slurm:
    """A running cluster; `env` is what its users want in their environment."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, []
        file = folder / "slurm.conf"
        path = f"{folder}/bin:{os.environ['PATH']}:/usr/sbin"
        self.env = {"SLURM_CONF": str(file), "PATH": path}
        ports = free_ports(3)
        host = socket.gethostname().split(".")[0]
        nodes = [
            NODE.format(n, host, p) for n, p in zip(("n1", "n2"), ports, strict=False)
        ]
        file.write_text(
            CONFIG.format(
                folder=folder, host=host, port=ports[2], nodes="\n".join(nodes)
            )
        )
        (folder / "cgroup.conf").touch()
        self._own_srun()

    def _own_srun(self) -> None:
        """Tell srun where this Slurm's configuration is.

        Snakemake's job steps start it without any SLURM_ variable, as is right where
        the configuration is in its usual place.
        """
        srun = self.folder / "bin/srun"
        srun.parent.mkdir()
        real = shutil.which("srun")
        conf = self.env["SLURM_CONF"]
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {real} "$@"\n')
        srun.chmod(0o755)

    def __enter__(self):
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o600)
        options = {
            "key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid",
            "log-file": "munged.log", "seed-file": "munged.seed",
        }  # fmt: skip
        words = [f"--{name}={self.folder}/{file}" for name, file in options.items()]
        self._start("munged", "--foreground", "--force", *words)
        until(lambda: (self.folder / "munge.socket").exists(), "munged has no socket")
        self._start("slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            self._start("slurmd", "-D", "-N", node)
        until(
            lambda: self.ask("sinfo", "-h", "-o", "%D %t") == "2 idle", "no idle nodes"
        )
        return self

    def __exit__(self, *_):
        self.ask("scancel", "--state=RUNNING", "--partition=test")
        until(lambda: self.ask("squeue", "-h") == "", "jobs that do not end")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(timeout=60)

    def _start(self, *command: str) -> None:
        with open(self.folder / "daemons.log", "a") as log:
            daemon = subprocess.Popen(
                command, env=os.environ | self.env, stdout=log, stderr=log
            )
        self.daemons.append(daemon)

    def ask(self, *command: str) -> str:
        env = os.environ | self.env
        result = subprocess.run(command, env=env, capture_output=True, text=True)
        return result.stdout.strip()


def until(reached, otherwise: str) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [own.getsockname()[1] for own in sockets]
    for own in sockets:
        own.close()
    return ports
