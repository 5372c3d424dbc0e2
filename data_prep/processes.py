"""Child processes that never outlive the one that started them: a command, a pool.

The pool is our own: results come while their task (a whole video) still runs, a worker
waits until its last one is taken, and all end at once with Ctrl-C. None of this
holds of concurrent.futures (Python 3.11) and joblib, whose results are whole tasks'.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from data_prep.base import UserError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_DONE = None  # what a worker sends after a task's last result


def end_with_parent(parent: int) -> None:
    """Have Linux kill this process as soon as the one that started it is gone.

    parent: its id; it may be gone already.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def start(command: Sequence, **options) -> subprocess.Popen:
    """Start a child that is killed when this process dies, however it does."""
    me = os.getpid()
    return subprocess.Popen(command, preexec_fn=lambda: end_with_parent(me), **options)


def stream(work: Callable, tasks: Iterable, jobs: int) -> Iterator:
    """Yield every result of `work(task)`, an iterable, for all tasks.

    One task's results come in order; those of several at a time are mixed. Memory
    stays flat. An exception in `work` is raised here; the workers end with the
    generator. One job needs no process.
    """
    if jobs == 1:
        for task in tasks:
            yield from work(task)
        return
    pending = iter(tasks)
    workers = {}
    try:
        for task in islice(pending, jobs):
            connection, process = _start(work)
            workers[connection] = process
            connection.send(task)
        yield from _results(set(workers), pending)
    except (EOFError, ConnectionError):
        raise UserError(
            "a worker died, perhaps for want of memory: run again with fewer --jobs"
        ) from None
    finally:
        for connection, process in workers.items():
            process.terminate()
            process.join()
            connection.close()


def _results(busy: set[Connection], pending: Iterator) -> Iterator:
    while busy:
        for connection in wait(busy):
            result = connection.recv()
            if isinstance(result, Exception):
                raise result
            if result is not _DONE:
                yield result[0]
            elif (task := next(pending, _DONE)) is not _DONE:
                connection.send(task)
            else:
                busy.remove(connection)


def _start(work: Callable) -> tuple:
    context = get_context("spawn")  # a child must not inherit an open LMDB
    connection, other = context.Pipe()
    process = context.Process(
        target=_serve, args=(work, other, os.getpid()), daemon=True
    )
    process.start()
    other.close()
    return connection, process


def _serve(work: Callable, connection: Connection, parent: int) -> None:
    end_with_parent(parent)  # a rerun must not meet it still writing
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    import cv2  # here, since commands are also started where it is not installed

    cv2.setNumThreads(1)
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            task = connection.recv()
            try:
                for result in work(task):
                    connection.send((result,))
                connection.send(_DONE)
            except ConnectionError:
                raise
            except Exception as error:
                if isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
                    error = MemoryError(error.err)  # sent as it is, it has no code
                connection.send(error)
