"""The Lambda Runtime API (2018-06-01) that one execution environment talks to, on a loopback port of its own."""

import contextlib
import socket
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import IO, Final

_PREFIX: Final = "/2018-06-01/runtime/"
_NEXT: Final = _PREFIX + "invocation/next"
_INIT_ERROR: Final = _PREFIX + "init/error"


@dataclass(frozen=True)
class Invocation:
    """One event for the function: what `next` answers."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int


@dataclass(frozen=True)
class Ready:
    """The function is initialised: it asked for its first invocation."""


@dataclass(frozen=True)
class InitFailed:
    """The function could not be initialised; ``payload`` is the runtime's error document."""

    payload: bytes


@dataclass(frozen=True)
class Answered:
    """The function answered, or raised (``is_error``); ``payload`` is its answer or the error document."""

    request_id: str
    payload: bytes
    is_error: bool


@dataclass(frozen=True)
class Exited:
    """The process ended; ``status`` as subprocess reports it (negative: the signal)."""

    status: int


Event = Ready | InitFailed | Answered | Exited


class RuntimeApi:
    """Serves one process; what happens there arrives in ``events``."""

    def __init__(self, events: "SimpleQueue[Event]") -> None:
        self._events = events
        self._offered: SimpleQueue[Invocation | None] = SimpleQueue()
        self._asked_before = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """``host:port`` for AWS_LAMBDA_RUNTIME_API."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def offer(self, invocation: Invocation) -> None:
        """Hand an invocation to the process; it takes it with its next `next`."""
        self._offered.put(invocation)

    def close(self) -> None:
        """Stop serving; requests that wait are cut."""
        self._offered.put(None)
        # shutdown, not only close: it wakes the thread that waits in accept.
        for open_socket in (self._listener, *self._connections):
            with contextlib.suppress(OSError):  # it was not connected, or is gone
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="runtime-api-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as reader:
                while self._answer(connection, reader):
                    pass
        except (OSError, ValueError):
            pass  # the process is gone, or the server was closed
        finally:
            self._connections.discard(connection)

    def _answer(self, connection: socket.socket, reader: IO[bytes]) -> bool:
        request_line = reader.readline()
        if not request_line:
            return False
        method, path, _version = request_line.decode().split()
        body = _read_body(reader)
        if method == "GET" and path == _NEXT:
            if not self._asked_before:
                self._asked_before = True
                self._events.put(Ready())
            invocation = self._offered.get()
            if invocation is None:
                return False
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            }
            _send(connection, "200 OK", headers, invocation.payload)
            return True
        if method == "POST" and path == _INIT_ERROR:
            self._events.put(InitFailed(body))
        elif method == "POST" and path.startswith(_PREFIX + "invocation/"):
            request_id, verb = path.removeprefix(_PREFIX + "invocation/").split("/")
            self._events.put(Answered(request_id, body, is_error=verb == "error"))
        else:
            _send(connection, "404 Not Found", {}, b"")
            return True
        _send(connection, "202 Accepted", {"Content-Type": "application/json"}, b'{"status":"OK"}')
        return True


def _read_body(reader: IO[bytes]) -> bytes:
    length, chunked = 0, False
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        match name.lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding":
                chunked = value.strip().lower() == b"chunked"
    if not chunked:
        return reader.read(length)
    parts = []
    while (size := int(reader.readline().split(b";")[0], 16)) > 0:
        parts.append(reader.read(size))
        reader.readline()
    reader.readline()
    return b"".join(parts)


def _send(connection: socket.socket, status: str, headers: dict[str, str], body: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    # One write: with the header apart, Nagle and delayed acknowledgements cost 40 ms each way.
    connection.sendall(f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
