"""Says in which uploads, parts, rows, labels and lengths two datasets differ. Pure: manifests in, a record out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.contracts.dataset import DatasetManifest, DatasetSource, Part

_LENGTHS = ("p05", "p50", "p95", "max")
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Change:
    """A number in both datasets."""

    name: str
    before: int
    after: int

    @property
    def by(self) -> int:
        """How much more there is after."""
        return self.after - self.before


@dataclass(frozen=True)
class DatasetDiff:
    """What it takes to come from one dataset to the other."""

    relation: str
    """How they hang together, in words."""
    uploads_added: tuple[DatasetSource, ...]
    uploads_removed: tuple[DatasetSource, ...]
    parts_added: tuple[Part, ...]
    parts_removed: tuple[Part, ...]
    rows: Change
    splits: tuple[Change, ...]
    labels: tuple[Change, ...]
    """The most frequent label first."""
    lengths: tuple[Change, ...]
    """Quantiles of the texts' lengths; none where neither dataset knows them."""

    @property
    def same(self) -> bool:
        """Whether both have the same parts in the same order, hence the same rows."""
        return not self.parts_added and not self.parts_removed and not self.rows.by


def compare(before: DatasetManifest, after: DatasetManifest) -> DatasetDiff:
    """Compare two datasets; of different tasks too, although little of that will mean anything."""
    old, new = {_upload(source) for source in before.sources}, {_upload(source) for source in after.sources}
    old_parts, new_parts = {part.part_id for part in before.parts}, {part.part_id for part in after.parts}
    labels = _changes(before.label_counts, after.label_counts)
    return DatasetDiff(
        relation=_relation(before, after),
        uploads_added=tuple(source for source in after.sources if _upload(source) not in old),
        uploads_removed=tuple(source for source in before.sources if _upload(source) not in new),
        parts_added=tuple(part for part in after.parts if part.part_id not in old_parts),
        parts_removed=tuple(part for part in before.parts if part.part_id not in new_parts),
        rows=Change("rows", before.rows, after.rows),
        splits=tuple(
            Change(name, before.split_counts.get(name, 0), after.split_counts.get(name, 0)) for name in _SPLITS
        ),
        labels=tuple(sorted(labels, key=lambda change: (-max(change.before, change.after), change.name))),
        lengths=tuple(
            Change(name, before.text_lengths.get(name, 0), after.text_lengths.get(name, 0))
            for name in _LENGTHS
            if name in before.text_lengths or name in after.text_lengths
        ),
    )


def share(count: int, total: int) -> float:
    """Percent of a whole; of nothing, 0."""
    return 100 * count / total if total else 0.0


def _upload(source: DatasetSource) -> tuple[str, tuple[str, ...]]:
    return source.upload_id, tuple(part.part_id for part in source.parts)


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> list[Change]:
    return [Change(name, before.get(name, 0), after.get(name, 0)) for name in sorted({*before, *after})]


def _relation(before: DatasetManifest, after: DatasetManifest) -> str:
    """Datasets grow at their end, so an ancestor's parts are the beginning of its descendant's."""
    old, new = [part.part_id for part in before.parts], [part.part_id for part in after.parts]
    if before.task != after.task:
        return f"datasets of two tasks, {before.task} and {after.task}"
    if before.dataset_id == after.dataset_id:
        return "the same dataset"
    if old == new[: len(old)]:
        return f"the second is the first with {_uploads(len(after.sources) - len(before.sources))} more"
    if new == old[: len(new)]:
        return f"the first is the second with {_uploads(len(before.sources) - len(after.sources))} more"
    common = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    return f"they parted ways after {common} common parts" if common else "they have no beginning in common"


def _uploads(count: int) -> str:
    return f"{count} upload" if count == 1 else f"{count} uploads"
