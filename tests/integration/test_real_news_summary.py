"""On real articles of three publishers the ranker passes the floors as it would be served; the dirt is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from infolens.gates import refusals
from infolens.ml.training.rehearsal import rehearse, take_files

DATA = Path(__file__).parents[3] / "shared" / "data" / "summarisation"
FILES = [DATA / f"{name}.csv.gz" for name in ("bbc_news_summary", "cnn_dailymail", "inshorts_news_summary")]

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the public data sets are not beside the checkout ({DATA})"),
    pytest.mark.timeout(1_200),
]


def test_served_ranker_on_three_publishers(tmp_path):
    """One model, trained in fewer rounds than usual, passes every gate on each publisher's held-out articles.

    3,339 rows = 3,239 kept + 92 repeated articles + 6 without an article + 2 whose summary is no shorter than it.
    """
    taken = take_files("news_summary", FILES, tmp_path / "dataset")
    assert (taken.rows_in, taken.kept, taken.duplicates, taken.rejected) == (3_339, 3_239, 92, 8)
    done = rehearse("news_summary", tmp_path / "dataset", tmp_path / "ml", options=("--seed", "20", "--members", "2"))
    assert refusals(done.verdict) == ()
    assert done.verdict.passed
    uploads = {name: values for name, values in done.report.slices.items() if name.startswith("upload=")}
    assert len(uploads) == 3
    assert min(values["rows"] for values in uploads.values()) >= 60
    for values in uploads.values():
        assert values["rouge_l"] >= 0.20
        assert values["rouge_l"] >= values["lead3_rouge_l"]
    assert done.parity.max_difference < 1e-5
