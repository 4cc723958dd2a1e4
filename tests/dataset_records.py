"""Datasets and reports as literals, for tests of what draws, compares and adds them up."""

from infolens.contracts.dataset import DatasetManifest, DatasetSource, Part, UploadRef, UploadReport

TASK = "news_category"


def part(letter, rows=10, lines_before=1):
    """A part whose id is one letter 64 times."""
    return Part(letter * 64, rows, lines_before)


def source(upload_id, *parts):
    """An upload of some parts."""
    where = UploadRef("uploads", f"labelled/{TASK}/{upload_id}.csv", f"version-{upload_id}")
    return DatasetSource(upload_id, where, sum(one.rows for one in parts), parts)


def manifest(dataset_id, *sources, parent="", **changes):
    """A dataset whose id begins with `dataset_id`."""
    rows = sum(one.rows for one in sources)
    facts = {
        "split_counts": {"train": rows - 2, "validation": 1, "test": 1},
        "label_counts": {"Sports": rows - 3, "Business": 3},
        "created_at": "2026-03-01T12:00:00+00:00",
        "code_version": "c0de",
        "text_lengths": {"p05": 20, "p50": 200, "p95": 900, "max": 4000},
    }
    return DatasetManifest(
        dataset_id=dataset_id.ljust(64, "0"),
        task=TASK,
        schema_version=2,
        parent=parent.ljust(64, "0") if parent else "",
        sources=sources,
        rows=rows,
        **(facts | changes),
    )


def upload_report(**changes):
    """A report of ten rows: 7 kept, 2 duplicate, 1 rejected."""
    facts = {
        "upload_id": "abc",
        "task": TASK,
        "source": UploadRef("uploads", f"labelled/{TASK}/rows.csv", "v1"),
        "status": "accepted",
        "reason": "",
        "rows_in": 10,
        "rows_kept": 7,
        "rows_duplicate": 2,
        "rows_rejected": 1,
        "rejected_by_reason": {"label: is empty": 1},
        "label_counts": {"Sports": 3, "Business": 4},
        "parts": (Part("p", 7, 1),),
        "dataset_id": "d1",
        "bytes_in": 2_000_000,
        "uploaded_at": "2026-03-01T12:00:00+00:00",
        "settled_at": "2026-03-01T12:00:04+00:00",
    }
    return UploadReport(**(facts | changes))
