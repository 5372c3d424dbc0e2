"""Work on several processes: order, flow, failure and end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from data_prep.base import UserError
from data_prep.processes import stream


def count(task: tuple[str, int]):
    name, results = task
    for i in range(results):
        yield name, i


def pids(results: int):
    for _ in range(results):
        yield os.getpid()


def refuse(task: int):
    yield task
    raise UserError(f"task {task} is wrong")


def die(_: int):
    yield os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_is_done_once_and_in_its_order(jobs):
    tasks = [("a", 3), ("b", 0), ("c", 2), ("d", 4)]
    results = list(stream(count, tasks, jobs))
    assert sorted(results) == sorted(r for task in tasks for r in count(task))
    for name, _ in tasks:
        assert [i for n, i in results if n == name] == sorted(
            i for n, i in results if n == name
        )


def test_no_task_is_no_result():
    assert list(stream(count, [], 2)) == []


def test_one_job_works_here_and_more_elsewhere():
    assert set(stream(pids, [2, 2], 1)) == {os.getpid()}
    assert os.getpid() not in set(stream(pids, [2, 2], 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_worker_is_raised_here(jobs):
    with pytest.raises(UserError, match="task 7 is wrong"):
        list(stream(refuse, [7], jobs))


def test_a_worker_that_dies_is_an_error_and_not_a_wait():
    with pytest.raises(UserError, match="a worker died, .* fewer --jobs"):
        list(stream(die, [0, 0], 2))


def test_processes_end_with_the_generator():
    results = stream(pids, [10**6, 10**6], 2)
    workers = {next(results) for _ in range(200)}
    results.close()
    assert not any(alive(pid) for pid in workers)


def test_processes_of_a_killed_program_end():
    code = (
        "import sys; sys.path[:0] = ['tests']; import test_processes as t\n"
        "for pid in t.stream(t.pids, [10**9, 10**9], 2): print(pid, flush=True)"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    workers = {int(program.stdout.readline()) for _ in range(200)}
    program.kill()
    program.stdout.close()
    program.wait()
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_whose_parent_is_gone_ends_at_once():
    code = "from data_prep.processes import end_with_parent; end_with_parent(0)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
