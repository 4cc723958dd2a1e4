"""Forks processes that do pieces of work, and gives them large bytes without a copy too many.

Lambda has no shared memory with a name, hence no queues and locks of `multiprocessing`: processes are forked and talk
over sockets, and through a piece of memory without a name that both have since the fork. They use no connection of
their parent's. One that dies is noticed, and none outlives the block that it was made for.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import multiprocessing
import pickle
import socket
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    Given = bytearray | memoryview
    Work = Callable[[Any, Sequence[Given]], tuple[object, Sequence[bytes | memoryview]]]
    Body = bytes | memoryview | Sequence[bytes | memoryview]

_BUFFER_BYTES = 1 << 20
_ALIGNED = 64
_FREE = getattr(mmap, "MADV_REMOVE", mmap.MADV_DONTNEED)
"""Gives shared pages back to the system, for all who share them; Linux knows it."""
_PATIENCE_S = 5.0


class WorkerDiedError(RuntimeError):
    """A process is gone before its work was done; most likely it was killed for want of memory."""


def free_pages(given: memoryview) -> None:
    """Give the memory of shared bytes back, but for the pages at its edges; of other bytes nothing."""
    shared = given.obj
    if not isinstance(shared, mmap.mmap):
        return
    with memoryview(shared) as whole:
        begin = _address(given) - _address(whole)
    first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (begin + len(given)) // mmap.PAGESIZE * mmap.PAGESIZE - first
    if size > 0:
        shared.madvise(_FREE, first, size)


def _address(view: memoryview) -> int:
    address: int = np.frombuffer(view, np.uint8).ctypes.data
    return address


class _Line:
    """One end of a connection between two processes, which send in turns: small objects, with large bytes.

    Bytes that have room in the shared memory are copied there, once; others go the same way as the objects.
    """

    def __init__(self, end: socket.socket, shared: mmap.mmap | None) -> None:
        self._end = end
        self._shared = shared
        self._room = len(shared) if shared else 0
        for kind in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, kind, _BUFFER_BYTES)

    def fileno(self) -> int:
        """Let `multiprocessing.connection.wait` wait for it."""
        return self._end.fileno()

    def close(self) -> None:
        """Give it up."""
        self._end.close()

    def send(self, head: object, *bodies: Body) -> None:
        """Send an object and bytes, each in one piece or several; what was received before is no longer valid."""
        pieces = [[body] if isinstance(body, bytes | memoryview) else body for body in bodies]
        places: list[tuple[int, int]] = []
        free = 0
        for body in pieces:
            size = sum(map(len, body))
            fits = free + size <= self._room
            places.append((free if fits else -1, size))
            free += -(-size // _ALIGNED) * _ALIGNED * fits
        packed = pickle.dumps((head, places))
        for (place, _), body in zip(places, pieces, strict=True):
            if place >= 0 and self._shared:
                for piece in body:
                    self._shared[place : place + len(piece)] = piece
                    place += len(piece)  # noqa: PLW2901 - of the next piece
        self._end.sendall(len(packed).to_bytes(8, "big") + packed)
        for (place, _), body in zip(places, pieces, strict=True):
            if place < 0:
                for piece in body:
                    self._end.sendall(piece)

    def receive(self) -> tuple[Any, list[Given]]:
        """Wait for what the other end sends; the bytes are valid until this end sends.

        Raises:
            OSError: the other end is gone.
        """
        size = int.from_bytes(self._take(8), "big")
        head, places = pickle.loads(self._take(size))  # noqa: S301 - from our own process
        return head, [self._shared_at(place, size) if place >= 0 else self._take(size) for place, size in places]

    def let_go(self) -> None:
        """Give up the pages of the shared memory that this process has touched; the other's stay as they are."""
        if self._shared:
            self._shared.madvise(mmap.MADV_DONTNEED)

    def free(self) -> None:
        """Give the shared memory back, contents and all; it can be written again."""
        if self._shared:
            self._shared.madvise(_FREE)

    def _shared_at(self, place: int, size: int) -> memoryview:
        return memoryview(self._shared or b"")[place : place + size]

    def _take(self, size: int) -> bytearray:
        data = bytearray(size)
        with memoryview(data) as view:
            taken = 0
            while taken < size:
                count = self._end.recv_into(view[taken:])
                if not count:
                    raise ConnectionResetError("the other process is gone")
                taken += count
        return data


