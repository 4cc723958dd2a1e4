"""Unit tests of `infolens.usecases.ingest` and `ingest_steps` on files of several sections: same bytes by any way."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random

import pyarrow.parquet as pq
import pytest

from infolens.contracts import keys
from infolens.contracts.ingest import IngestSection
from infolens.usecases import ingest_steps
from infolens.usecases.ingest import ingest_upload, order_of
from infolens.usecases.ingest_ports import HandedOver, Ingested
from infolens.usecases.ingest_steps import commit_upload, plan_ingest, stage_one
from ingest_fakes import DATA, DiedError, World

KEY = "labelled/pets/large.csv"
SECTION = 500


def file_of(rows: int, seed: int = 4, padding: str = "") -> bytes:
    """Make a file with quoted newlines, copies near and far, wrong labels and a ragged row."""
    chance = random.Random(seed)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["text", "label", "age"])
    texts: list[str] = []
    for number in range(rows):
        text = f"pet {number} does this" + chance.choice([" and that", ", then\nthat", ' "so"', ""])
        if number % 9 == 5:
            text = chance.choice(texts)
        texts.append(text)
        label = "cow" if number % 11 == 3 else chance.choice(["cat", "dog"])
        text += padding
        writer.writerow([text, label, number] if number != 40 else [text, label])
    return out.getvalue().encode()


LARGE = file_of(90)


def small_sections(**settings: object) -> World:
    """Make a world whose sections are so short that a small file has many."""
    return World(section_bytes=SECTION, **settings)


def lasting(world: World) -> dict[tuple[str, str], bytes]:
    """Give everything but what was staged on the way."""
    return {(bucket, key): data for (bucket, key), data in world.store.objects.items() if not key.startswith("staged/")}


def rows_of(world: World, report) -> list[tuple[int, str, str]]:
    """Read the kept rows back with their lines in the file."""
    found = []
    for part in report.parts:
        table = pq.read_table(io.BytesIO(world.of("parts/")[keys.part("pets", part.part_id)]))
        assert table.num_rows == part.rows
        found += [(row["line"] + part.lines_before, row["text"], row["label"]) for row in table.to_pylist()]
    return found


@pytest.fixture(scope="module")
def calm() -> tuple[World, Ingested]:
    """The large file, taken inline in many sections without trouble, behind another file that has some of its rows."""
    world = small_sections()
    ingest_upload(world.put("labelled/pets/before.csv", file_of(12)), world.ports())
    world.store.effects = 0
    return world, ingest_upload(world.put(KEY, LARGE), world.ports())


def prepared(**settings: object) -> World:
    """Make the world as it was before the large file came."""
    world = small_sections()
    ingest_upload(world.put("labelled/pets/before.csv", file_of(12)), world.ports())
    world.store.effects = 0
    for name, value in settings.items():
        setattr(world, name, value)
    return world


def staged_marks(world: World, upload_id: str) -> set[str]:
    """Give the counts of the sections of an upload that lie in the bucket."""
    return {key for key in world.of(f"staged/pets/{upload_id}/") if key.endswith("counts.json")}


def test_sections_say_the_same_as_one():
    """Counts, rows with their lines, and rejects do not depend on how the file is cut."""
    one, many = World(), small_sections()
    whole = ingest_upload(one.put(KEY, LARGE), one.ports()).report
    cut = ingest_upload(many.put(KEY, LARGE), many.ports()).report
    assert len(whole.parts) == 1 < len(cut.parts)
    assert rows_of(one, whole) == rows_of(many, cut)
    for name in (
        "rows_in",
        "rows_kept",
        "rows_duplicate",
        "rows_rejected",
        "rejected_by_reason",
        "label_counts",
        "text_lengths",
        "conflicting_labels",
        "conflicts",
    ):
        assert getattr(whole, name) == getattr(cut, name), name
    assert one.of("rejects/") == many.of("rejects/")
    assert one.of("staged/") == {}
    assert many.of("staged/") != {}


@pytest.mark.parametrize("way", ["two processes", "state machine", "handed over", "gzip in the machine"])
def test_every_way_makes_the_same_bytes(calm, way):
    """Inline by one process or two, planned and mapped, or begun inline and gone on with: byte for byte."""
    expected, done = calm
    world = prepared(
        workers=2 if way == "two processes" else 1,
        writers=3 if way == "two processes" else 1,
    )
    data = gzip.compress(LARGE) if way == "gzip in the machine" else LARGE
    arrival = world.put(KEY + (".gz" if way == "gzip in the machine" else ""), data)
    if way == "state machine":
        world.distribute_from = 0
    if way == "handed over":
        world.seconds_left = iter([900.0, 900.0, 900.0, 100.0]).__next__
    if way == "gzip in the machine":
        world.seconds_left = lambda: 100.0
    taken = ingest_upload(arrival, world.ports())
    if way == "two processes":
        assert taken == done
    else:
        assert isinstance(taken, HandedOver)
        assert taken.started
        world.seconds_left = lambda: 900.0
        assert world.run(world.machine.orders[taken.upload_id]) == "accepted"
    if way == "gzip in the machine":
        report = ingest_upload(arrival, world.ports()).report
        assert (report.rows_in, report.rows_kept) == (done.report.rows_in, done.report.rows_kept)
        assert report.format.packing == "gzip"
        return
    assert lasting(world) == lasting(expected)
    assert world.training.names == expected.training.names


def test_staged_parts_are_copied_and_not_read(calm):
    """The store makes the dataset's parts of those that were staged; one alone is read, to take out what was known."""
    expected, done = calm
    staged = {data for (_, key), data in expected.store.objects.items() if key.startswith("staged/")}
    assert len([key for key in expected.store.reads if key.endswith(".parquet")]) == 1
    parts = [expected.store.objects[DATA, keys.part("pets", part.part_id)] for part in done.report.parts]
    assert len(parts) > 5
    assert [data in staged for data in parts] == [False, *[True] * (len(parts) - 1)]


