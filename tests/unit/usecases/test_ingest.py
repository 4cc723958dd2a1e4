"""Unit tests of `infolens.usecases.ingest`: counts, refusals, and effects that happen once."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from infolens import codec
from infolens.contracts import keys
from infolens.contracts.dataset import DatasetManifest, UploadFormat, UploadReport
from infolens.ingest.dataset import dataset_id_of
from infolens.ingest.identity import upload_id_of
from infolens.ingest.parts import part_id_of
from infolens.usecases.datasets import OutdatedDatasetError
from infolens.usecases.ingest import ingest_upload
from infolens.usecases.ingest_ports import HeadContestedError
from ingest_fakes import DATA, UPLOADED, UPLOADS, DiedError, World
from pets import PetSchema

PETS = b"text,label,age\npurrs,cat,3\nbarks,dog,\nPurrs,cat,4\nsings,bird,1\n"
MORE = b"text,label\nbarks,dog\nhowls,dog\nhisses,cat\n"


def ingest(world: World, key: str, data: bytes, version: str = "v1"):
    """Upload a file and take it in."""
    return ingest_upload(world.put(key, data, version), world.ports())


def newest(world: World) -> DatasetManifest:
    """Read the dataset that head.json names."""
    head = json.loads(world.of("datasets/pets/head.json")["datasets/pets/head.json"])
    key = keys.dataset_manifest("pets", head["dataset_id"])
    return codec.from_json(DatasetManifest, world.of(key)[key])


def test_first_upload():
    """Kept rows become a part and the first dataset, the wrong row a reject, the copy a count; training starts."""
    world = World()
    done = ingest(world, "labelled/pets/a.csv", PETS)
    report = done.report
    assert (report.status, report.reason) == ("accepted", "")
    assert (report.rows_in, report.rows_kept, report.rows_duplicate, report.rows_rejected) == (4, 2, 1, 1)
    assert report.rejected_by_reason == {"label: no known pet; known: cat, dog": 1}
    assert report.label_counts == {"cat": 1, "dog": 1}
    assert report.dataset_id == dataset_id_of("pets", [report.parts[0].part_id])

    (part_key,) = world.of("parts/")
    part = world.of("parts/")[part_key]
    assert part_key == f"parts/pets/{report.parts[0].part_id}.parquet"
    assert part_id_of(part) == report.parts[0].part_id
    assert pq.read_table(io.BytesIO(part)).column("line").to_pylist() == [1, 2]
    assert report.parts[0].lines_before == 1  # the header: so they stand in lines 2 and 3 of the file
    assert pq.read_table(io.BytesIO(part)).column("upload_id").to_pylist() == [report.upload_id] * 2

    manifest = newest(world)
    assert (manifest.dataset_id, manifest.parent, manifest.rows) == (report.dataset_id, "", 2)
    assert manifest.created_at == "2026-05-01T12:00:00+00:00"
    (channel,) = [data for key, data in world.of("datasets/").items() if key.endswith("channel.manifest")]
    assert json.loads(channel) == [{"prefix": "s3://data/parts/pets/"}, f"{report.parts[0].part_id}.parquet"]
    rejects = world.of("rejects/")[keys.rejects("pets", report.upload_id)].decode()
    assert [row["reject_line"] for row in csv.DictReader(io.StringIO(rejects, newline=""))] == ["5"]
    reports = world.of("reports/")
    assert codec.from_json(UploadReport, reports[keys.upload_report("pets", report.upload_id)]) == report
    text = reports[keys.upload_report_text("pets", report.upload_id)].decode()
    assert text.startswith("labelled/pets/a.csv: accepted\n")
    assert (report.bytes_in, report.format) == (len(PETS), UploadFormat("", "utf-8", ","))
    assert (report.uploaded_at, report.settled_at) == (UPLOADED, "2026-05-01T12:00:00+00:00")
    assert world.training.names == [("pets", report.dataset_id, "c0de")]
    assert done.training_started


def test_second_upload_is_compared_with_the_dataset():
    """A row that the dataset has already is a duplicate; the others are appended."""
    world = World()
    first = ingest(world, "labelled/pets/a.csv", PETS).report
    second = ingest(world, "labelled/pets/b.csv", MORE).report
    assert (second.rows_in, second.rows_kept, second.rows_duplicate, second.rows_rejected) == (3, 2, 1, 0)
    manifest = newest(world)
    assert (manifest.dataset_id, manifest.parent) == (second.dataset_id, first.dataset_id)
    assert manifest.parts == (*first.parts, *second.parts)
    assert manifest.rows == 4
    assert manifest.label_counts == {"cat": 2, "dog": 2}
    assert len(world.training.names) == 2


def test_file_without_rejects_leaves_no_reject_file():
    """There is nothing to correct, hence nothing to open."""
    world = World()
    ingest(world, "labelled/pets/b.csv", MORE)
    assert world.of("rejects/") == {}


def test_upload_with_nothing_new():
    """A file of rows that are all known makes no dataset and no training, and says so."""
    world = World()
    ingest(world, "labelled/pets/a.csv", PETS)
    done = ingest(world, "labelled/pets/again.csv", b"text,label\nBARKS,dog\npurrs,cat\n")
    assert (done.report.status, done.report.dataset_id, done.report.parts) == ("empty", "", ())
    assert done.report.reason == "no row was new: each one was rejected or is in the dataset already"
    assert (done.report.rows_in, done.report.rows_duplicate) == (2, 2)
    assert len(world.training.names) == 1


def test_upload_of_rejects_only_behind_others():
    """A file without a single good row is compared with nothing, and is reported as empty, not lost in an error."""
    world = World(schema=PetSchema(bad_row_budget=1.0))
    ingest(world, "labelled/pets/a.csv", PETS)
    report = ingest(world, "labelled/pets/b.csv", b"text,label\nmoos,cow\n").report
    assert (report.status, report.rows_rejected, report.parts) == ("empty", 1, ())


@pytest.mark.parametrize(("min_rows", "started"), [(2, True), (3, False)])
def test_smallest_dataset_that_trains(min_rows, started):
    """A dataset of the smallest size trains; one row fewer does not, and the report says how many are missing."""
    world = World(min_rows=min_rows)
    done = ingest(world, "labelled/pets/a.csv", PETS)
    assert done.training_started is started
    assert len(world.training.names) == started
    assert done.report.status == "accepted"
    assert done.report.reason == (
        "" if started else "no training started: the dataset has 2 rows, at least 3 are needed"
    )


def test_repetition_changes_nothing():
    """The same event again gives the same report, not one write more, and no second training."""
    world = World()
    arrival = world.put("labelled/pets/a.csv", PETS)
    first = ingest_upload(arrival, world.ports())
    before = dict(world.store.objects)
    again = ingest_upload(arrival, world.ports())
    assert (again.report, again.repeated, again.training_started) == (first.report, True, False)
    assert world.store.objects == before
    assert len(world.training.names) == 1


def test_repetition_after_a_deployment_starts_no_second_training():
    """The name of the training takes the code that made the dataset, not the code that happens to run today."""
    world = World()
    arrival = world.put("labelled/pets/a.csv", PETS)
    ingest_upload(arrival, world.ports())
    world.code_version = "n3w"
    assert not ingest_upload(arrival, world.ports()).training_started
    assert [name[2] for name in world.training.names] == ["c0de"]


@pytest.mark.parametrize(
    ("key", "data", "task", "reason"),
    [
        ("labelled/pets/a.csv", b"", "pets", "the file is empty (0 bytes)"),
        ("labelled/pets/a.csv", b"text,label\n", "pets", "a header and no row below it"),
        ("labelled/pets/a.csv", b"text,kind\npurrs,cat\n", "pets", "column label: no such column"),
        ("labelled/pets/a.csv", b"text,label\npurrs,cow\nmoos,cow\nbarks,dog\n", "pets", "2 of 3 rows (66.7%)"),
        ("labelled/pets/a.xlsx", b"PK\x03\x04", "pets", "'a.xlsx' is not a CSV file by its name"),
        ("labelled/pets/a.csv", b"PK\x03\x04", "pets", "the zip packing is broken"),
        ("labelled/pets/a.csv", b"%PDF-1.7", "pets", "a PDF document"),
        ("labelled/pest/a.csv", PETS, "unknown", "unknown task 'pest'; known tasks: pets"),
        ("labelled/a.csv", PETS, "unknown", "the key must be labelled/<task>/<file>.csv, not labelled/a.csv"),
    ],
)
def test_refused_whole(key, data, task, reason):
    """A file that cannot be taken lies in quarantine byte for byte, its report says why, and nothing is started."""
    world = World()
    done = ingest(world, key, data)
    report = done.report
    assert (report.status, report.task) == ("refused", task)
    assert reason in report.reason
    assert world.of("quarantine/") == {keys.quarantined(task, report.upload_id, key.rpartition("/")[2]): data}
    assert list(world.of("reports/")) == [
        keys.upload_report(task, report.upload_id),
        keys.upload_report_text(task, report.upload_id),
    ]
    assert world.of("parts/") == world.of("datasets/") == {}
    assert report.rows_in == report.rows_kept + report.rows_duplicate + report.rows_rejected
    assert sum(report.rejected_by_reason.values()) == report.rows_rejected
    assert world.training.names == []
    assert world.store.objects[UPLOADS, key] == data


@pytest.mark.parametrize(("distribute_from", "rows", "counted"), [(21, 1, True), (20, 0, False)])
def test_a_refused_header_leaves_what_is_known(distribute_from, rows, counted):
    """The report says how the file is written, and of a large one that nobody counted its rows."""
    world = World(distribute_from=distribute_from)
    report = ingest(world, "labelled/pets/a.csv", b"text;kind\npurrs;cats\n").report
    assert report.format == UploadFormat("", "utf-8", ";")
    assert (report.rows_in, report.rows_counted) == (rows, counted)


def test_the_named_delimiter_is_a_line_of_the_file_and_no_row():
    """`sep=;` above the header, as for Excel: rows count from below the header, lines from the top of the file."""
    world = World()
    report = ingest(world, "labelled/pets/a.csv", b"sep=;\r\ntext;label\r\npurrs;cat\r\nmoos;cow\r\n").report
    assert (report.rows_in, report.format) == (2, UploadFormat("", "utf-8", ";"))
    assert report.parts[0].lines_before == 2


def test_refused_file_lists_its_bad_rows():
    """Past the budget the wrong rows are listed as for any file; the others count as refused with the file."""
    world = World()
    report = ingest(world, "labelled/pets/a.csv", b"text,label\npurrs,cow\nmoos,cow\nbarks,dog\n").report
    assert report.rejected_by_reason == {
        "label: no known pet; known: cat, dog": 2,
        "the file as a whole was refused": 1,
    }
    assert world.of("rejects/")[keys.rejects("pets", report.upload_id)].count(b"no known pet") == 2


def test_corrected_file_under_the_same_key_is_taken():
    """A refusal is of one version; the same key uploaded again is another upload."""
    world = World()
    ingest(world, "labelled/pets/a.csv", b"text,kind\npurrs,cat\n", "v1")
    assert ingest(world, "labelled/pets/a.csv", PETS, "v2").report.status == "accepted"


def test_deleted_file():
    """A file that is gone when its event comes is reported, since it would never come back."""
    world = World()
    arrival = world.put("labelled/pets/a.csv", PETS)
    del world.store.objects[UPLOADS, "labelled/pets/a.csv"]
    report = ingest_upload(arrival, world.ports()).report
    assert (report.status, report.rows_in) == ("refused", 0)
    assert "deleted before it could be read" in report.reason


def test_mended_bytes_are_reported():
    """An editor learns that a file was not UTF-8, or held bytes without a meaning, although its rows were kept."""
    world = World()
    report = ingest(world, "labelled/pets/a.csv", "text,label\ndéjà vu\0,cat\n".encode("latin-1")).report
    assert (report.rows_kept, report.bytes_repaired, report.bytes_replaced) == (1, 2, 1)


def test_overwritten_file_in_a_bucket_without_versions():
    """What lies there now is another upload: the first is reported as gone, the second is taken."""
    world = World()
    first = world.put_unversioned("labelled/pets/a.csv", PETS)
    second = world.put_unversioned("labelled/pets/a.csv", MORE)
    report = ingest_upload(first, world.ports()).report
    assert (report.status, report.rows_in) == ("refused", 0)
    assert "another file was written over this one" in report.reason
    assert world.of("quarantine/") == {}
    taken = ingest_upload(second, world.ports()).report
    assert (taken.status, taken.rows_kept) == ("accepted", 3)
    assert taken.upload_id != report.upload_id


def test_replayed_file_names_the_upload_that_it_was():
    """A quarantined file put back has a report of its own that leads to the old one."""
    world = World()
    world.store.metadata[UPLOADS, "labelled/pets/a.csv"] = {"infolens-replay-of": "u0"}
    assert ingest(world, "labelled/pets/a.csv", PETS).report.replay_of == "u0"
    world.store.metadata[UPLOADS, "labelled/pets/b.csv"] = {"infolens-replay-of": "u1"}
    assert ingest(world, "labelled/pets/b.csv", b"").report.replay_of == "u1"


def test_identities_are_read_once_per_process():
    """A hundred small files do not read a hundred indexes each."""
    world = World()
    for number in range(5):
        ingest(world, f"labelled/pets/{number}.csv", b"text,label\npurr number %d,cat\n" % number)
    world.store.reads.clear()
    ingest(world, "labelled/pets/last.csv", b"text,label\npurr number 4,cat\n")
    assert len([key for key in world.store.reads if key.startswith("indexes/")]) == 1  # of the file before it
    assert not [key for key in world.store.reads if key.startswith("parts/")]


def test_dataset_of_another_schema_is_not_appended_to():
    """Parts that mean something else are not mixed: the message fails with what to do, and head.json stays."""
    world = World()
    first = ingest(world, "labelled/pets/a.csv", PETS).report
    key = keys.dataset_manifest("pets", first.dataset_id)
    world.store.objects[DATA, key] = world.store.objects[DATA, key].replace(
        b'"schema_version":2', b'"schema_version":1'
    )
    head = world.of("datasets/pets/head.json")
    with pytest.raises(
        OutdatedDatasetError, match=r"schema version 1, this code reads 2: remove datasets/pets/head.json"
    ):
        ingest(world, "labelled/pets/b.csv", MORE)
    assert world.of("datasets/pets/head.json") == head


def test_head_that_was_moved_back_meanwhile():
    """Rows dropped for a part that an operator has taken out meanwhile are new again."""
    world = World()
    first = ingest(world, "labelled/pets/a.csv", PETS).report
    head = world.store.objects[DATA, keys.dataset_head("pets")]
    ingest(world, "labelled/pets/b.csv", b"text,label\nhowls,dog\n")

    def back():
        world.store.objects[DATA, keys.dataset_head("pets")] = head

    world.store.before_replace = back
    report = ingest(world, "labelled/pets/c.csv", b"text,label\nhowls,dog\nhisses,cat\n").report
    assert (report.rows_kept, report.rows_duplicate) == (2, 0)
    assert newest(world).parts == (*first.parts, *report.parts)


def test_concurrent_uploads_both_get_in():
    """Who finds head.json changed compares with the new head and appends to it."""
    world = World()
    other = world.put("labelled/pets/b.csv", MORE)
    others = []
    world.store.before_replace = lambda: others.append(ingest_upload(other, world.ports()).report)
    report = ingest(world, "labelled/pets/a.csv", PETS).report
    assert (others[0].rows_kept, report.rows_kept, report.rows_duplicate) == (3, 1, 2)
    manifest = newest(world)
    assert [source.upload_id for source in manifest.sources] == [others[0].upload_id, report.upload_id]
    assert manifest.dataset_id == report.dataset_id
    assert manifest.rows == 4


def test_two_deliveries_of_one_upload_at_the_same_time():
    """The slower one finds the upload in the dataset, reports the same, and starts nothing."""
    world = World()
    ingest(world, "labelled/pets/b.csv", MORE)
    arrival = world.put("labelled/pets/a.csv", PETS)
    others = []
    world.store.before_replace = lambda: others.append(ingest_upload(arrival, world.ports()))
    slower = ingest_upload(arrival, world.ports())
    assert slower.report == others[0].report
    assert (slower.report.rows_kept, slower.report.rows_duplicate) == (1, 2)
    assert (others[0].training_started, slower.training_started) == (True, False)
    assert len(newest(world).sources) == 2
    assert len(world.training.names) == 2


@pytest.mark.parametrize(("losses", "taken"), [(49, True), (50, False)])
def test_head_that_hardly_comes_to_rest(losses, taken):
    """The fiftieth try may succeed; after fifty lost races the message goes back instead of spinning for ever."""
    world = World()
    ingest(world, "labelled/pets/a.csv", PETS)
    left = [losses]

    def interfere():
        world.store.objects[DATA, "datasets/pets/head.json"] += b" "
        left[0] -= 1
        world.store.before_replace = interfere if left[0] else None

    world.store.before_replace = interfere
    if taken:
        assert ingest(world, "labelled/pets/b.csv", MORE).report.rows_kept == 2
    else:
        with pytest.raises(HeadContestedError):
            ingest(world, "labelled/pets/b.csv", MORE)


UPLOADS_THAT_DIE = {
    "accepted": (b"text,label\nhowls,dog\nbarks,dog\nmoos,cow\n", "accepted"),
    "empty": (b"text,label\npurrs,cat\n", "empty"),
    "over budget": (b"text,label\nmoos,cow\n", "refused"),
    "binary": (b"%PDF", "refused"),
}


@pytest.mark.parametrize("first", [True, False], ids=["first dataset", "appended"])
@pytest.mark.parametrize("name", UPLOADS_THAT_DIE)
@pytest.mark.parametrize("moment", ["die_at", "die_after"])
def test_death_between_any_two_writes(name, moment, first):
    """Killed before or after each single effect, and delivered again: same bucket, true counts, one training."""
    data, status = UPLOADS_THAT_DIE[name]

    def prepared() -> World:
        world = World()
        if not first:
            ingest(world, "labelled/pets/before.csv", PETS)
        world.store.effects = 0
        return world

    calm = prepared()
    expected = ingest(calm, "labelled/pets/a.csv", data).report
    effects = calm.store.effects
    assert expected.status == (status if not (first and name == "empty") else "accepted")
    assert effects >= 2 - (name == "empty" and not first)
    for step in range(1, effects + 1):
        world = prepared()
        setattr(world.store, moment, step)
        arrival = world.put("labelled/pets/a.csv", data)
        with pytest.raises(DiedError):
            ingest_upload(arrival, world.ports())
        world.store.die_at = world.store.die_after = 0
        assert ingest_upload(arrival, world.ports()).report == expected
        assert world.store.objects == calm.store.objects
        assert world.training.names == calm.training.names


def test_death_before_the_report_while_others_go_on():
    """An upload that got into the dataset and died is reported with the dataset that first had it, not the newest."""
    calm = World()
    expected = ingest(calm, "labelled/pets/a.csv", PETS).report
    head_moved = calm.store.effects - 3  # then the two reports and the start of training

    world = World()
    world.store.die_after = head_moved
    arrival = world.put("labelled/pets/a.csv", PETS)
    with pytest.raises(DiedError):
        ingest_upload(arrival, world.ports())
    assert world.of("reports/") == {}
    world.store.die_after = 0
    later = ingest(world, "labelled/pets/b.csv", MORE).report
    assert later.rows_duplicate == 1
    assert ingest_upload(arrival, world.ports()).report == expected
    assert newest(world).dataset_id == later.dataset_id
    assert {name[1] for name in world.training.names} == {expected.dataset_id, later.dataset_id}


def test_death_and_a_deployment_before_the_head_moved():
    """The manifest that the first attempt left stands, and training takes the code version in it."""
    calm = World()
    expected = ingest(calm, "labelled/pets/a.csv", PETS).report
    world = World()
    world.store.die_after = calm.store.effects - 4  # then the head, the two reports and the start of training
    arrival = world.put("labelled/pets/a.csv", PETS)
    with pytest.raises(DiedError):
        ingest_upload(arrival, world.ports())
    world.store.die_after = 0
    world.code_version = "n3w"
    assert ingest_upload(arrival, world.ports()).report == expected
    assert newest(world).code_version == "c0de"
    assert world.training.names == [("pets", expected.dataset_id, "c0de")]


def test_upload_id_names_bucket_key_and_version():
    """The report lies under the id that anybody can compute from the object."""
    world = World()
    arrival = world.put("labelled/pets/a.csv", PETS)
    assert ingest_upload(arrival, world.ports()).report.upload_id == upload_id_of(arrival.source)
