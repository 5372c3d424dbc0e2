"""Processes that work through tasks and hand results back as they come."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

import cv2

from data_prep.errors import UserError
from data_prep.processes import end_with_parent

_DONE = None  # what a worker sends after a task's last result


def stream(work: Callable, tasks: Iterable, jobs: int) -> Iterator:
    """Yield every result of `work(task)`, an iterable, for all tasks.

    One task's results come in order; those of several at a time are mixed. A worker
    waits until its last result is taken, so memory stays flat. An exception in `work`
    is raised here; the workers end with the generator. One job needs no process.
    """
    if jobs == 1:
        for task in tasks:
            yield from work(task)
        return
    pending = iter(tasks)
    workers = {}
    try:
        for _, task in zip(range(jobs), pending, strict=False):
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
                connection.send(error)
