"""Properties of `infolens.usecases.ingest` on made-up files: no row is lost or counted twice, however a file is cut."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infolens.contracts import keys
from infolens.contracts.dataset import REFUSED_WITH_FILE
from infolens.usecases.ingest import ingest_upload
from infolens.usecases.ingest_ports import HandedOver
from ingest_fakes import World
from pets import PetSchema

PIECES = [
    b"purrs,cat\n",
    b"barks,dog,3\n",
    b"Purrs,dog\r\n",
    b'"howls\nat night",dog\n',
    b'"says ""meow""",cat\r',
    b'"no end,cat\n',
    b'stray " quote,dog\n',
    b"moos,cow\n",
    b"=1+1,cat\n",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xe9",
    b"\xff\xfe",
    "größer".encode(),
    b",",
    b'"',
    b"\n",
    b"cat",
    b"text that goes on for a while ",
]
FILES = st.lists(st.sampled_from(PIECES), max_size=40).map(lambda pieces: b"text,label\n" + b"".join(pieces))


def taken(world: World, data: bytes):
    """Ingest a file by whatever way the world has, and give its report."""
    arrival = world.put("labelled/pets/a.csv", data)
    done = ingest_upload(arrival, world.ports())
    if isinstance(done, HandedOver):
        world.run(world.machine.orders[done.upload_id])
        done = ingest_upload(arrival, world.ports())
    return done.report


def rows_of(world: World, report) -> list[tuple[object, ...]]:
    """Read the kept rows back, with their lines in the file."""
    found = []
    for part in report.parts:
        table = pq.read_table(io.BytesIO(world.of("parts/")[keys.part("pets", part.part_id)]))
        found += [(row["line"] + part.lines_before, row["text"], row["label"]) for row in table.to_pylist()]
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FILES, st.integers(5, 120))
def test_every_row_has_one_fate_and_the_way_changes_none(data, section_bytes):
    """Rows in = kept + duplicates + rejected, a reason for each reject; in one section, in many, by the machine."""
    lenient = PetSchema(bad_row_budget=1.0)
    worlds = [
        World(schema=lenient),
        World(schema=lenient, section_bytes=section_bytes),
        World(schema=lenient, section_bytes=section_bytes, distribute_from=0),
    ]
    reports = [taken(world, data) for world in worlds]
    whole = reports[0]
    assert whole.rows_in == whole.rows_kept + whole.rows_duplicate + whole.rows_rejected
    assert sum(whole.rejected_by_reason.values()) == whole.rows_rejected
    listed = sum(count for reason, count in whole.rejected_by_reason.items() if reason != REFUSED_WITH_FILE)
    assert len(worlds[0].of("rejects/")) == (listed > 0)
    for world, report in zip(worlds[1:], reports[1:], strict=True):
        for name in ("status", "rows_in", "rows_kept", "rows_duplicate", "rows_rejected", "rejected_by_reason"):
            assert getattr(report, name) == getattr(whole, name), name
        for name in ("label_counts", "bytes_repaired", "bytes_replaced", "conflicting_labels", "conflicts", "format"):
            assert getattr(report, name) == getattr(whole, name), name
        assert rows_of(world, report) == rows_of(worlds[0], whole)
        assert world.of("rejects/") == worlds[0].of("rejects/")
    assert reports[1].parts == reports[2].parts


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FILES, min_size=2, max_size=4))
def test_no_text_is_twice_in_a_dataset(files):
    """Over any number of files each identity is kept once, in one split, and every file's rows add up."""
    world = World(schema=PetSchema(bad_row_budget=1.0), section_bytes=64)
    rows, splits = [], {}
    for number, data in enumerate(files):
        report = ingest_upload(world.put(f"labelled/pets/{number}.csv", data), world.ports()).report
        assert report.rows_in == report.rows_kept + report.rows_duplicate + report.rows_rejected
        for part in report.parts:
            table = pq.read_table(io.BytesIO(world.of("parts/")[keys.part("pets", part.part_id)]))
            for row in table.to_pylist():
                identity = row["text"].casefold()
                rows.append(identity)
                splits.setdefault(identity, row["split"])
                assert splits[identity] == row["split"]
    assert len(rows) == len(set(rows))
