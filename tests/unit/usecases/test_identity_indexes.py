"""Unit tests of `infolens.usecases.identity_indexes`."""

from __future__ import annotations

from infolens.ingest.identity_index import index_bytes
from infolens.usecases.identity_indexes import IdentityIndexes


class Bucket:
    """Indexes of one row each, and what was read of them."""

    def __init__(self, count: int) -> None:
        self.data = {f"k{number}": index_bytes([bytes([number]) * 16], ["cat"], [7], [0]) for number in range(count)}
        self.whole: list[str] = []
        self.ranges: list[str] = []

    def of(self, indexes: IdentityIndexes, *keys: str) -> list[int]:
        """Ask for some indexes and give the first byte of the row of each."""
        found = indexes.of(keys, self.read, self.read_range)
        return [int(index.records().hi[0]) >> 56 for index in found]

    def read(self, key: str) -> bytes:
        """Read a whole object."""
        self.whole.append(key)
        return self.data[key]

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """Read some bytes of it."""
        self.ranges.append(key)
        return self.data[key][start : start + size]


def test_an_index_is_read_once():
    """The second upload of a process finds what the first has read."""
    bucket, indexes = Bucket(3), IdentityIndexes()
    assert bucket.of(indexes, "k0", "k1") == [0, 1]
    assert bucket.of(indexes, "k1", "k2", "k0") == [1, 2, 0]
    assert bucket.whole == ["k0", "k1", "k2"]
    assert indexes.size == sum(map(len, bucket.data.values()))


def test_what_does_not_fit_is_read_by_ranges():
    """A dataset larger than the memory for it: some are held, for ever the same ones, the others are looked into."""
    bucket = Bucket(4)
    indexes = IdentityIndexes(limit=len(bucket.data["k0"]) + 1)  # one, and another that begins below the limit
    for _ in range(3):
        assert bucket.of(indexes, "k0", "k1", "k2", "k3") == [0, 1, 2, 3]
    assert bucket.whole == ["k0", "k1"]
    assert set(bucket.ranges) == {"k2", "k3"}


def test_another_dataset_takes_the_room():
    """What the dataset at hand does not need makes way."""
    bucket = Bucket(4)
    indexes = IdentityIndexes(limit=len(bucket.data["k0"]) + 1)
    bucket.of(indexes, "k0", "k1")
    bucket.of(indexes, "k2", "k3")
    assert bucket.whole == ["k0", "k1", "k2", "k3"]
    assert bucket.ranges == []
