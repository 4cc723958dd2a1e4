"""Reads with InfoLens: the use case of the ingest function as it is, with folders on local disk in place of buckets.

It does more than its peers: one field of title and body, entities, invalid characters, NFC and white space, label
names, an identity that ignores case and punctuation, the split of each row, near-duplicates and contradicting labels,
the raw fields of every reject with line, column and reason, and a report. The variant is the number of processes that
read sections, and perhaps the bytes of a section: `2` or `2:100000`.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from folder_store import FolderStore
from outcome import THREADS, leave_pandas_out, run_of_arguments
from pydantic import TypeAdapter

from infolens.contracts import keys
from infolens.contracts.dataset import UploadRef
from infolens.ingest.arrivals import Arrival
from infolens.ingest.sections import SECTION_BYTES
from infolens.tasks import schema_of
from infolens.usecases.ingest import ingest_upload
from infolens.usecases.ingest_ports import Ingested, IngestPorts

TASK = "news_category"
LAMBDA_SECONDS = 900
NEVER = 1 << 62
WRITERS = 4
"""As in `infolens.aws.ingest_ports`, which would load what talks to AWS."""

leave_pandas_out()
TypeAdapter(int)  # libraries that are loaded at first use
schema_of(TASK).clean_block({})
run = run_of_arguments()
out = run.kept.parent
workers, _, section_bytes = run.variant.partition(":")
store = FolderStore(out)
key = keys.labelled_upload(TASK, run.file.name)
place = store.path("uploads", key)
place.parent.mkdir(parents=True)
place.symlink_to(run.file.resolve())

done = ingest_upload(
    Arrival(UploadRef("uploads", key, "v1"), "v1", run.file.stat().st_size),
    IngestPorts(
        store=store,
        data_bucket="data",
        schema_of=schema_of,
        min_rows_of=lambda _: NEVER,
        start_training=lambda *_: False,
        hand_over=lambda _: True,
        now=lambda: datetime.now(UTC),
        seconds_left=lambda: LAMBDA_SECONDS - (time.perf_counter() - run.began),
        code_version="benchmark",
        distribute_from=NEVER,
        section_bytes=int(section_bytes or SECTION_BYTES),
        workers=int(workers or THREADS),
        writers=WRITERS,
    ),
)
if not isinstance(done, Ingested):
    raise SystemExit(f"one function had not time enough: {done}")
report = done.report
if report.status != "accepted":
    raise SystemExit(f"the file was {report.status}: {report.reason}")
run.tell(
    report.rows_kept,
    rows_in=report.rows_in,
    duplicates=report.rows_duplicate,
    rejected=report.rows_rejected,
    reasons=report.rejected_by_reason,
    repaired=report.bytes_repaired,
    replaced=report.bytes_replaced,
    near_duplicates=report.near_duplicates,
    conflicts=report.conflicting_labels,
)
# What follows is for the comparison with the truth, and not on the clock.
parts = [(f"data/{keys.part(TASK, part.part_id)}", part.lines_before) for part in report.parts]
(out / "parts.json").write_text(json.dumps(parts))
if (rejects := store.path("data", keys.rejects(TASK, report.upload_id))).exists():
    rejects.rename(run.rejects)
