"""Reads what a function writes: print lines and the runtime's framed log records, in the order they were written."""

import itertools
import os
import re
import select
import threading
import time
from dataclasses import dataclass, field
from typing import Final

# awslambdaric frames a log record as type (4 bytes, the last two say level and format), length, microseconds, text.
_FRAME_MAGIC: Final = b"\xa5\x5a"
_FRAME_HEADER: Final = 16
_MAX_EVENT_BYTES: Final = 262_144 - 26  # CloudWatch Logs: PutLogEvents, size of one event
_LINE: Final = re.compile(rb"[^\n]*\n")


@dataclass(frozen=True)
class LogRecord:
    """One log event: milliseconds since 1970 and its text."""

    timestamp: int
    text: str


@dataclass
class RecordParser:
    """Cuts a byte stream that mixes lines and frames into records. Keeps an unfinished rest for the next bytes."""

    rest: bytes = field(default=b"")
    latest: int = 0
    """Stamp of the last record."""

    def feed(self, data: bytes, now_ms: int) -> list[LogRecord]:
        """Return the records that ``data`` completes; lines are stamped ``now_ms``, frames carry their own time.

        Whoever reads a log sorts it by these stamps. A line that stands before a frame was written before it, however
        late it is read, so it takes no later stamp; and nothing is earlier than what was handed out before.
        """
        self.rest += data
        records = []
        while self.rest:
            record = self._take_frame() if self.rest.startswith(_FRAME_MAGIC) else self._take_line(now_ms)
            if record is None:
                break
            if record.text:
                records.append(record)
        return self._in_order(records)

    def flush(self, now_ms: int) -> list[LogRecord]:
        """Return what is left as a last record: a process that ends may owe a newline."""
        text, self.rest = self.rest.decode("utf-8", "replace"), b""
        return self._in_order([LogRecord(now_ms, text)] if text else [])

    def _in_order(self, records: list[LogRecord]) -> list[LogRecord]:
        stamps = list(itertools.accumulate((record.timestamp for record in reversed(records)), min))[::-1]
        stamps = [max(stamp, self.latest) for stamp in stamps]
        self.latest = max([self.latest, *stamps])
        return [LogRecord(stamp, record.text) for stamp, record in zip(stamps, records, strict=True)]

    def _take_frame(self) -> LogRecord | None:
        length = int.from_bytes(self.rest[4:8], "big")
        if len(self.rest) < _FRAME_HEADER + length:
            return None
        microseconds = int.from_bytes(self.rest[8:_FRAME_HEADER], "big")
        text = self.rest[_FRAME_HEADER : _FRAME_HEADER + length].decode("utf-8", "replace").rstrip("\n")
        self.rest = self.rest[_FRAME_HEADER + length :]
        return LogRecord(microseconds // 1000, text)

    def _take_line(self, now_ms: int) -> LogRecord | None:
        whole = _LINE.match(self.rest)
        if whole is None and len(self.rest) < _MAX_EVENT_BYTES:
            return None
        end = min(whole.end() if whole else _MAX_EVENT_BYTES, _MAX_EVENT_BYTES)
        line, self.rest = self.rest[:end], self.rest[end:]
        return LogRecord(now_ms, line.decode("utf-8", "replace").rstrip("\r\n"))


class OutputPipe:
    """The pipe behind a process's standard output, standard error and log descriptor.

    A thread empties it, so that a function that writes much never blocks; `take` empties it too, so that all that was
    written before an answer is there when the answer is.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._parser = RecordParser()
        self._records: list[LogRecord] = []
        self._lock = threading.Lock()
        self._open = True

    def start(self) -> None:
        """Begin to read; call once the process holds the write end. Closes our copy of that end."""
        os.close(self.write_end)
        threading.Thread(target=self._empty_until_closed, name="function-output", daemon=True).start()

    def take(self) -> list[LogRecord]:
        """Return the records since the last call, everything already written included."""
        with self._lock:
            self._read_available()
            taken, self._records = self._records, []
        return taken

    def _empty_until_closed(self) -> None:
        while self._open:
            select.select([self._read_end], [], [])
            with self._lock:
                self._read_available()

    def _read_available(self) -> None:
        while self._open:
            try:
                data = os.read(self._read_end, 1 << 16)
            except BlockingIOError:
                return
            now_ms = time.time_ns() // 1_000_000
            if data:
                self._records += self._parser.feed(data, now_ms)
            else:
                self._records += self._parser.flush(now_ms)
                self._open = False
                os.close(self._read_end)
