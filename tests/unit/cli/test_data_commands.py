"""The commands about rows, datasets, dead letters and quality, as a person types them."""

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli_fakes import Objects, screen
from dataset_records import TASK, manifest, part, source, upload_report
from infolens import codec
from infolens.contracts.dataset import Conflict, NearDuplicate, UploadFormat, UploadRef
from infolens.contracts.model import ModelRecord
from infolens.ingest.dataset import Head
from infolens_cli.main import app
from infolens_cli.screen import Screen
from infolens_cli.stack import Stack
from infolens_cli.uploading import identity_of
from serving_fakes import FakeRegistry

STACK = Stack(
    *("uploads", "data", "models", "models-table", "rollouts-table", "observations-table"),
    *("p-", "arn:t", "arn:r", "http://api", "key"),
    *("labelled-dead", "batch-dead", "take-backs", "arn:take-back"),
)
HEAD = ("data", f"datasets/{TASK}/head.json")
FIRST = manifest("aaaa1", source("u1", part("a")))
SECOND = manifest("bbbb2", *FIRST.sources, source("u2", part("b", rows=5)), parent="aaaa1")
MODEL = ModelRecord(
    TASK, "7", "s3://m/b/", "f" * 64, "run-7", FIRST.dataset_id, "c0de", {"accuracy": 0.8}, True, (), "2026-03-01", "x"
)


class Bucket:
    """S3 that lists reports, and answers managed transfers through its hooks."""

    def __init__(self, objects):
        self.objects, self.listeners, self.put = objects, {}, []
        self.meta = SimpleNamespace(events=self)

    def register(self, name, listener):
        """Botocore's hook."""
        self.listeners[name] = listener

    def unregister(self, name, listener):
        """Botocore's hook."""

    def upload_file(self, Filename, Bucket, Key, Callback, **_):  # noqa: N803 - boto3's names
        """Take a file; ingest answers at once with the report that the test has put there."""
        self.put.append(Key)
        if Callback:
            Callback(6)
            Callback(6)
        self.listeners["after-call.s3.PutObject"](parsed={"VersionId": "v1"})

    def copy(self, CopySource, Bucket, Key, ExtraArgs, Config):  # noqa: N803 - boto3's names
        """Take a copy."""
        self.put.append((CopySource["Key"], Key, ExtraArgs["Metadata"]))
        self.listeners["after-call.s3.CopyObject"](parsed={"VersionId": "v2"})

    def get_paginator(self, _):
        """List."""
        at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

        def paginate(Bucket, Prefix):  # noqa: N803 - boto3's names
            return [{"Contents": [{"Key": key, "LastModified": at} for key in self.objects.keys(Bucket, Prefix)]}]

        return SimpleNamespace(paginate=paginate)

    def get_object(self, Bucket, Key):  # noqa: N803 - boto3's names
        """Read."""
        return {"Body": io.BytesIO(self.objects.read(Bucket, Key).data)}


class Sqs:
    """Three empty queues."""

    def receive_message(self, **_):
        """Give nothing."""
        return {}

    def get_queue_attributes(self, QueueUrl, AttributeNames):  # noqa: N803 - boto3's names
        """Somebody holds a message of the batch queue."""
        return {"Attributes": {"ApproximateNumberOfMessagesNotVisible": str(int(QueueUrl == "batch-dead"))}}


class Desk:
    """A workplace whose cloud is in memory."""

    def __init__(self, *manifests, head=None, content=(), records=()):
        self.screen, self.text = screen()
        stored = {("data", f"datasets/{TASK}/{one.dataset_id}/manifest.json"): codec.to_json(one) for one in manifests}
        self.objects = Objects(stored | dict(content))
        if head:
            self.objects.content[HEAD] = codec.to_json(Head(TASK, head.dataset_id))
        self.stack, self.registry = STACK, FakeRegistry(*records)
        self.clients = {"s3": Bucket(self.objects), "sqs": Sqs()}

    def client(self, service):
        """One of the clients."""
        return self.clients[service]

    @staticmethod
    def now():
        """A fixed time."""
        return datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


