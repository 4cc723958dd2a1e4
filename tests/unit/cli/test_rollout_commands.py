"""What operators see of rollouts, and do about them: watch, explain, hold, resume, and who served when."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cli_fakes import screen
from infolens.contracts.rollout import Action, Decision, KeyedSides, Shadow
from infolens.joining import join
from infolens.usecases import rollout
from infolens_cli.main import app
from observation_fakes import FEEDBACK, SPORTS, candidate, champion, label
from rollout_fakes import PLAN, TASK, World, arm

NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
SHADOWED = replace(PLAN, shadow=Shadow(min_pairs=100, max_seconds=600))


class Desk:
    """A workplace whose cloud is in memory: version 2 is brought in, in its shadow."""

    def __init__(self):
        self.world = World()
        self.screen, self.text = screen()
        self.stack = SimpleNamespace(predict_function=lambda task: f"p-{task}")
        self.aliases, self.rollouts, self.rollout_ports = self.world.aliases, self.world.store, self.world.ports
        self.operator = "ann"
        self.looks = 0
        self.on_look = {}
        rollout.begin(self.world.ports, rollout.Request(TASK, "2", "r1", SHADOWED), NOW - timedelta(minutes=1))
        self.world.metrics.arms = {"1": arm("1", 30), "2": arm("2", 20)}
        self.world.observations.joined = tuple(
            made
            for number in range(12)
            for made in join(
                [
                    champion(prediction_id=str(number)),
                    candidate(prediction_id=str(number), **({"answer": SPORTS} if number == 3 else {})),
                ],
                [label(prediction_id=str(number))],
                FEEDBACK,
            )
        )

    def now(self):
        """A fixed time; what a test plants for the n-th look happens before it."""
        self.looks += 1
        self.on_look.get(self.looks, lambda: None)()
        return NOW


@pytest.fixture
def desk():
    """An operator's desk."""
    return Desk()


def infolens(desk, *words):
    """Type a command; gives exit code, output and error output."""
    done = CliRunner().invoke(app, ["rollout", *words], obj=desk)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, desk.text.getvalue() + done.stdout, " ".join(done.stderr.split())


def test_status_names_the_shadow(desk):
    """The step before the first weight is no weight."""
    code, said, _ = infolens(desk, "status", TASK)
    assert code == 0
    assert "shadow: the candidate answers copies" in said


def test_a_rollout_is_held_and_resumed(desk):
    """Both are said, and who did it stands in the history."""
    code, said, _ = infolens(desk, "hold", TASK, "--reason", "election night")
    assert (code, "r1 is held" in said, "held by ann" in said) == (0, True, True)
    code, said, _ = infolens(desk, "resume", TASK)
    assert (code, "r1 goes on" in said) == (0, True)
    assert [(event.event, event.who) for event in desk.world.store.events[-2:]] == [
        ("held_by_hand", "operator:ann"),
        ("resumed", "operator:ann"),
    ]
    assert desk.world.store.events[-2].reasons == ("election night",)


def test_what_cannot_be_held_is_said(desk):
    """Not held, and no rollout: exit code 1 with the reason."""
    code, _, error = infolens(desk, "resume", TASK)
    assert (code, "r1 is not held" in error) == (1, True)
    rollout.abort(desk.world.ports, TASK, "ann", NOW)
    code, _, error = infolens(desk, "hold", TASK)
    assert (code, "no rollout of news_category is running" in error) == (1, True)


def test_watching_draws_each_look_and_ends_with_the_rollout(desk):
    """Counts, pairs and guardrails; a rollout that is taken back ends with 1."""
    desk.on_look[2] = lambda: rollout.take_back(
        desk.world.ports, f"infolens-rollout.{TASK}.r1.faults", "3 faults in 10 s", NOW
    )
    code, said, error = infolens(desk, "watch", TASK, "--every", "0.2")
    assert code == 1
    assert "ended as rolled_back" in error
    assert "3 faults in 10 s" in said
    assert desk.looks >= 2


