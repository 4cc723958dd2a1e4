"""Questions become what the model saw in training, and what had to be assumed is said."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest

from crash_fakes import sample_rows, training_job, write_part
from infolens.contracts.bundle import BundleManifest
from infolens.ml.bundle import digest_of, verify
from infolens.ml.text_classifier import BundleConfigError
from infolens.ml.training.job import ExportJob
from infolens.rows.nyc_boroughs import BOROUGHS
from infolens.tasks.crash_risk import predict
from infolens.tasks.crash_risk.examples import examples
from infolens.tasks.crash_risk.export import export
from infolens.tasks.crash_risk.predict import Tables, completed, features, read_tables, write_tables
from infolens.tasks.crash_risk.schema import LABELS, RECENT, SCHEMA, WEATHER
from infolens.tasks.crash_risk.train import train

TABLES = Tables(
    level=dict.fromkeys(BOROUGHS, 40.0),
    share={name: [[0.1, 0.2, 0.4, 0.3]] * 7 for name in BOROUGHS},
    normals={name: [float(month) for month in range(12)] for name in WEATHER},
)
QUESTION = {"date": "2023-02-08", "hour": 12, "borough": "QUEENS"}
RECENTLY = {
    "daily_crashes_28d": 50.0,
    "daily_crashes_7d": 45.0,
    "daily_crashes_1d": 60.0,
    "band_crashes_28d": 18.0,
    "band_crashes_weekday": 21.0,
}


def test_nothing_known():
    """Without weather and recent crashes all are assumed: the month's weather, the last level and its share."""
    values, assumed = completed(QUESTION, TABLES)
    assert assumed == [*WEATHER, *RECENT]
    assert values["tmin"] == 1.0  # February's
    assert [values[name] for name in RECENT] == [40.0, 40.0, 40.0, 16.0, 16.0]


def test_everything_known():
    """What is given is taken as it is."""
    given = dict.fromkeys(WEATHER, 5.0) | RECENTLY
    assert completed(QUESTION | given, TABLES) == (given, [])


def test_partly_known():
    """What is missing follows from what is given: yesterday from the week, the band's from the level."""
    values, assumed = completed(QUESTION | {"daily_crashes_28d": 50.0, "daily_crashes_7d": 45.0}, TABLES)
    assert assumed == [*WEATHER, "daily_crashes_1d", "band_crashes_28d", "band_crashes_weekday"]
    assert [values[name] for name in RECENT] == [50.0, 45.0, 45.0, 20.0, 20.0]


def test_expected_crashes():
    """A row begins with the borough's number and the logarithm of the usual share of the recent level."""
    row, _ = features(QUESTION | RECENTLY, TABLES)
    assert row[0] == BOROUGHS.index("QUEENS")
    assert math.exp(row[1]) == pytest.approx(50.0 * 0.4)


def test_no_crashes_at_all():
    """A level of zero gives finite features."""
    row, _ = features(QUESTION | dict.fromkeys(RECENTLY, 0.0), TABLES)
    assert all(math.isfinite(value) for value in row)


def test_calendar():
    """A holiday, the days around it and its band tell themselves apart; a Wednesday in July is no school day."""
    usual, _ = features(QUESTION, TABLES)
    columns = {
        what: {
            at
            for at, (mine, theirs) in enumerate(zip(features(QUESTION | change, TABLES)[0], usual, strict=True))
            if mine != theirs
        }
        for what, change in {
            "holiday": {"date": "2023-02-20"},
            "holiday_night": {"date": "2023-02-20", "hour": 0},
            "before": {"date": "2023-02-19"},
            "other_monday": {"date": "2023-02-13"},
            "summer": {"date": "2023-08-09"},
        }.items()
    }
    assert columns["holiday"] - columns["other_monday"]
    assert columns["holiday_night"] - columns["holiday"]
    assert columns["before"] - columns["other_monday"]
    assert columns["summer"]


def test_tables_are_kept(tmp_path):
    """Tables come back as they were written, and equal ones have equal bytes."""
    write_tables(tmp_path, TABLES)
    before = (tmp_path / predict.TABLES_FILE).read_bytes()
    assert read_tables(tmp_path) == TABLES
    write_tables(tmp_path, read_tables(tmp_path))
    assert (tmp_path / predict.TABLES_FILE).read_bytes() == before


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle trained for a moment on sample rows, and its dataset."""
    folder = tmp_path_factory.mktemp("crash_risk")
    dataset = write_part(folder / "dataset", sample_rows(8_000))
    train(training_job(folder / "model", dataset, hyperparameters={"epochs": "3"}))
    digest = export(ExportJob(folder / "model", dataset, folder / "export"))
    return folder / "export" / "bundle", digest, dataset


def test_answers(bundle):
    """An answer is a label with its probability, those of all classes, and what was assumed (S4-08)."""
    directory, digest, _ = bundle
    predictor = predict.load(directory, verify(directory, digest))
    [answer] = predictor.predict([SCHEMA.check({"date": "2023-02-08", "hour": 17, "borough": "Queens", "awnd": 3})])
    assert answer["label"] == LABELS[answer["label_id"]]
    assert answer["confidence"] == max(answer["probabilities"].values()) == answer["probabilities"][answer["label"]]
    assert list(answer["probabilities"]) == list(LABELS)
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
    assert set(answer["assumed"]) == {*WEATHER, *RECENT} - {"awnd"}
    json.dumps(answer)


def test_an_answer_does_not_depend_on_its_neighbours(bundle):
    """Asked alone or among others, a question has the same answer to the last digit."""
    directory, digest, dataset = bundle
    predictor = predict.load(directory, verify(directory, digest))
    held_out = examples(dataset, "test")[:40]
    together = predictor.predict(held_out)
    assert together == [predictor.predict([one])[0] for one in held_out]
    assert predictor.predict(held_out[::-1]) == together[::-1]


def test_no_questions(bundle):
    """No questions, no answers, and scores of the right shape."""
    directory, digest, _ = bundle
    predictor = predict.load(directory, verify(directory, digest))
    assert predictor.predict([]) == []
    assert predictor.scores([]).shape == (0, 5)


def test_more_recent_crashes_are_never_safer(bundle):
    """Raising all recent counts of a band raises the chance of Dangerous and lowers that of Safe, in every cell."""
    directory, digest, _ = bundle
    predictor = predict.load(directory, verify(directory, digest))
    for borough in BOROUGHS:
        for hour in (0, 6, 12, 18):
            asked = [
                {
                    "date": "2023-02-08",
                    "hour": hour,
                    "borough": borough,
                    **{name: part * value for name, value in RECENTLY.items()},
                }
                for part in (0.25, 0.5, 1.0, 2.0, 4.0)
            ]
            scores = predictor.scores(asked)
            assert all(more >= fewer - 1e-5 for fewer, more in pairwise(scores[:, 0]))  # rounding in 32 bits
            assert all(more <= fewer + 1e-5 for fewer, more in pairwise(scores[:, -1]))


def test_another_predictors_bundle(bundle):
    """A manifest of another predictor, or without labels, is refused in words."""
    directory, digest, _ = bundle
    manifest = verify(directory, digest)
    for change in ({"predictor": "text_classifier"}, {"config": {}}):
        with pytest.raises(BundleConfigError):
            predict.load(directory, BundleManifest(**{**vars(manifest), **change}))


def test_small_and_fast(bundle):
    """The bundle is smaller than 100 KB, fit for an edge device (S4-09)."""
    directory, digest, _ = bundle
    assert digest == digest_of(directory)
    assert sum(path.stat().st_size for path in directory.iterdir()) < 100_000
