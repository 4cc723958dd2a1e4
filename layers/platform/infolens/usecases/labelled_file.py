"""Opens one labelled upload wherever it lies: as content from any offset on, with its format, header and size."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING

from infolens.contracts.task import RowRejected
from infolens.ingest.csv_reading import FileRefused, SectionReader
from infolens.ingest.file_format import names_delimiter, open_content
from infolens.ingest.survey import survey as survey_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.task import Schema
    from infolens.ingest.arrivals import Arrival
    from infolens.ingest.file_format import FileFormat
    from infolens.ingest.survey import Survey

_SKIP_BYTES = 1 << 20


class LabelledFile:
    """The file of one arrival, read with its task's schema."""

    def __init__(self, arrival: Arrival, schema: Schema, store: ObjectStore) -> None:
        """Take the arrival and the store that has it; nothing is read yet."""
        self._arrival = arrival
        self._schema = schema
        self._store = store
        self.format: FileFormat | None = None
        """How the file is written, once `survey` has found out; its header may still be refused."""

    def survey(self) -> Survey:
        """Read the file as far as its header.

        Raises:
            FileRefused: it is no CSV file, or its header lacks what the task needs.
            ObjectMissingError: it is gone, or another one was written over it.
        """
        with self._object() as stream:
            content, self.format = open_content(stream, self._arrival.filename, self._binds)
            return survey_of(content, self.format, self._schema)

    @contextlib.contextmanager
    def content(self, survey: Survey, start: int) -> Iterator[IO[bytes]]:
        """Open the content so that it stands at an offset; what is packed is read through up to there.

        Raises:
            FileRefused: it breaks off before.
            ObjectMissingError: it is gone, or another one was written over it.
        """
        with self._object() as stream:
            if survey.format.splittable:
                stream.seek(start)
                yield stream
                return
            content, _ = open_content(stream, self._arrival.filename, self._binds)
            _skip(content, start)
            yield content

    def count_rows(self) -> int:
        """Count the rows below the header of a file that is refused, as far as they can be read."""
        counted = -1
        try:
            with self._object() as stream:
                content, file_format = open_content(stream, self._arrival.filename, self._binds)
                for block in SectionReader(content, file_format.delimiter, 0, None):
                    if counted < 0 and block.rows and names_delimiter(block.rows[0]):
                        counted -= 1
                    counted += len(block.rows) + len(block.broken)
        except FileRefused:
            pass
        return max(0, counted)

    def _object(self) -> IO[bytes]:
        source = self._arrival.source
        return self._store.open(source.bucket, source.key, self._arrival.version_id, self._arrival.etag)

    def _binds(self, header: Sequence[str]) -> bool:
        try:
            self._schema.bind(header, labelled=True)
        except RowRejected:
            return False
        return True


def _skip(content: IO[bytes], count: int) -> None:
    while count > 0:
        data = content.read(min(count, _SKIP_BYTES))
        if not data:
            return
        count -= len(data)
