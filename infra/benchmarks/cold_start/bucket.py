"""A bucket on loopback that answers GetObject as S3 paces it: a first byte after some time, so much per connection.

Loopback has neither, and would show the cost of the processor alone. No signature is checked; nothing can be written.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SLICE = 1 << 18
"""Bytes sent between two looks at the clock."""


class Bucket(ThreadingHTTPServer):
    """Serves the files of a folder, whatever bucket is asked."""

    daemon_threads = True

    def __init__(self, root: Path, first_byte_seconds: float, bytes_per_second: float) -> None:
        """Take a free port of loopback; `bytes_per_second` holds for each answer, 0 for as fast as can be."""
        super().__init__(("127.0.0.1", 0), _Object)
        self.root, self.first_byte_seconds, self.bytes_per_second = root, first_byte_seconds, bytes_per_second
        self.etags = {
            path: f'"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"'
            for path in root.rglob("*")
            if path.is_file()
        }


class _Object(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Bucket

    def do_GET(self) -> None:
        """Answer GetObject, whole or a range."""
        path = self.server.root / self.path.partition("?")[0].lstrip("/").partition("/")[2]
        etag = self.server.etags.get(path)
        time.sleep(self.server.first_byte_seconds)
        if etag is None or self.headers.get("If-Match", etag) != etag:
            self.send_response(404 if etag is None else 412)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        first, last = 0, size - 1
        if ranged := self.headers.get("Range", "").removeprefix("bytes="):
            begin, _, end = ranged.partition("-")
            first, last = int(begin), min(int(end or last), last)
        self.send_response(206 if ranged else 200)
        if ranged:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.flush()
        self._body(path, first, last - first + 1)

    def do_HEAD(self) -> None:
        """Answer HeadObject, which download_file asks first."""
        path = self.server.root / self.path.partition("?")[0].lstrip("/").partition("/")[2]
        time.sleep(self.server.first_byte_seconds)
        self.send_response(200 if path in self.server.etags else 404)
        if path in self.server.etags:
            self.send_header("ETag", self.server.etags[path])
            self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()

    def _body(self, path: Path, at: int, left: int) -> None:
        began, sent = time.perf_counter(), 0
        with path.open("rb") as file:
            while left:
                passed = os.sendfile(self.connection.fileno(), file.fileno(), at, min(_SLICE, left))
                at, left, sent = at + passed, left - passed, sent + passed
                if pace := self.server.bytes_per_second:
                    time.sleep(max(0.0, began + sent / pace - time.perf_counter()))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Say nothing."""


def main() -> int:
    """Serve until killed; the first line of the output is the endpoint."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("root", type=Path)
    options.add_argument("--first-byte-ms", type=float, default=25.0)
    options.add_argument("--mb-per-second", type=float, default=85.0, help="of each connection; 0: as fast as can be")
    given = options.parse_args()
    bucket = Bucket(given.root, given.first_byte_ms / 1000, given.mb_per_second * 1e6)
    sys.stdout.write(f"http://127.0.0.1:{bucket.server_address[1]}\n")
    sys.stdout.flush()
    bucket.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