@dataclass
class _Worker:
    process: BaseProcess
    line: _Line
    about: object = None
    """What it works at; None while it has nothing to do."""


class Crew:
    """Processes that do one kind of work; forked at the beginning of its block, and gone at its end."""

    def __init__(self, work: Work, count: int, shared_bytes: int = 0) -> None:
        """Take the work and the number of processes.

        Args:
            work: (object, bytes) -> (object, bytes), run in a process that was forked: it knows what the parent knew
                at the beginning of the block, and the objects must be such as pickle takes. Of the bytes that it is
                given nothing may be left in what it gives back.
            count: of processes.
            shared_bytes: memory that each process shares with its parent; bytes that fit go through it.
        """
        self._work = work
        self._count = count
        self._shared_bytes = shared_bytes
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Fork."""
        context = multiprocessing.get_context("fork")
        gc.freeze()  # what is there now is looked through in no process again, and its pages stay shared
        try:
            for _ in range(self._count):
                shared = mmap.mmap(-1, self._shared_bytes) if self._shared_bytes else None
                here, there = (_Line(end, shared) for end in socket.socketpair())
                # A worker that held the lines of others would keep them open when the parent is gone.
                others = [here, *(worker.line for worker in self._workers)]
                process = context.Process(target=_serve, args=(self._work, there, others), daemon=True)
                process.start()
                there.close()
                self._workers.append(_Worker(process, here))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, whatever they are doing."""
        gc.unfreeze()
        for worker in self._workers:
            worker.line.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def idle(self) -> bool:
        """Whether a process has nothing to do."""
        return any(worker.about is None for worker in self._workers)

    @property
    def idle_ones(self) -> list[int]:
        """Give the numbers of the processes that have nothing to do."""
        return [number for number, worker in enumerate(self._workers) if worker.about is None]

    def begin(self, about: object, head: object, *bodies: Body, by: int | None = None) -> None:
        """Hand work to an idle process.

        Args:
            about: what the work is about, given back by `finished`.
            head: first argument of the work.
            bodies: second argument of the work; each in one piece, or in several that it gets as one.
            by: number of the process; any that is idle when it is left out.

        Raises:
            WorkerDiedError: the process is gone.
        """
        worker = self._workers[self.idle_ones[0] if by is None else by]
        worker.about = about
        try:
            worker.line.send(head, *bodies)
        except OSError as error:
            raise _death_of(worker) from error
        worker.line.let_go()

    def finished(self) -> Iterator[tuple[Any, Any, list[bytes]]]:
        """Wait until some work is done; gives what it was about, and its outcome.

        Raises:
            WorkerDiedError: a process is gone.
            Exception: what the work raised.
        """
        busy = {worker.line.fileno(): worker for worker in self._workers if worker.about is not None}
        for number in connection.wait(list(busy)):
            worker = busy[cast("int", number)]
            try:
                head, bodies = worker.line.receive()
            except OSError as error:
                raise _death_of(worker) from error
            if isinstance(head, BaseException):
                raise head
            about, worker.about = worker.about, None
            yield about, head, [bytes(body) for body in bodies]


def _death_of(worker: _Worker) -> WorkerDiedError:
    worker.process.join(_PATIENCE_S)
    return WorkerDiedError(
        f"the process that worked at {worker.about} ended with code {worker.process.exitcode}; -9 mostly means that "
        "memory ran out"
    )


def _serve(work: Work, line: _Line, others: list[_Line]) -> None:
    """Work until the parent is gone."""
    for other in others:
        other.close()
    with contextlib.suppress(OSError):
        while True:
            head, bodies = line.receive()
            try:
                made, results = work(head, bodies)
            except Exception as error:  # noqa: BLE001 - the parent raises it
                line.send(_sendable(error))
                continue
            del bodies
            line.free()
            line.send(made, *results)
            del made, results


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
    except Exception:  # noqa: BLE001 - an error whose constructor is not as pickle takes it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
