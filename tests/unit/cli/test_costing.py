"""`infolens cost` as a person types it: with figures of their own, or with those of the live version."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cli_fakes import screen
from infolens.contracts.rollout import AliasState
from infolens_cli.main import app
from serving_fakes import FakeAlias

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CloudWatch:
    """Metric data of one version."""

    def __init__(self, values):
        self.values = values

    def get_paginator(self, name):
        """See the boto3 client."""
        return self

    def paginate(self, **query):
        """See botocore's Paginator."""
        return [{"MetricDataResults": [{"Id": name, "Values": [value]} for name, value in self.values.items()]}]


class Desk:
    """A workplace with one live version, or none."""

    def __init__(self, alias=None, metrics=None):
        self.screen, self.text = screen()
        self.stack = SimpleNamespace(predict_function_prefix="p-")
        self.aliases = FakeAlias(alias)
        self.metrics = metrics or {}

    def client(self, service):
        """The one client that is needed."""
        assert service == "cloudwatch"
        return CloudWatch(self.metrics)

    @staticmethod
    def now():
        """Noon."""
        return NOW


class NoCloud:
    """A workplace that has none."""

    def __init__(self):
        self.screen, self.text = screen()


LIVE = AliasState("7", "", 0, "r")


def run(desk, *words):
    """Type a command."""
    return CliRunner().invoke(app, ["cost", "news_category", *words], obj=desk)


def test_figures_of_ones_own():
    """With --ms nothing is asked of any cloud; the table shows the sum and how it came about."""
    desk = NoCloud()
    done = run(desk, "--ms", "13.2", "--memory", "2048", "--cold", "0.01", "--init-ms", "1500", "--bundle-mb", "67")
    assert done.exit_code == 0, done.output
    shown = desk.text.getvalue()
    assert "18.00" in shown
    assert "2,190,000 x 14 ms x 2 GB" in shown
    assert "2025-08" in shown


def test_measured():
    """Mean, init phase and share of cold starts are those of the live version: 5 of 1000, 900 ms, 14 ms."""
    metrics = {"requests": 1000.0, "cold": 5.0, "warm": 995.0, "milliseconds": 13_930.0, "inits": 5.0, "init": 4500.0}
    done = run(Desk(LIVE, metrics), "--json")
    found = json.loads(done.output)
    served = found["served"]
    assert found["measured"].startswith("version 7: 1,000 requests in the last 24h, 5 of them cold")
    assert (served["milliseconds"], served["init_milliseconds"], served["cold_share"]) == (14.0, 900.0, 0.005)


def test_as_json():
    """Lines, sum and the date of the prices, for a program."""
    found = json.loads(run(NoCloud(), "--ms", "14", "--json").output)
    assert found["dollars"] == pytest.approx(sum(line["dollars"] for line in found["lines"]))
    assert found["prices"] == {"region": "us-east-1", "as_of": "2025-08"}


@pytest.mark.parametrize(
    ("desk", "words", "said"),
    [
        (Desk(), (), "no version of news_category is live"),
        (Desk(LIVE), (), "version 7 of news_category answered no warm request in the last 24h"),
        (NoCloud(), ("--ms", "14", "--price", "tokens=1"), "tokens is none of lambda-request"),
        (NoCloud(), ("--ms", "14", "--price", "api-request"), "could not convert"),
        (NoCloud(), ("--ms", "14", "--snap-start", "--provisioned", "1"), "not both"),
    ],
)
def test_trouble(desk, words, said):
    """What cannot be priced says why, and prints no figure."""
    done = run(desk, *words)
    assert done.exit_code == 1
    assert said in " ".join((done.output + str(done.stderr)).split())
