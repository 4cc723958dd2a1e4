"""The promises that the demo keeps itself to."""

import json
from pathlib import Path

import pytest

from cli_fakes import screen
from infolens.contracts.rollout import AliasState
from infolens.rollout.plan import parse_plan
from infolens_cli.cloud import Running
from infolens_cli.demo import story
from infolens_cli.trouble import Trouble


class Workplace:
    """A workplace without a cloud."""

    def __init__(self, running=None):
        self.screen, self.text = screen()
        self.running = running
        self.state_dir = Path("/nowhere/cloud")


def test_the_plan_of_the_demo_can_be_followed():
    """The state machine would refuse it otherwise, minutes into the demo."""
    plan = parse_plan(json.loads(story.PLAN_FILE.read_text()))
    assert plan.weights == (20, 40, 60, 80, 100)
    assert plan.alarms.period_seconds < story.PATIENT_LOOK_SECONDS


def test_a_broken_promise_says_both_sides():
    """What was expected, and what was seen."""
    with pytest.raises(story.Unexpected, match=r"the demo expected 0 failed requests, and saw 3"):
        story.expect(False, "0 failed requests", 3)
    story.expect(True, "anything", "else")


def test_a_cloud_that_somebody_else_started_is_left_alone(tmp_path):
    """Its owner may have things in it."""
    demo = story.Story(Workplace(Running(1, "b", 4566, "/x")), "news_category", None)
    demo._folder = tmp_path
    with pytest.raises(Trouble, match=r"already runs at http://127\.0\.0\.1:4566") as caught:
        demo._leave_no_old_demo()
    assert "infolens down" in caught.value.advice


def test_the_cloud_of_the_last_demo_is_replaced(tmp_path, monkeypatch):
    """A second `make demo` works like the first."""
    stopped = []
    monkeypatch.setattr(story, "stop_cloud", stopped.append)
    workplace = Workplace(Running(1, "b", 4566, "/x"))
    demo = story.Story(workplace, "news_category", None)
    demo._folder = tmp_path / "demo"
    demo._folder.mkdir()
    (demo._folder / "cloud.json").write_text('{"pid": 1, "born": "b"}')
    demo._leave_no_old_demo()
    assert stopped == [workplace]


def test_a_task_that_does_not_exist_is_refused():
    """Before anything is started."""
    with pytest.raises(Trouble, match="unknown task weather"):
        story.Story(Workplace(), "weather", None)


def test_taken_back_means_that_it_was_out():
    """An alias that the candidate has not reached yet is not one that it was taken from."""
    holds = story.Story(Workplace(), "news_category", None)._taken_back("3")
    assert not holds(AliasState("2", "", 0, "r1"))
    assert not holds(AliasState("2", "3", 20, "r2"))
    assert holds(AliasState("2", "", 0, "r3"))
