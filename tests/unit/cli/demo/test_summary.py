"""The page that ends the demo."""

from rich.console import Group

from cli_fakes import drawn
from infolens.contracts.dataset import BatchReport, UploadRef, UploadReport
from infolens.contracts.evaluation import GateResult, Verdict
from infolens.contracts.model import ModelRecord
from infolens_cli.demo.summary import Facts, Rollback, Run, Step, draw, draw_next_steps, next_steps, weights
from infolens_cli.demo.traffic import Count

SOURCE = UploadRef("uploads", "labelled/news_category/labelled.csv", "v1")
UPLOAD = UploadReport("u1", "news_category", SOURCE, "accepted", "", 1500, 1431, 33, 36, {}, {}, (), "d1" * 32)
BATCH = BatchReport(
    "u2", "news_category", UploadRef("uploads", "batch/x/b.csv", "v"), "answered", "", 60, 58, 2, {}, "r", {}
)


def record(version, digest, *, passed):
    """A registered model."""
    return ModelRecord(
        "news_category", version, "s3://m/b/", digest * 64, "run", "d", "c", {}, passed, ("forced by ann",), "t", "who"
    )


def facts():
    """What a demo that came out as promised has seen."""
    verdict = Verdict(True, (GateResult("accuracy", True, "0.81, limit 0.70"),))
    users = Count(300, 0, 12, {"2": 300}, {"2": 20.0}, 400.0)
    back = Rollback(
        "fails", record("3", "c", passed=False), "alarm:infolens.news_category.r.faults", "3 faults", 11.4, 171,
        31, 4.2, (Step(0.4, 20, 5), Step(12.0, 0, 180)), users,
    )  # fmt: skip
    return Facts(
        task="news_category",
        uploads=(UPLOAD,),
        runs=(
            Run(record("1", "a", passed=True), verdict, None, 31.0),
            Run(record("2", "b", passed=True), verdict, None, 40.0),
        ),
        batch=BATCH,
        climb=(Step(0.5, 20, 3), Step(9.0, 100, 120)),
        climb_users=users,
        rollbacks=(back,),
        chapters=(("A cloud", 70.0), ("Rows", 5.0)),
        curl="curl -sS http://127.0.0.1:4566",
        prediction_id="4711",
        seconds=240.0,
    )


def test_the_page_tells_everything_that_was_promised():
    """Rows, gates, digests, versions, weights over time, rollback in seconds and requests, users, chapters."""
    text = drawn(Group(*draw(facts())))
    for part in (
        "1500", "1431", "33", "36", "58 answered, 2 refused",
        "✓ accuracy: 0.81, limit 0.70", "aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc",
        "20 % at 0 s → 100 % at 9 s", "forced by ann", "11.4 s, 171 requests", "31 requests",
        "0 of 300 (12 answered by the champion instead)", "3 faults", "240.0",
    ):  # fmt: skip
        assert part in text, part


def test_weights_over_time_are_one_line():
    """Each change with its second."""
    assert weights((Step(0.4, 20, 5), Step(12.2, 0, 180))) == "20 % at 0 s → 0 % at 12 s"


def test_what_to_run_next_follows_a_prediction_that_there_is():
    """The id in the advice is one that the logs know."""
    assert next_steps(facts())[0][0] == "infolens logs 4711"
    assert "infolens logs 4711" in drawn(draw_next_steps(facts()))
