"""Real public news files go through ingest with their dirt counted as the data's README counts it."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest

from infolens.tasks import schema_of
from infolens.usecases.ingest import ingest_upload
from ingest_fakes import World

NEWS = Path(__file__).parents[3] / "shared" / "data" / "news_category"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not NEWS.is_dir(), reason=f"the public data sets are not beside the checkout ({NEWS})"),
]


def ingest(world: World, name: str):
    """Upload one of the files."""
    ports = replace(world.ports(), schema_of=schema_of)
    return ingest_upload(world.put(f"labelled/news_category/{name}", (NEWS / name).read_bytes()), ports).report


def test_articles():
    """All 11,215 rows are counted: two whose headline and description together are too short, six full repeats."""
    report = ingest(World(), "huffpost_articles.csv.gz")
    assert (report.status, report.reason) == ("accepted", "")
    assert (report.rows_in, report.rows_kept, report.rows_duplicate, report.rows_rejected) == (11_215, 11_207, 6, 2)
    assert all("characters after cleaning; at least 15 are needed" in reason for reason in report.rejected_by_reason)
    assert report.label_counts == {
        "Business": 358,
        "Entertainment": 2059,
        "Food & Drink": 403,
        "Parenting": 515,
        "Politics": 4237,
        "Sports": 409,
        "Style & beauty": 641,
        "Travel": 521,
        "Wellness": 993,
        "World news": 1071,
    }


def test_repeats_are_those_of_the_file():
    """A plain count of equal headline and description, made without our code, finds the same six repeats."""
    text = gzip.decompress((NEWS / "huffpost_articles.csv.gz").read_bytes()).decode()
    texts = [
        (row["headline"] + row["short_description"]).casefold() for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    letters = ["".join(filter(str.isalnum, text)) for text in texts]
    assert len(letters) - len(set(letters)) == 6


def test_headlines_behind_the_articles():
    """The balanced file has 22 full duplicates, and what the articles brought already is a duplicate too."""
    world = World()
    alone = ingest(World(), "huffpost_headlines_balanced.csv")
    assert (alone.rows_in, alone.rows_kept, alone.rows_duplicate, alone.rows_rejected) == (7183, 7161, 22, 0)
    first = ingest(world, "huffpost_articles.csv.gz")
    second = ingest(world, "huffpost_headlines_balanced.csv")
    assert second.rows_duplicate == 32
    assert second.rows_in == second.rows_kept + second.rows_duplicate
    again = ingest(world, "huffpost_articles.csv.gz")
    assert again == first
    assert len(world.training.names) == 2