def test_death_between_any_two_writes_inline(calm):
    """Killed before or after each write and delivered again: same bytes; what was staged is not read again."""
    expected, done = calm
    effects = expected.store.effects
    assert effects > 30
    for moment in ("die_at", "die_after"):
        for step in range(1, effects + 1):
            world = prepared()
            setattr(world.store, moment, step)
            arrival = world.put(KEY, LARGE)
            with pytest.raises(DiedError):
                ingest_upload(arrival, world.ports())
            staged = staged_marks(world, done.report.upload_id)
            world.store.die_at = world.store.die_after = 0
            before = world.store.effects
            assert ingest_upload(arrival, world.ports()).report == done.report
            assert world.store.objects == expected.store.objects, (moment, step)
            assert world.training.names == expected.training.names
            assert world.store.effects - before <= effects - 3 * len(staged) + 3, (moment, step)


def test_death_between_any_two_writes_of_the_state_machine(calm):
    """The steps are tried again from the one that died; the bytes are the same."""
    expected, done = calm

    def ordered() -> tuple[World, object]:
        world = prepared(distribute_from=0)
        ingest_upload(world.put(KEY, LARGE), world.ports())
        (order,) = world.machine.orders.values()
        world.store.effects = 0
        return world, order

    smooth, order = ordered()
    smooth.run(order)
    for moment in ("die_at", "die_after"):
        for step in range(1, smooth.store.effects + 1):
            world, order = ordered()
            setattr(world.store, moment, step)
            with pytest.raises(DiedError):
                world.run(order)
            world.store.die_at = world.store.die_after = 0
            assert world.run(order) == "accepted"
            assert lasting(world) == lasting(expected), (moment, step)
            assert world.training.names == expected.training.names
    assert ingest_upload(world.put(KEY, LARGE), world.ports()).report == done.report


def test_a_delivery_while_the_machine_runs(calm):
    """It starts no second one and writes nothing; when the machine is through, it finds the report."""
    expected, done = calm
    world = prepared(distribute_from=0)
    arrival = world.put(KEY, LARGE)
    first = ingest_upload(arrival, world.ports())
    order = world.machine.orders[first.upload_id]
    planned = plan_ingest(order, world.ports())
    before = dict(world.store.objects)
    second = ingest_upload(arrival, world.ports())
    assert (second.upload_id, second.started) == (first.upload_id, False)
    assert world.store.objects == before
    assert planned.status == "planned"
    world.run(order)
    assert ingest_upload(arrival, world.ports()).report == done.report
    assert ingest_upload(arrival, world.ports()).repeated
    assert lasting(world) == lasting(expected)