def infolens(desk, *words, answer=""):
    """Type a command; gives exit code, output and error output."""
    done = CliRunner().invoke(app, list(words), obj=desk, input=answer)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join((desk.text.getvalue() + done.stdout).split()), " ".join(done.stderr.split())


def reported(report):
    """A report as ingest leaves it."""
    return {("data", f"reports/{report.task}/{report.upload_id}.json"): codec.to_json(report)}


UPLOAD_ID = identity_of("uploads", f"labelled/{TASK}/rows.csv", "v1")
REJECTS = b"reject_line,reject_column,reject_reason,title,label\r\n12,label,is empty,Roses in May,\r\n"


@pytest.fixture
def rows(tmp_path):
    """A file to upload."""
    file = tmp_path / "rows.csv"
    file.write_text("title,label\n")
    return file


def test_an_upload_shows_all_that_its_report_says(rows, tmp_path):
    """Counts, format, repairs, first rejects, conflicts, near-duplicates, where things lie, and what to do next."""
    report = upload_report(
        upload_id=UPLOAD_ID,
        format=UploadFormat("gzip", "utf-8-sig", ";"),
        bytes_repaired=14,
        bytes_replaced=3,
        conflicting_labels=25,
        conflicts=(Conflict(9, "Sports", 0, "Business", "older"), Conflict(11, "Sports", 4, "Arts", UPLOAD_ID)),
        near_duplicates=1,
        near_duplicate_pairs=(NearDuplicate(5, 3, UPLOAD_ID, 0.93),),
        text_lengths={"p05": 20, "p50": 200, "p95": 900, "max": 4000},
    )
    desk = Desk(content={**reported(report), ("data", f"rejects/{TASK}/{UPLOAD_ID}.csv"): REJECTS})
    code, said, _ = infolens(desk, "upload", TASK, str(rows))
    assert code == 0
    for part_ in (
        f"uploaded to s3://uploads/labelled/{TASK}/rows.csv (upload id {UPLOAD_ID})",
        "2.0 MB, gzip, UTF-8 with a byte order mark and Windows-1252, semicolon between the columns",
        "rows in 10",
        "5 % up to 20, half up to 200, 95 % up to 900, longest 4000 characters",
        "14 bytes that are no UTF-8 were read as Windows-1252",
        "3 bytes that mean nothing in either became \ufffd",
        "25 rows have the text of a kept row, and another label",
        "the first 2 of 25 rows of the same text and another label",
        "9 Sports a row of upload older Business",
        "11 Sports line 4 Arts",
        "5 line 3 93%",
        "4.0 s from upload to report, 2.5 rows/s",
        "12 label is empty Roses in May",
        f"s3://data/reports/{TASK}/{UPLOAD_ID}.txt",
        f"s3://data/rejects/{TASK}/{UPLOAD_ID}.csv",
        f"Next: infolens report {UPLOAD_ID} --rejects rejects.csv, mend it, and infolens upload {TASK} rejects.csv",
    ):
        assert part_ in said, part_


def test_the_rejects_can_be_saved_at_once(rows, tmp_path):
    """The next step is about that file then."""
    desk = Desk(
        content={
            **reported(upload_report(upload_id=UPLOAD_ID)),
            ("data", f"rejects/{TASK}/{UPLOAD_ID}.csv"): REJECTS,
        }
    )
    out = tmp_path / "bad.csv"
    code, said, _ = infolens(desk, "upload", TASK, str(rows), "--rejects", str(out))
    assert (code, out.read_bytes()) == (0, REJECTS)
    assert f"mend {out} and infolens upload {TASK} {out}" in said


def test_a_refused_upload_fails_and_names_both_ways_on(rows):
    """Mend the file, or replay it."""
    report = upload_report(
        upload_id=UPLOAD_ID, status="refused", reason="no column label", parts=(), dataset_id="", rows_kept=0
    )
    code, said, _ = infolens(Desk(content=reported(report)), "upload", TASK, str(rows))
    assert code == 1
    assert "refused - no column label" in said
    assert f"s3://data/quarantine/{TASK}/{UPLOAD_ID}/rows.csv" in said
    assert f"infolens replay {UPLOAD_ID}" in said


