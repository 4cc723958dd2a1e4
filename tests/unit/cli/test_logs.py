"""One id through all logs."""

import json

import pytest

from cli_fakes import Pages, refusal
from infolens.usecases import tuning
from infolens_cli import logs


class Logs:
    """Log groups as a dict of group -> events."""

    def __init__(self, content, gone=()):
        self.content, self.gone = content, gone
        self.queries = []

    def get_paginator(self, name):
        """Both queries that are made."""
        return Pages(self._groups if name == "describe_log_groups" else self._filter)

    def _groups(self, logGroupNamePrefix):  # noqa: N803 - boto3's name
        return {"logGroups": [{"logGroupName": name} for name in self.content if name.startswith(logGroupNamePrefix)]}

    def _filter(self, logGroupName, **query):  # noqa: N803 - boto3's name
        self.queries.append((logGroupName, query))
        if logGroupName in self.gone:
            raise refusal("ResourceNotFoundException")
        found = []
        for number, (at, stream, message) in enumerate(self.content[logGroupName]):
            pattern = query.get("filterPattern")
            prefix = query.get("logStreamNamePrefix")
            if (pattern and json.loads(pattern) in message) or (prefix and stream.startswith(prefix)):
                event = {
                    "timestamp": at,
                    "logStreamName": stream,
                    "message": message,
                    "eventId": f"{logGroupName}{number}",
                }
                found.append(event)
        return {"events": found}


def test_lines_of_all_functions_come_in_order_of_time():
    """A request is read from its entry to its answer, whichever group its lines lie in."""
    found = logs.find(
        Logs(
            {
                "/aws/lambda/infolens-predict-news_category": [(20, "s", "predict 4711"), (25, "s", "other 4712")],
                "/aws/lambda/infolens-api": [(10, "s", "in 4711"), (30, "s", "out 4711")],
                "/aws/lambda/other-stack": [(15, "s", "4711")],
            }
        ),
        "infolens",
        "4711",
        0,
    )
    assert [(line.at, line.source, line.text) for line in found] == [
        (10, "api", "in 4711"),
        (20, "predict-news_category", "predict 4711"),
        (30, "api", "out 4711"),
    ]


def test_jobs_are_found_by_the_name_of_their_stream():
    """The lines of a job do not carry the run's id."""
    found = logs.find(
        Logs(
            {
                "/aws/sagemaker/TrainingJobs": [
                    (5, "news-category-1f-train-0/algo-1", "epoch 1"),
                    (6, "x/algo-1", "epoch 1"),
                ]
            }
        ),
        "infolens",
        "news_category-1f",
        0,
    )
    assert [(line.source, line.text) for line in found] == [("news-category-1f-train-0", "epoch 1")]


def test_the_trainings_of_a_search_are_found():
    """They are named after the search, whose name is made of the task and a hash of the run's id."""
    run = "news_category-1f"
    search, other = (tuning.job_name("news_category", each) for each in (run, "news_category-20"))
    lines = [(5, f"{search}-0-001-9ab/algo-1", "epoch 1"), (6, f"{other}-0-001-9ab/algo-1", "epoch 1")]
    found = logs.find(Logs({"/aws/sagemaker/TrainingJobs": lines}), "infolens", run, 0)
    assert [line.source for line in found] == [f"{search}-0-001-9ab"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"prediction_id":4711,', True),
        ('{"prediction_id":"4711"}', True),
        ("prediction 4711", True),
        ("RequestId: 1a-4711-9f", False),
        ("took 0.4711 s", False),
        ("prediction 14711", False),
        ("prediction 47110", False),
    ],
)
def test_a_number_is_found_as_a_word_of_its_own(text, meant):
    """Request ids and durations are full of digits."""
    found = logs.find(Logs({"/aws/lambda/infolens-api": [(1, "s", text)]}), "infolens", "4711", 0)
    assert bool(found) is meant


def test_a_group_that_went_away_is_no_trouble():
    """A deployment may replace functions between two calls."""
    gone = "/aws/lambda/infolens-gone"
    content = {gone: [], "/aws/lambda/infolens-api": [(10, "s", "in 4711")]}
    assert len(logs.find(Logs(content, gone=(gone,)), "infolens", "4711", 0)) == 1


def test_other_refusals_are_told():
    """Missing permissions must not look like missing lines."""

    class Refusing(Logs):
        def _filter(self, **query):
            raise refusal("AccessDeniedException")

    with pytest.raises(Exception, match="AccessDenied"):
        logs.find(Refusing({"/aws/lambda/infolens-api": []}), "infolens", "4711", 0)


def test_a_structured_line_says_its_message_and_its_keys():
    """What stands on every line of a function is left out, and so is the id that was asked for."""
    text = json.dumps(
        {
            "level": "INFO",
            "message": "answered",
            "service": "api",
            "task": "news_category",
            "prediction_id": 4711,
            "status": 200,
        }
    )
    rendered = logs.render(logs.Line(1_000, "api", text), "4711")
    assert rendered.startswith(f"[dim]00:00:01.000[/] [{logs.colour('api')}]api ")
    assert rendered.endswith("[/] answered [dim]task=news_category status=200[/]")


def test_an_error_keeps_its_level_and_its_trace():
    """What went wrong is seen at a glance."""
    text = json.dumps({"level": "ERROR", "message": "fault", "exception": "Traceback\nValueError: [x]"})
    rendered = logs.render(logs.Line(0, "api", text), "1")
    assert "[red]ERROR fault[/]" in rendered
    assert rendered.endswith("\nTraceback\nValueError: \\[x]")


def test_a_metric_line_says_names_and_values():
    """The embedded metric format is for CloudWatch, not for readers."""
    text = json.dumps({"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "Faults"}]}]}, "Faults": [1.0]})
    assert logs.render(logs.Line(0, "predict", text), "1").endswith(
        "[dim]metric Faults=\\[1.0][/]"
    ) or "Faults=[1.0]" in (logs.render(logs.Line(0, "predict", text), "1"))


def test_plain_lines_are_printed_as_they_are():
    """Markup in a user's text has no effect."""
    assert logs.render(logs.Line(0, "api", "[bold]hello"), "1").endswith("\\[bold]hello")


def test_what_a_job_said_last_is_its_progress():
    """Only the job's own stream counts, and a job that said nothing yet is no trouble."""

    class Jobs:
        def describe_log_streams(self, logGroupName, logStreamNamePrefix):  # noqa: N803 - boto3's names
            if logGroupName == "/aws/sagemaker/TrainingJobs":
                raise refusal("ResourceNotFoundException")
            return {
                "logStreams": [{"logStreamName": "run-1-train-01/algo-1"}, {"logStreamName": "run-1-train-0/algo-1"}]
            }

        def get_log_events(self, logGroupName, logStreamName, limit):  # noqa: N803 - boto3's names
            return {"events": [{"message": f"epoch 2 of {logStreamName}\n"}]}

    assert logs.last_line(Jobs(), "run-1-train-0") == "epoch 2 of run-1-train-0/algo-1"
    assert logs.last_line(Jobs(), "run-2-train-0") == ""


def test_a_function_keeps_its_colour():
    """Colours tell functions apart over several calls."""
    assert logs.colour("api") == logs.colour("api")
