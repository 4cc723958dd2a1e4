"""Brings a dataset onto this machine: parts whose every byte was checked, or one CSV that a spreadsheet can open."""

from __future__ import annotations

import hashlib
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infolens import codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.dataset import DatasetManifest
from infolens.ingest.csv_writing import csv_bytes
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from infolens.aws.objects import ObjectStore
    from infolens.contracts.dataset import Part

MANIFEST = "manifest.json"
PARTS = "parts"
ROWS = "rows.csv"

_PARALLEL = 4
_BLOCK = 1 << 20
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Source:
    """Where parts are fetched from."""

    objects: ObjectStore
    bucket: str
    task: str


@dataclass(frozen=True)
class RowDifference:
    """Rows of two sets of parts, told apart by their identity."""

    only_before: int
    only_after: int
    both: int
    first_before: tuple[Mapping[str, str], ...]
    """The first rows that only the first dataset has, as text; with `line` of the uploaded file."""
    first_after: tuple[Mapping[str, str], ...]


def prepare(directory: Path, manifest: DatasetManifest) -> None:
    """Make the folder of a checkout, with the manifest in it; the same dataset again goes on where it broke off.

    Raises:
        Trouble: the folder holds another dataset, or other things.
    """
    path = directory / MANIFEST
    if path.is_file():
        try:
            there = codec.from_json(DatasetManifest, path.read_bytes()).dataset_id
        except ValueError:
            there = "something else"
        if there != manifest.dataset_id:
            raise Trouble(f"{directory} holds {there}", "choose another folder with --to")
    elif directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Trouble(f"{directory} is not empty and holds no checkout of a dataset", "choose another folder with --to")
    directory.mkdir(parents=True, exist_ok=True)
    path.write_bytes(codec.to_json(manifest))


def fetch(
    source: Source, parts: Sequence[Part], directory: Path, seen: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Download parts into a folder, several at once; one that lies there already and is right is kept.

    Args:
        source: where from.
        parts: in order; the files are numbered after it.
        directory: created where it is missing.
        seen: told the number of rows that have arrived.

    Raises:
        Trouble: a part is missing, or is not what its name (its sha256) says.
    """
    directory.mkdir(parents=True, exist_ok=True)

    def one(numbered: tuple[int, Part]) -> Path:
        number, part = numbered
        path = directory / f"{number:05d}-{part.part_id}.parquet"
        if not (path.is_file() and _sha256(path) == part.part_id):
            _download(source, part.part_id, path)
        seen(part.rows)
        return path

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(one, enumerate(parts, start=1)))


def write_csv(paths: Sequence[Path], parts: Sequence[Part], out: Path) -> int:
    """Write the rows of parts as one CSV, formula cells escaped, and give their number.

    The columns are the schema's, then `split`, `line` (in the uploaded file) and `upload_id`. Rows pass in batches, so
    memory does not grow with the dataset; the file has its name only when it is whole.
    """
    partial, rows = out.with_name(f"{out.name}.partial"), 0
    with partial.open("wb") as file:
        for number, (path, part) in enumerate(zip(paths, parts, strict=True)):
            for batch in _batches(path):
                names = [name for name in batch.schema.names if name != "identity"]
                if not number and not rows:
                    file.write(csv_bytes([names]))
                columns = [_texts(batch.column(name), part.lines_before if name == "line" else 0) for name in names]
                file.write(csv_bytes(zip(*columns, strict=True)))
                rows += batch.num_rows
    partial.replace(out)
    return rows


def differing_rows(
    before: Sequence[Path],
    before_parts: Sequence[Part],
    after: Sequence[Path],
    after_parts: Sequence[Part],
    *,
    most: int,
) -> RowDifference:
    """Tell the rows of two sets of parts apart by identity; of those on one side, give the first `most`.

    Holds 32 bytes a row and Arrow's hash of them in memory, never the rows. Parts that both datasets have are not for
    here: their rows are the same.
    """
    import pyarrow as pa  # noqa: PLC0415 - a third of a second that other commands do not need

    def identities(paths: Sequence[Path]) -> Any:  # noqa: ANN401 - pyarrow has no types
        chunks = [chunk for path in paths for batch in _batches(path, ["identity"]) for chunk in [_binary(batch)]]
        return pa.chunked_array(chunks, pa.binary(32))

    old, new = identities(before), identities(after)
    gone, first_gone = _missing(before, before_parts, new, most)
    come, first_come = _missing(after, after_parts, old, most)
    return RowDifference(gone, come, len(old) - gone, first_gone, first_come)


def _missing(
    paths: Sequence[Path],
    parts: Sequence[Part],
    others: Any,  # noqa: ANN401 - pyarrow has no types
    most: int,
) -> tuple[int, tuple[Mapping[str, str], ...]]:
    import pyarrow.compute as pc  # noqa: PLC0415 - see differing_rows

    count = 0
    first: list[tuple[Path, Part, int]] = []
    for path, part in zip(paths, parts, strict=True):
        start = 0
        for batch in _batches(path, ["identity"]):
            only = pc.invert(pc.is_in(_binary(batch), value_set=others)).to_pylist()
            count += sum(only)
            missing = (start + at for at, here in enumerate(only) if here)
            first += [(path, part, row) for row in itertools.islice(missing, most - len(first))]
            start += batch.num_rows
    return count, tuple(_row(path, part, at) for path, part, at in first)


def _row(path: Path, part: Part, number: int) -> Mapping[str, str]:
    at = 0
    for batch in _batches(path):
        if number < at + batch.num_rows:
            one = batch.slice(number - at, 1)
            names = [name for name in one.schema.names if name != "identity"]
            return {name: _texts(one.column(name), part.lines_before if name == "line" else 0)[0] for name in names}
        at += batch.num_rows
    raise IndexError(number)


def _batches(path: Path, columns: list[str] | None = None) -> Iterator[Any]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - see differing_rows

    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=columns, use_threads=False)


def _binary(batch: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The identities of a batch; the first datasets kept them as hexadecimal text."""
    import pyarrow as pa  # noqa: PLC0415 - see differing_rows

    column = batch.column("identity")
    if column.type == pa.string():
        return pa.array([bytes.fromhex(text) for text in column.to_pylist()], pa.binary(32))
    return column


def _texts(column: Any, lines_before: int) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    return [_text(value + lines_before if lines_before else value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list) else str(value)


def _download(source: Source, part_id: str, path: Path) -> None:
    partial, total = path.with_name(f"{path.name}.partial"), hashlib.sha256()
    try:
        with source.objects.open(source.bucket, keys.part(source.task, part_id)) as stream, partial.open("wb") as out:
            while block := stream.read(_BLOCK):
                total.update(block)
                out.write(block)
    except ObjectMissingError as error:
        raise Trouble(
            f"the part {part_id} is missing: {error}", "the bucket keeps older versions of it, if any"
        ) from error
    if total.hexdigest() != part_id:
        partial.unlink()
        raise Trouble(
            f"part {part_id} is not what its name says: its sha256 is {total.hexdigest()}",
            "somebody has changed it in the bucket; its older versions are kept there",
        )
    partial.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
