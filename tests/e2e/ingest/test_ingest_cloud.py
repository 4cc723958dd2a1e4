"""Ingest in the embedded cloud: the real functions, queue and state machines; large files, bursts, formats, kills."""

import csv
import gzip
import io
import json
import os
import random
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from cloud_parts import end_of, invoke, make_bucket, until
from infolens import codec
from infolens.contracts import keys
from infolens.contracts.dataset import UploadReport
from infolens.contracts.ingest import IngestOrder
from infolens.ingest.arrivals import arrivals
from infolens.ingest.dataset import dataset_id_of
from infolens.ingest.identity import upload_id_of
from infolens.tasks.news_category import sample
from ingest_cloud import SECTION_BYTES, IngestCloud

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

WORDS = ("market", "river", "council", "bridge", "school", "vote", "garden", "storm", "harbour", "trade", "match")


def table(rows, delimiter=","):
    """Lay rows out as CSV text."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["title", "body", "label"], delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def made_up(rows, seed=1):
    """Make rows of news with quoted newlines and quotes, a repeat now and then, and some labels that are none."""
    chance = random.Random(seed)
    made = []
    for number in range(rows):
        words = " ".join(chance.choices(WORDS, k=60))
        body = f'{words[:150]}\n"{words[150:]}", number {seed}-{number}, said so'
        made.append({"title": f"News {number}", "body": body, "label": chance.choice(["Sports", "Politics", "Travel"])})
        if number % 50 == 49:
            made[-1] = dict(chance.choice(made))
        if number % 70 == 9:
            made[-1]["label"] = "Gardening"
    return made


@pytest.fixture(scope="module")
def ingest(cloud, tmp_path_factory):
    """Everything that an upload meets, with a queue that nobody listens to yet."""
    return IngestCloud(cloud, tmp_path_factory.mktemp("layers"))


@pytest.fixture(scope="module")
def listening(ingest):
    """The same, with `ingest_upload` behind the queue; gives its name."""
    name = ingest.entrance()
    invoke(ingest.cloud, name, {"Records": []})  # started before the first message is taken
    ingest.listen(name)
    return name


def test_a_file_through_the_map_is_the_same_byte_for_byte(ingest):
    """One object read by one function and by the distributed map: same parts, indexes, rejects, counts, dataset."""
    rows = made_up(6000)
    bad = sum(row["label"] == "Gardening" for row in rows)
    data = table(rows).encode()
    assert len(data) > 30 * SECTION_BYTES
    source = ingest.put("large.csv", data)
    event = ingest.event(source, len(data))
    other = make_bucket(ingest.cloud)
    assert invoke(ingest.cloud, ingest.entrance(DATA_BUCKET=other), event) == (None, {"batchItemFailures": []})

    assert invoke(ingest.cloud, ingest.entrance(DISTRIBUTE_FROM="100000"), event) == (None, {"batchItemFailures": []})
    execution = f"{ingest.machine.replace(':stateMachine:', ':execution:')}:{upload_id_of(source)}"
    assert end_of(ingest.states, execution, 300)["status"] == "SUCCEEDED"

    for prefix in ("parts/", "indexes/", "rejects/"):
        assert ingest.objects(prefix, other) == ingest.objects(prefix) != {}
    assert len(ingest.listed("parts/")) > 30
    mapped, inline = (_report(ingest, source, bucket) for bucket in (ingest.data, other))
    assert (mapped.status, mapped.rows_in, mapped.rows_rejected) == ("accepted", 6000, bad)
    assert mapped.rows_in == mapped.rows_kept + mapped.rows_duplicate + mapped.rows_rejected
    assert _less(mapped, "settled_at") == _less(inline, "settled_at")
    assert mapped.dataset_id == dataset_id_of("news_category", [part.part_id for part in mapped.parts])
    described = [
        {**json.loads(ingest.objects(keys.dataset_manifest("news_category", mapped.dataset_id), bucket).popitem()[1])}
        for bucket in (ingest.data, other)
    ]
    assert _without(described[0], "created_at") == _without(described[1], "created_at")
    starts = ingest.states.list_executions(stateMachineArn=ingest.training)["executions"]
    assert len([run for run in starts if mapped.dataset_id[:12] in run["name"]]) == 1


def _report(ingest, source, bucket):
    (data,) = ingest.objects(keys.upload_report("news_category", upload_id_of(source)), bucket).values()
    return codec.from_json(UploadReport, data)


def _less(report, name):
    return _without(codec.to_dict(report), name)


def _without(plain, name):
    return {key: value for key, value in plain.items() if key != name}


@pytest.mark.parametrize("kind", ["gzip", "zip", "utf-16", "semicolons", "tabs in zip", "windows-1252", "cr"])
def test_whatever_a_spreadsheet_exports_is_taken(ingest, listening, kind):
    """One table in seven shapes: every row arrives, and the report says what the file was."""
    seed = 100 + sum(kind.encode())
    rows = [row | {"body": row["body"] + " At the caf\u00e9."} for row in sample.rows(40, seed)]
    name, data, found = {
        "gzip": lambda: ("a.csv.gz", gzip.compress(table(rows).encode()), ("gzip", "utf-8", ",")),
        "zip": lambda: ("a.zip", _zip("inside.csv", table(rows).encode()), ("zip", "utf-8", ",")),
        "utf-16": lambda: ("a.csv", table(rows).encode("utf-16"), ("", "utf-16-le", ",")),
        "semicolons": lambda: ("a.csv", b"\xef\xbb\xbf" + table(rows, ";").encode(), ("", "utf-8-sig", ";")),
        "tabs in zip": lambda: ("a.tsv.zip", _zip("a.tsv", table(rows, "\t").encode()), ("zip", "utf-8", "\t")),
        "windows-1252": lambda: ("a.csv", table(rows).encode("cp1252"), ("", "utf-8", ",")),
        "cr": lambda: ("a.txt", table(rows).replace("\r\n", "\r").encode(), ("", "utf-8", ",")),
    }[kind]()
    report = ingest.report(ingest.put(f"{kind}/{name}", data))
    assert (report.status, report.rows_in, report.rows_rejected) == ("accepted", 40, 0)
    assert report.rows_kept + report.rows_duplicate == 40
    assert (report.format.packing, report.format.encoding, report.format.delimiter) == found
    assert report.bytes_replaced == 0
    assert (report.bytes_repaired > 0) == (kind == "windows-1252")
    assert report.bytes_in == len(data)


def _zip(name, data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def test_a_burst_of_200_files(ingest, listening):
    """200 uploads at once: 200 correct reports, one line of datasets with every file in it, nothing left in a queue."""
    before = _head(ingest)
    files = []
    for number in range(200):
        rows = sample.rows(3, 10_000 + number)
        rows = [row | {"body": f"{row['body']} File {number}."} for row in rows]
        rows.append({"title": "The same in all files", "body": "It comes two hundred times over.", "label": "Travel"})
        rows.append({"title": "No label", "body": "Nobody knows what this is about.", "label": "Gardening"})
        files.append(table(rows).encode())
    with ThreadPoolExecutor(8) as pool:
        sources = list(pool.map(lambda item: ingest.put(f"burst/{item[0]:03}.csv", item[1]), enumerate(files)))
    reports = [ingest.report(source, 600) for source in sources]

    assert [report.rows_in for report in reports] == [5] * 200
    assert all(r.rows_in == r.rows_kept + r.rows_duplicate + r.rows_rejected for r in reports)
    assert [report.rows_rejected for report in reports] == [1] * 200
    assert sum(report.rows_duplicate for report in reports) == 199
    assert {report.status for report in reports} == {"accepted"}

    line, manifest = [], ingest.manifest(_head(ingest))
    while manifest.dataset_id != before:
        line.append(manifest)
        manifest = ingest.manifest(manifest.parent)
    assert len(line) == 200
    assert {dataset.dataset_id for dataset in line} == {report.dataset_id for report in reports}
    assert line[0].rows == manifest.rows + sum(report.rows_kept for report in reports)
    assert {source.upload_id for source in line[0].sources} >= {report.upload_id for report in reports}
    until(lambda: ingest.messages(ingest.queue) == 0)
    assert ingest.messages(ingest.dead) == 0


def _head(ingest):
    found = ingest.objects("datasets/news_category/head.json")
    return json.loads(found["datasets/news_category/head.json"])["dataset_id"] if found else ""


def test_a_process_that_is_killed_in_the_middle(ingest, listening):
    """SIGKILL amid a file of many sections: the message comes again, and only what was missing is read."""
    data = table(made_up(12_000, seed=7)).encode()
    source = ingest.put("killed.csv", data)
    prefix = f"staged/news_category/{upload_id_of(source)}/"

    def some():
        found = [key for key in ingest.listed(prefix) if key.endswith("counts.json")]
        return found if len(found) >= 3 else None

    before = until(some, every=0.01)
    victims = [process for process in psutil.process_iter() if _runs(process, listening)]
    assert victims
    for process in victims:
        os.kill(process.pid, signal.SIGKILL)
    assert not ingest.listed(keys.upload_report("news_category", upload_id_of(source)))

    report = ingest.report(source, 300)
    assert (report.status, report.rows_in) == ("accepted", 12_000)
    versions = ingest.s3.get_paginator("list_object_versions").paginate(Bucket=ingest.data, Prefix=prefix)
    written = [item["Key"] for page in versions for item in page["Versions"]]
    assert all(written.count(key) == 1 for key in before[:-1])
    assert len({key for key in written if key.endswith("counts.json")}) > len(before)
    assert ingest.messages(ingest.dead) == 0


def _runs(process, name):
    """Whether a process is an environment of the function."""
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name
    except psutil.Error:
        return False


def test_an_upload_that_the_machine_cannot_take_lies_with_the_dead_letters(ingest):
    """Its event is there, ready to be delivered again, with what went wrong; nothing is lost in silence."""
    source = ingest.put("a.csv", table(sample.rows(3, 5)).encode())
    event = ingest.event(source, 10)
    notification = json.loads(event["Records"][0]["body"])
    order = IngestOrder("nowhere", "news_category", source, "no-such-version", 10, "", notification)
    broken = codec.to_dict(order)
    broken["source"]["bucket"] = "no-such-bucket-anywhere"
    started = ingest.states.start_execution(stateMachineArn=ingest.machine, input=json.dumps({"order": broken}))
    ended = end_of(ingest.states, started["executionArn"], 120)
    assert ended["status"] == "FAILED"

    def letters():
        found = ingest.sqs.receive_message(QueueUrl=ingest.dead, WaitTimeSeconds=1, MessageAttributeNames=["All"])
        return found.get("Messages")

    (letter,) = until(letters)
    (arrival,) = arrivals(json.loads(letter["Body"]))
    assert arrival.source == source
    assert "NoSuchBucket" in letter["MessageAttributes"]["reason"]["StringValue"]