def test_watching_a_promotion_ends_with_0(desk):
    """The last line is the promotion."""

    def promote():
        for weight in PLAN.weights:
            action = Action.PROMOTE if weight == 100 else Action.ADVANCE
            rollout.apply(desk.world.ports, TASK, "r1", Decision(action, weight, ("fine",)), NOW)

    desk.on_look[2] = promote
    code, said, _ = infolens(desk, "watch", TASK, "--every", "0.2")
    assert (code, "promoted" in said) == (0, True)


def test_nothing_to_watch(desk):
    """It is said at once."""
    rollout.abort(desk.world.ports, TASK, "ann", NOW)
    code, _, error = infolens(desk, "watch", TASK)
    assert (code, "no rollout of news_category is running" in error) == (1, True)


def look(desk):
    """One turn of the state machine."""
    evidence = rollout.collect(desk.world.ports, TASK, "r1", NOW)
    decision = Decision(Action.HOLD, 0, ("12 of 100 pairs",))
    rollout.apply(desk.world.ports, TASK, "r1", decision, NOW, evidence=evidence)


def test_explain_tells_every_look_with_its_numbers(desk):
    """Plan, counts, pairs, a disagreement, labels and reasons."""
    look(desk)
    code, said, _ = infolens(desk, "explain", TASK)
    assert code == 0
    for words in (
        "rollout r1 of news_category: version 2 against 1, running",
        "shadow: 100 pairs within 600 s",
        "steps: 20 %, 40 %, 60 %, 80 %, 100 %; 1500 requests each",
        "max_error_rate 0.02",
        "champion 1: 30 requests, 0 faults, p95 100 ms",
        "pairs: 12, 11 agree; only the candidate failed in 0",
        "prediction 3:",
        "labels: 12 of 12 pairs; candidate better in 0, worse in 1",
        "12 of 100 pairs",
    ):
        assert words in said, words


def test_explain_as_json_has_every_number(desk):
    """A machine reads the same."""
    look(desk)
    code, said, _ = infolens(desk, "explain", TASK, "r1", "--json")
    document = json.loads(said)
    assert (code, document["status"], document["plan"]["weights"]) == (0, "running", [20, 40, 60, 80, 100])
    assert [event["event"] for event in document["events"]] == ["started", "held"]
    assert document["events"][1]["evidence"]["pairs"]["pairs"] == 12


def test_explain_tells_of_keyed_users(desk):
    """Where the plan keeps users on a side."""
    evidence = replace(rollout.collect(desk.world.ports, TASK, "r1", NOW), sides=KeyedSides(40, 10, 2))
    rollout.apply(desk.world.ports, TASK, "r1", Decision(Action.HOLD, 0, ("more",)), NOW, evidence=evidence)
    assert "keyed users: 40 met the champion, 10 the candidate, 2 both" in infolens(desk, "explain", TASK)[1]


def test_an_unknown_rollout_is_named_with_those_that_are_known(desk):
    """An id is easily mistyped."""
    code, _, error = infolens(desk, "explain", TASK, "r9")
    assert (code, "no rollout r9" in error, "it has r1" in error) == (1, True, True)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-03-01T12:01", "version 1 100 %"),
        ("2026-03-01T13:01+01:00", "version 1 100 %"),
        ("2026-03-01T12:05:00", "version 1 80 %, version 2 20 % (since weight"),
        ("2026-03-01T11:00", "nobody served"),
    ],
)
def test_who_served(desk, at, words):
    """At a time in UTC, or in the zone that is given."""
    later = NOW + timedelta(minutes=1)
    rollout.apply(desk.world.ports, TASK, "r1", Decision(Action.ADVANCE, 20, ("fine",)), later)
    code, said, _ = infolens(desk, "history", TASK, "--at", at)
    assert (code, words in said) == (0, True), said


def test_a_time_must_be_one(desk):
    """The form that is needed is shown."""
    code, _, error = infolens(desk, "history", TASK, "--at", "noon")
    assert (code, "2026-03-01T12:00" in error) == (1, True)


@pytest.mark.parametrize("command", ["watch", "explain", "hold", "resume", "history"])
def test_every_command_explains_itself(command):
    """No page is empty, and none shows markup that was not understood."""
    done = CliRunner().invoke(app, ["rollout", command, "--help"], terminal_width=120)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) > 8
    assert "[bold]" not in done.stdout