def test_an_inline_delivery_beside_the_machine(calm):
    """Both read the same file in their own way; what they leave on the way stands in nobody's way."""
    expected, done = calm
    world = prepared()
    arrival = world.put(KEY, LARGE)
    order = order_of(arrival)
    plan_ingest(order, world.ports())
    for section in planned_sections(world, order)[::2]:
        stage_one(section, world.ports())
    assert ingest_upload(arrival, world.ports()).report == done.report
    assert world.run(order) == "accepted"
    assert lasting(world) == lasting(expected)


def planned_sections(world: World, order) -> list[IngestSection]:
    """Read the list that the map would read."""
    listed = json.loads(world.of("staged/")[keys.staged_list("pets", order.upload_id, world.code_version)])
    return [IngestSection(**item) for item in listed]


def test_wrong_guesses_cost_no_row(calm, monkeypatch):
    """Every start guessed in the middle of a record: the commit reads those sections anew."""
    expected, _ = calm
    monkeypatch.setattr(ingest_steps, "guess_record_start", lambda window, delimiter, columns: 7)
    world = prepared(distribute_from=0)
    ingest_upload(world.put(KEY, LARGE), world.ports())
    (order,) = world.machine.orders.values()
    assert world.run(order) == "accepted"
    assert lasting(world) == lasting(expected)


def test_no_guess_at_all(calm, monkeypatch):
    """Where no start can be seen the sections are left to the commit, which goes on when its time is short."""
    expected, _ = calm
    monkeypatch.setattr(ingest_steps, "guess_record_start", lambda window, delimiter, columns: None)
    world = prepared(distribute_from=0)
    ingest_upload(world.put(KEY, LARGE), world.ports())
    (order,) = world.machine.orders.values()
    plan_ingest(order, world.ports())
    assert [section.number for section in planned_sections(world, order)] == [0]
    calls = [0]

    def short_every_third_time() -> float:
        calls[0] += 1
        return 900.0 if calls[0] % 3 else 100.0

    world.seconds_left = short_every_third_time
    statuses = []
    while not statuses or statuses[-1] == "unfinished":
        statuses.append(commit_upload(order, world.ports())[0].status)
    assert statuses.count("unfinished") >= 3
    assert statuses[-1] == "accepted"
    assert lasting(world) == lasting(expected)


def test_a_deployment_in_the_middle(calm):
    """Other code reads the file in its own way, so that it plans and stages anew; no upload is made of both."""
    _, done = calm
    world = prepared(distribute_from=0)
    ingest_upload(world.put(KEY, LARGE), world.ports())
    (order,) = world.machine.orders.values()
    plan_ingest(order, world.ports())
    sections = planned_sections(world, order)
    assert stage_one(sections[0], world.ports()).status == "staged"
    world.code_version = "n3w"
    assert stage_one(sections[1], world.ports()).status == "outdated"
    assert commit_upload(order, world.ports())[0].status == "unplanned"
    assert world.run(order) == "accepted"
    report = ingest_upload(world.put(KEY, LARGE), world.ports()).report
    assert report == done.report.__class__(**{**vars(done.report), "dataset_id": report.dataset_id})