def test_a_clean_upload_points_to_its_training(rows):
    """There is nothing to mend."""
    report = upload_report(upload_id=UPLOAD_ID, rows_rejected=0, rows_kept=8, rejected_by_reason={})
    code, said, _ = infolens(Desk(content=reported(report)), "upload", TASK, str(rows))
    assert code == 0
    assert f"infolens train {TASK} --wait" in said
    assert "rejects/" not in said


def test_nobody_has_to_wait_for_a_report(rows):
    """It can be asked for later."""
    code, said, _ = infolens(Desk(), "upload", TASK, str(rows), "--no-wait")
    assert code == 0
    assert f"infolens report {UPLOAD_ID}" in said


@pytest.mark.parametrize("size", [12, 13])
def test_a_large_file_shows_how_far_it_is(rows, monkeypatch, size):
    """A step of its own, from the size on at which it goes in pieces."""
    monkeypatch.setattr("infolens_cli.uploading.PIECE_BYTES", size)
    code, said, _ = infolens(Desk(), "upload", TASK, str(rows), "--no-wait")
    assert code == 0
    assert ("✓ Uploading rows.csv" in said) == (size == 12)


def test_a_terminal_shows_a_bar_of_the_bytes(rows, monkeypatch):
    """It is full when the file has arrived."""
    monkeypatch.setattr("infolens_cli.uploading.PIECE_BYTES", 12)
    desk, text = Desk(), io.StringIO()
    desk.screen = Screen(Console(file=text, width=120, force_terminal=True), lambda: 0.0)
    infolens(desk, "upload", TASK, str(rows), "--no-wait")
    assert "12/12 bytes" in text.getvalue()


def test_a_spreadsheet_is_refused_before_it_is_sent(tmp_path):
    """The advice says what to do with it."""
    file = tmp_path / "rows.xlsx"
    file.write_bytes(b"PK")
    desk = Desk()
    code, _, said = infolens(desk, "upload", TASK, str(file))
    assert code == 1
    assert "rows.xlsx is no CSV file by its name" in said
    assert "saved as CSV first" in said
    assert desk.clients["s3"].put == []


def test_a_report_can_be_read_again():
    """By a beginning of its id, of any task."""
    code, said, _ = infolens(Desk(content=reported(upload_report())), "report", "ab")
    assert code == 0
    assert "rows in 10" in said
    assert "upload id abc" in said


def test_rejects_of_a_file_that_was_never_read_are_none(tmp_path):
    """A PDF has no rows that could be mended; no empty file is left."""
    report = upload_report(status="refused", reason="is a PDF", dataset_id="", parts=())
    code, _, said = infolens(Desk(content=reported(report)), "report", "abc", "--rejects", str(tmp_path / "r.csv"))
    assert code == 1
    assert "has no rejected rows of its own" in said
    assert not list(tmp_path.iterdir())


REFUSED = f"quarantine/{TASK}/abc/rows.csv"
REPLAYED = identity_of("uploads", f"labelled/{TASK}/rows.csv", "v2")


def test_a_quarantined_file_goes_in_again():
    """As a new version at its old place, with a report of its own that names the old upload."""
    report = upload_report(upload_id=REPLAYED, replay_of="abc", rows_rejected=0, rows_kept=8, rejected_by_reason={})
    desk = Desk(content={**reported(report), ("data", REFUSED): b""})
    code, said, _ = infolens(desk, "replay", "ab")
    assert code == 0
    assert desk.clients["s3"].put == [(REFUSED, f"labelled/{TASK}/rows.csv", {"infolens-replay-of": "abc"})]
    assert "replay of abc" in said


def test_a_file_of_no_task_needs_one():
    """Its key named none that is known; with a task it goes there."""
    desk = Desk(content={("data", "quarantine/unknown/abc/rows.csv"): b""})
    code, _, said = infolens(desk, "replay", "abc")
    assert code == 1
    assert "infolens replay abc --task TASK" in said
    code, said, _ = infolens(desk, "replay", "abc", "--task", TASK, "--no-wait")
    assert code == 0
    assert desk.clients["s3"].put[0][1] == f"labelled/{TASK}/rows.csv"


