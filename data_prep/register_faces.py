"""Registers faces on all cores, in order, a bounded number at a time."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread

import cv2

from data_prep import jpeg
from data_prep.errors import UserError
from data_prep.records import Face, Record
from data_prep.registration import register

FACES_AHEAD = 32  # for each worker: enough to keep it busy, and memory stays flat


class FaceWorkers:
    """A pool of processes that turns faces into registered records; use with `with`."""

    def __init__(self, jobs: int):
        self._window = jobs * FACES_AHEAD
        # Spawned, not forked: a child must not inherit an open LMDB.
        self._pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker)

    def __enter__(self) -> "FaceWorkers":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def records(
        self, faces: Iterable[Face], size: int, skip_damaged: bool
    ) -> Iterator[Record]:
        """Yield the registered faces in order, whatever the number of workers.

        A damaged image raises DamagedImageError, or is left out with skip_damaged.
        """
        for record in self._ordered(_record, ((face, size) for face in faces)):
            if isinstance(record, Record):
                yield record
            elif not skip_damaged:
                raise record

    def _ordered(self, work: Callable, items: Iterable) -> Iterator:
        pending: deque = deque()
        try:
            for item in items:
                pending.append(self._pool.submit(work, *item))
                if len(pending) == self._window:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a worker died, perhaps for want of memory: run again with fewer --jobs"
            ) from None


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    Thread(target=_die_with_parent, daemon=True).start()
    cv2.setNumThreads(1)


def _die_with_parent() -> None:
    parent_process().join()  # a worker whose parent was killed would wait for ever
    os._exit(1)


def _record(face: Face, size: int) -> Record | jpeg.DamagedImageError:
    try:
        image = jpeg.read_jpeg(face.image)
    except jpeg.DamagedImageError as damage:
        return damage
    registered = register(image, face.points, size)
    return Record(face.name, jpeg.encode(registered), face.labels)