def test_time_that_runs_out_inline_is_no_time_lost(calm):
    """After each further section the time may be over; what was read by then is not read again."""
    expected, done = calm
    sections = len(staged_marks(expected, done.report.upload_id))
    assert sections > 5
    for enough in range(1, sections):
        world = prepared()
        world.seconds_left = iter([900.0] * (1 + enough) + [100.0] * 9).__next__
        taken = ingest_upload(world.put(KEY, LARGE), world.ports())
        assert isinstance(taken, HandedOver)
        assert len(staged_marks(world, taken.upload_id)) == enough + 1
        world.seconds_left = lambda: 900.0
        world.run(world.machine.orders[taken.upload_id])
        assert lasting(world) == lasting(expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_broken_packing_is_refused_with_every_row_counted(workers):
    """A gzip file that breaks off: kept in quarantine, the rows that came out of it counted, none taken."""
    world = World(section_bytes=256 << 10, workers=workers, writers=workers)
    packed = gzip.compress(file_of(4000, padding=" and so on" * 100), compresslevel=0)
    data = packed[: len(packed) * 2 // 3]
    done = ingest_upload(world.put(KEY + ".gz", data), world.ports())
    report = done.report
    assert report.status == "refused"
    assert "gzip packing is broken" in report.reason
    assert 1_500 < report.rows_in < 2_667
    assert report.rows_in == report.rows_rejected == sum(report.rejected_by_reason.values())
    assert list(world.of("quarantine/").values()) == [data]
    assert world.of("parts/") == world.of("datasets/") == {}
    again = ingest_upload(world.put(KEY + ".gz", data), world.ports())
    assert (again.report, again.repeated) == (report, True)


def test_past_the_budget_is_refused_by_any_way():
    """Rejects of all sections count together, inline and in the machine, and the reports agree."""
    data = LARGE.replace(b",cat,", b",cow,")
    reports = []
    for distribute_from in (1 << 30, 0):
        world = small_sections(distribute_from=distribute_from)
        arrival = world.put(KEY, data)
        taken = ingest_upload(arrival, world.ports())
        if isinstance(taken, HandedOver):
            assert world.run(world.machine.orders[taken.upload_id]) == "refused"
            taken = ingest_upload(arrival, world.ports())
        reports.append((taken.report, lasting(world)))
    assert reports[0] == reports[1]
    assert reports[0][0].status == "refused"
    assert "were rejected, at most 50.0% may be" in reports[0][0].reason
    assert world.training.names == []


@pytest.mark.parametrize("moment", ["before the plan", "before a section", "before the commit"])
def test_a_file_that_is_deleted_on_its_way(moment):
    """Whichever step finds it gone, the upload is reported as gone, or taken when it had been read by then."""
    world = small_sections(distribute_from=0)
    arrival = world.put(KEY, LARGE)
    ingest_upload(arrival, world.ports())
    (order,) = world.machine.orders.values()

    def delete():
        del world.store.objects["uploads", KEY]

    if moment == "before the plan":
        delete()
    plan_ingest(order, world.ports())
    sections = [] if moment == "before the plan" else planned_sections(world, order)
    for number, section in enumerate(sections):
        if moment == "before a section" and number == 3:
            delete()
        stage_one(section, world.ports())
    if moment == "before the commit":
        delete()
    done, ingested = commit_upload(order, world.ports())
    assert done.status == ("accepted" if moment == "before the commit" else "refused")
    assert ("deleted before it could be read" in ingested.report.reason) == (moment != "before the commit")


def test_two_large_files_at_the_same_time():
    """The slower one drops what the faster one has brought, section by section, and both are in the dataset."""
    other = file_of(60, seed=9)
    world = small_sections()
    rival = world.put("labelled/pets/rival.csv", other)
    rivals = []
    world.store.before_replace = lambda: rivals.append(ingest_upload(rival, world.ports()).report)
    ingest_upload(world.put("labelled/pets/first.csv", b"text,label\nno pet at all,cat\n"), world.ports())
    report = ingest_upload(world.put(KEY, LARGE), world.ports()).report
    straight = small_sections()
    ingest_upload(straight.put("labelled/pets/rival.csv", other), straight.ports())
    ingest_upload(straight.put("labelled/pets/first.csv", b"text,label\nno pet at all,cat\n"), straight.ports())
    expected = ingest_upload(straight.put(KEY, LARGE), straight.ports()).report
    assert report == expected
    assert len(rivals) == 1
    assert {key: data for key, data in world.of("parts/").items() if data in straight.of("parts/").values()} == (
        straight.of("parts/")
    )


def test_a_file_that_can_be_cut_anywhere_but_is_empty_behind_its_header():
    """A header and nothing else, or nothing but rejects, behave as in one section."""
    for data in (b"text,label,age\n" + b"\n" * 1000, b"text,label,age\n" + b"moo,cow,1\n" * 100):
        world = small_sections(distribute_from=0)
        arrival = world.put(KEY, data)
        taken = ingest_upload(arrival, world.ports())
        assert world.run(world.machine.orders[taken.upload_id]) == "refused"
        whole = World()
        report = ingest_upload(whole.put(KEY, data), whole.ports()).report
        assert ingest_upload(arrival, world.ports()).report == report
        assert (DATA, "datasets/pets/head.json") not in world.store.objects