def test_datasets_are_listed_from_the_head_back():
    """With rows, what the newest upload brought, and the head marked."""
    code, said, _ = infolens(Desk(FIRST, SECOND, head=SECOND), "dataset", "list", TASK)
    assert code == 0
    assert "head bbbb200000000000 15 +5 2 2 u2.csv 2026-03-01 12:00 c0de" in said
    assert said.index("bbbb2") < said.index("aaaa1")


def test_what_the_head_left_is_listed_when_asked():
    """It is marked as being aside."""
    desk = Desk(FIRST, SECOND, head=FIRST)
    assert "bbbb2" not in infolens(desk, "dataset", "list", TASK)[1]
    assert "aside bbbb2" in infolens(desk, "dataset", "list", TASK, "--all")[1]


def test_a_longer_line_says_how_to_see_more():
    """Nothing is cut off in silence."""
    said = infolens(Desk(FIRST, SECOND, head=SECOND), "dataset", "list", TASK, "--limit", "1")[1]
    assert "aaaa1" not in said
    assert f"infolens dataset list {TASK} --limit 2" in said


def test_a_task_without_datasets_is_told_how_to_begin():
    """No empty table, and no failure."""
    code, said, _ = infolens(Desk(), "dataset", "list", TASK)
    assert code == 0
    assert f"infolens upload {TASK} FILE" in said


def test_a_dataset_shows_what_is_in_it_and_what_came_of_it():
    """Labels with shares, uploads, and the models that were trained on it."""
    code, said, _ = infolens(Desk(FIRST, SECOND, head=SECOND, records=(MODEL,)), "dataset", "show", "aaaa")
    assert code == 0
    for part_ in (FIRST.dataset_id, "none, it is the first", "Sports 7 (70.0 %), Business 3 (30.0 %)", "u1", "run-7"):
        assert part_ in said, part_
    assert "head" not in said


def test_a_model_shows_what_it_was_trained_on():
    """Bundle, run, code and the dataset, however old."""
    code, said, _ = infolens(Desk(FIRST, SECOND, head=SECOND, records=(MODEL,)), "dataset", "show", f"{TASK}@7")
    assert code == 0
    for part_ in (f"{TASK} version 7", "f" * 64, f"trained on {FIRST.dataset_id}", "rows 10"):
        assert part_ in said, part_


def test_a_difference_is_told_in_uploads_rows_and_labels():
    """From the first to the second."""
    code, said, _ = infolens(Desk(FIRST, SECOND, head=SECOND), "dataset", "diff", "aaaa", TASK)
    assert code == 0
    for part_ in ("the second is the first with 1 upload more", "1 uploads only in the second", "u2", "rows 10 15 +5"):
        assert part_ in said, part_
    assert "Sports 7 12 +5 70.0 % 80.0 %" in said


def test_the_same_dataset_has_no_difference():
    """One line."""
    assert infolens(Desk(FIRST, head=FIRST), "dataset", "diff", "aaaa", TASK)[1].endswith("the same dataset")


def test_the_head_moves_only_when_it_is_wanted():
    """What leaves is said before the question; a no changes nothing."""
    desk = Desk(FIRST, SECOND, head=SECOND)
    code, said, error = infolens(desk, "dataset", "checkout", "aaaa", "--head", answer="n\n")
    assert code == 1
    assert "1 uploads leave, 0 come back" in said
    assert "the head was not moved" in error
    assert json.loads(desk.objects.content[HEAD])["dataset_id"] == SECOND.dataset_id


def test_the_head_moves_back():
    """Nothing is downloaded, nothing is trained, and the way to train is said."""
    desk = Desk(FIRST, SECOND, head=SECOND)
    code, said, _ = infolens(desk, "dataset", "checkout", "aaaa", "--head", "--yes")
    assert code == 0
    assert json.loads(desk.objects.content[HEAD])["dataset_id"] == FIRST.dataset_id
    assert "no training has started" in said
    assert f"infolens train {TASK}" in said


