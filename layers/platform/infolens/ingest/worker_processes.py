"""Forks processes that do pieces of work, and gives them large bytes without a copy too many.

Lambda has no shared memory with a name, hence no queues and locks of `multiprocessing`: processes are forked and talk
over sockets, and through a file without a name, in memory, that both have since the fork. It is written and read and
never mapped: each page would cost a fault in either process, which takes longer than to copy it. They use no connection
of their parent's. One that dies is noticed, and none outlives the block that it was made for.
"""

from __future__ import annotations

import contextlib
import gc
import io
import multiprocessing
import os
import pickle
import socket
import tempfile
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

    Body = bytes | memoryview | Sequence[bytes | memoryview]
    Work = Callable[[Any, Sequence["Given"]], tuple[object, Sequence[Body]]]

_BUFFER_BYTES = 1 << 20
_MOST_PIECES = os.sysconf("SC_IOV_MAX")
_PATIENCE_S = 5.0


class WorkerDiedError(RuntimeError):
    """A process is gone before its work was done; most likely it was killed for want of memory."""


class Given(Protocol):
    """Bytes that were sent, valid until this end sends."""

    def read(self, size: int = -1, /) -> bytes:
        """Give the next bytes, all that are left when no size is given; b"" at the end."""


class _InFile:
    """Bytes that lie in a file."""

    def __init__(self, file: int, place: int, size: int) -> None:
        self._file = file
        self._place = place
        self._end = place + size

    def read(self, size: int = -1, /) -> bytes:
        """See Given."""
        left = self._end - self._place
        data = os.pread(self._file, left if size < 0 else min(size, left), self._place)
        self._place += len(data)
        return data


class _Line:
    """One end of a connection between two processes, which send in turns: small objects, with large bytes.

    Bytes that have room in the file are written there; others go the same way as the objects.
    """

    def __init__(self, end: socket.socket, file: int, room: int) -> None:
        self._end = end
        self._file = file
        self._room = room
        for kind in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, kind, _BUFFER_BYTES)

    def fileno(self) -> int:
        """Let `multiprocessing.connection.wait` wait for it."""
        return self._end.fileno()

    def close(self) -> None:
        """Give it up."""
        self._end.close()

    def send(self, head: object, *bodies: Body) -> None:
        """Send an object and bytes, each in one piece or several; what was received before is no longer valid.

        Raises:
            OSError: the other end is gone.
            MemoryError: there is no room for the bytes.
        """
        pieces = [[body] if isinstance(body, bytes | memoryview) else body for body in bodies]
        places: list[tuple[int, int]] = []
        free = 0
        for body in pieces:
            size = sum(map(len, body))
            fits = free + size <= self._room
            places.append((free if fits else -1, size))
            free += size * fits
        packed = pickle.dumps((head, places))
        for (place, _), body in zip(places, pieces, strict=True):
            if place >= 0:
                _write(self._file, body, place)
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
        return head, [
            _InFile(self._file, place, size) if place >= 0 else io.BytesIO(self._take(size)) for place, size in places
        ]

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


def _write(file: int, pieces: Sequence[bytes | memoryview], place: int) -> None:
    for begin in range(0, len(pieces), _MOST_PIECES):
        some = pieces[begin : begin + _MOST_PIECES]
        size = sum(map(len, some))
        try:
            written = os.pwritev(file, some, place)
        except OSError as error:  # any other of that kind says that the other process is gone
            raise MemoryError(f"{size} bytes for another process: {error}") from error
        if written < size:
            raise MemoryError(f"{size} bytes for another process: there was room for {written}")
        place += size


def _file_in_memory() -> int:
    """Open a file without a name: in memory on Linux, elsewhere where temporary files are."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("infolens-sections")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@dataclass
class _Worker:
    process: BaseProcess
    line: _Line
    file: int
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
            shared_bytes: size of the file that each process shares with its parent; bytes that fit go through it.
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
                file = _file_in_memory()
                here, there = (_Line(end, file, self._shared_bytes) for end in socket.socketpair())
                # A worker that held the lines of others would keep them open when the parent is gone.
                others = [here, *(worker.line for worker in self._workers)]
                process = context.Process(target=_serve, args=(self._work, there, others), daemon=True)
                process.start()
                there.close()
                self._workers.append(_Worker(process, here, file))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, whatever they are doing."""
        gc.unfreeze()
        for worker in self._workers:
            worker.line.close()
            os.close(worker.file)
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
            MemoryError: there is no room for the bytes.
        """
        worker = self._workers[self.idle_ones[0] if by is None else by]
        worker.about = about
        try:
            worker.line.send(head, *bodies)
        except OSError as error:
            raise _death_of(worker) from error

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
            yield about, head, [body.read() for body in bodies]


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
            line.send(made, *results)
            del made, results


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
    except Exception:  # noqa: BLE001 - an error whose constructor is not as pickle takes it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