def test_the_head_is_not_torn_from_an_upload():
    """An upload that was faster wins; the operator looks again."""
    desk = Desk(FIRST, SECOND, head=SECOND)
    read = desk.objects.read

    def meanwhile(bucket, key, version=""):
        found = read(bucket, key, version)
        return type(found)(found.data, "an older etag") if key.endswith("head.json") else found

    desk.objects.read = meanwhile
    code, _, said = infolens(desk, "dataset", "checkout", "aaaa", "--head", "--yes")
    assert code == 1
    assert "an upload has made another dataset meanwhile" in said


def test_what_is_the_newest_already_stays():
    """Nobody is asked."""
    code, said, _ = infolens(Desk(FIRST, head=FIRST), "dataset", "checkout", "aaaa", "--head")
    assert code == 0
    assert "is the newest dataset of news_category already" in said


@pytest.mark.parametrize(
    ("words", "said"), [(("--as", "xml"), "--as xml is no format"), (("--with-model",), "--with-model needs a model")]
)
def test_a_checkout_that_cannot_be_is_refused_before_it_begins(tmp_path, words, said):
    """No folder is made."""
    to = tmp_path / "out"
    code, _, error = infolens(Desk(FIRST, head=FIRST), "dataset", "checkout", "aaaa", "--to", str(to), *words)
    assert code == 1
    assert said in error
    assert not to.exists()


def test_no_dead_letters_are_good_news():
    """Unless somebody else is looking at some right now."""
    code, said, _ = infolens(Desk(), "dlq", "list")
    assert code == 0
    assert "there are no dead letters" in said
    assert "1 more of batch are held by somebody else right now" in said


@pytest.mark.parametrize("words", [(), ("m1", "--all")])
def test_a_replay_says_what_it_is_about(words):
    """Either ids or all of them."""
    code, _, said = infolens(Desk(), "dlq", "replay", *words)
    assert code == 1
    assert "say which messages" in said


def test_a_message_that_is_not_there_is_named():
    """Exit code 1: what was asked for did not happen."""
    code, _, said = infolens(Desk(), "dlq", "replay", "m1")
    assert code == 1
    assert "m1: there is no such message" in said


def test_an_unknown_queue_is_named_with_those_there_are():
    """Three of them."""
    code, _, said = infolens(Desk(), "dlq", "list", "--queue", "training")
    assert code == 1
    assert "known: labelled, batch, takebacks" in said


def test_quality_adds_up_the_reports(tmp_path):
    """On the terminal and as a page."""
    other = upload_report(
        upload_id="def", source=UploadRef("uploads", f"labelled/{TASK}/more.csv", "v"), conflicting_labels=3
    )
    desk = Desk(content={**reported(upload_report()), **reported(other)})
    page = tmp_path / "quality.html"
    code, said, _ = infolens(desk, "quality", "--html", str(page))
    assert code == 0
    day = "2026-03-01 2 0 20 14 4 2 3 0 4.0 MB 5.0 4.0 s"
    for part_ in ("files 2, 0 refused", "rows in 20", "kept 14, 70.0 %", day, "more.csv"):
        assert part_ in said, part_
    assert "more.csv" in page.read_text("utf-8")


def test_quality_without_reports_is_said_to_be_none():
    """Exit code 0: nothing is wrong."""
    code, said, _ = infolens(Desk(), "quality", TASK, "--days", "7")
    assert code == 0
    assert f"no file of {TASK} was dealt with in the last 7 days" in said


def test_reports_of_other_code_are_counted_and_left_out():
    """They do not break the page."""
    desk = Desk(content={**reported(upload_report()), ("data", f"reports/{TASK}/old.json"): b'{"upload_id": "old"}'})
    code, said, _ = infolens(desk, "quality")
    assert code == 0
    assert "1 reports were written by another version of the code" in said
    assert "files 1, 0 refused" in said


def test_a_page_that_cannot_be_written_is_said(tmp_path):
    """The folder is missing."""
    code, _, said = infolens(Desk(), "quality", "--html", str(tmp_path / "none" / "q.html"))
    assert code == 1
    assert "cannot be written: No such file or directory" in said
