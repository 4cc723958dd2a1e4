"""The commands as a person types them."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cli_fakes import Objects, screen
from infolens.contracts.model import ModelRecord
from infolens.usecases import rollout
from infolens_cli import cloud
from infolens_cli.commands import clouds
from infolens_cli.main import app
from infolens_cli.stack import Stack
from rollout_fakes import PLAN, TASK, World
from serving_fakes import FakeRegistry

STACK = Stack(
    "uploads",
    "data",
    "models",
    "models-table",
    "rollouts-table",
    "observations-table",
    "p-",
    "arn:t",
    "arn:r",
    "http://api",
    "key",
)


class States:
    """Step Functions that keeps what was started."""

    def __init__(self):
        self.started = []

    def start_execution(self, stateMachineArn, name, input):  # noqa: A002, N803 - boto3's names
        """Remember it."""
        self.started.append((stateMachineArn, name, json.loads(input)))


class Desk:
    """A workplace whose cloud is in memory."""

    def __init__(self, *records):
        self.world = World()
        self.screen, self.text = screen()
        self.stack, self.objects, self.api_key = STACK, Objects(), "secret"
        self.registry = FakeRegistry(*records)
        self.aliases, self.rollouts, self.rollout_ports = self.world.aliases, self.world.store, self.world.ports
        self.operator, self.running = "ann", None
        self.target = SimpleNamespace(embedded=True, stack="infolens")
        self.states = States()

    def client(self, service):
        """The one client that is needed."""
        return self.states

    def begin(self):
        """Let rollout r1 bring in version 2."""
        rollout.begin(self.world.ports, rollout.Request(TASK, "2", "r1", PLAN), datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
        self.world.aliases.writes.clear()

    @staticmethod
    def now():
        """A fixed time."""
        return datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


def model(version, *, passed=True):
    """A registered model."""
    reasons = () if passed else ("accuracy 0.61, floor 0.70",)
    return ModelRecord(
        TASK, version, "s3://m/b/", "f" * 64, "run", "d", "c", {}, passed, reasons, "2026-03-01T12:00", "x"
    )


def infolens(desk, *words):
    """Type a command; gives exit code, output and error output."""
    done = CliRunner().invoke(app, list(words), obj=desk)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join((desk.text.getvalue() + done.stdout).split()), " ".join(done.stderr.split())


COMMANDS = [
    *("up", "deploy", "status", "down", "demo"),
    *("upload", "report", "replay", "predict", "feedback", "quality", "dataset", "dlq"),
    *("train", "register", "rollout", "logs", "cost"),
]
GROUPS = [
    *(("dataset", name) for name in ("list", "show", "diff", "checkout")),
    *(("dlq", name) for name in ("list", "replay")),
    *(
        ("rollout", name)
        for name in ("start", "status", "watch", "explain", "weight", "hold", "resume", "abort", "history")
    ),
]


def test_the_first_page_names_every_command():
    """In the groups in which a newcomer looks for them."""
    page = CliRunner().invoke(app, ["--help"], terminal_width=120).stdout
    for word in (
        *COMMANDS,
        "The cloud",
        "Rows in, answers out",
        "Datasets and their quality",
        "Models and their rollout",
        "Seeing inside",
    ):
        assert word in page, word


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    """No page is empty, and none shows markup that was not understood."""
    done = CliRunner().invoke(app, [command, "--help"], terminal_width=120)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) > 8
    assert "[bold]" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        *(
            [name]
            for name in (
                *("upload", "report", "replay", "predict", "feedback", "quality"),
                *("train", "register", "deploy", "logs"),
            )
        ),
        *([group, name] for group, name in GROUPS if group != "rollout"),
        ["rollout", "start"],
    ],
    ids=" ".join,
)
def test_commands_with_arguments_show_examples(words):
    """An example is read before any option."""
    page = CliRunner().invoke(app, [*words, "--help"], terminal_width=120).stdout
    assert f"infolens {' '.join(words)}" in page.split("Example", 1)[1]


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_every_command_of_a_group_explains_itself(words):
    """`list` is called so, although Python has taken the name."""
    done = CliRunner().invoke(app, [*words, "--help"], terminal_width=120)
    assert done.exit_code == 0
    assert f"infolens {' '.join(words)}" in " ".join(done.stdout.split())
    assert "[bold]" not in done.stdout


def test_an_unknown_task_is_named_with_those_there_are(tmp_path):
    """Nothing leaves this machine."""
    file = tmp_path / "rows.csv"
    file.write_text("title,label\n")
    code, _, said = infolens(Desk(), "upload", "weather", str(file))
    assert code == 1
    assert "unknown task weather" in said
    assert "news_category" in said


def test_a_file_that_is_not_there_is_named():
    """The most common mistake of all."""
    code, _, said = infolens(Desk(), "upload", TASK, "nowhere.csv")
    assert (code, said) == (1, "✗ there is no file nowhere.csv")


def test_a_prediction_needs_an_input():
    """The advice shows both ways to give one."""
    code, _, said = infolens(Desk(), "predict", TASK)
    assert code == 1
    assert "--text" in said
    assert "--input" in said


def test_a_broken_input_is_said_to_be_no_json():
    """Before anything is sent."""
    code, _, said = infolens(Desk(), "predict", TASK, "--input", "{text: 1}")
    assert code == 1
    assert "--input is no JSON" in said


def test_a_prediction_can_be_printed_as_curl():
    """One line that works when copied, key included."""
    code, said, _ = infolens(Desk(), "predict", TASK, "--text", "a text", "--prediction-id", "7", "--curl")
    assert code == 0
    assert said.startswith("curl -sS http://api/tasks/news_category/predictions -H 'x-api-key: secret'")
    assert '"prediction_id": 7' in said


def test_without_a_task_all_three_models_are_asked():
    """S0's own call, as one line for a shell."""
    code, said, _ = infolens(Desk(), "predict", "--text", "a text", "--prediction-id", "7", "--curl")
    assert code == 0
    assert said.startswith("curl -sS http://api/predict -H 'x-api-key: secret'")


def test_a_weight_is_refused_while_a_rollout_owns_the_alias():
    """The reason names the rollout, the advice names both ways out."""
    desk = Desk()
    desk.begin()
    code, _, said = infolens(desk, "rollout", "weight", TASK, "10")
    assert code == 1
    assert "rollout r1 owns the alias" in said
    assert "infolens rollout abort news_category" in said
    assert desk.world.aliases.writes == []


def test_a_weight_can_be_forced():
    """The operator has the last word, and the history says so."""
    desk = Desk()
    desk.begin()
    code, said, _ = infolens(desk, "rollout", "weight", TASK, "10", "--force")
    assert code == 0
    assert "version 1 has 90 %, candidate 2 has 10 %" in said
    assert desk.world.store.events[-1].who == "operator:ann"


def test_a_weight_beyond_all_traffic_is_refused():
    """101 % names the limit."""
    desk = Desk()
    desk.world.aliases.move("1", "", 0)
    code, _, said = infolens(desk, "rollout", "weight", TASK, "101", "--version", "2")
    assert code == 1
    assert "within 0 and 100" in said


def test_aborting_gives_the_champion_everything():
    """At once, and not at the next look."""
    desk = Desk()
    desk.begin()
    code, said, _ = infolens(desk, "rollout", "abort", TASK, "--reason", "wrong labels")
    assert code == 0
    assert "ended as aborted: version 1 has 100 %" in said
    assert desk.world.store.events[-1].reasons == ("wrong labels",)


def test_aborting_nothing_is_said_to_be_nothing():
    """Exit code 1: what was asked for did not happen."""
    code, _, said = infolens(Desk(), "rollout", "abort", TASK)
    assert code == 1
    assert "no rollout of news_category is running" in said


def test_the_status_of_a_running_rollout():
    """Alias, owner, step, next look and the evidence so far."""
    desk = Desk()
    desk.begin()
    code, said, _ = infolens(desk, "rollout", "status", TASK)
    assert code == 0
    for part in ("candidate 2 has 20 %", "r1 owns the alias", "step 1 of 5: 20 %", "next look in about", "candidate 2"):
        assert part in said, part


def test_the_history_of_an_untouched_alias():
    """Said in words, not as an empty table."""
    assert "nothing has happened" in infolens(Desk(), "rollout", "history", TASK)[1]


def test_a_rollout_is_started_with_its_plan(tmp_path):
    """The input of the state machine is what the contract says."""
    desk = Desk(model("2"))
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "weights": [50, 100],
                "min_requests": 5,
                "look_seconds": 2,
                "max_step_seconds": 60,
                "guardrails": {
                    "max_error_rate": 0.02,
                    "max_error_rate_increase": 0.01,
                    "max_latency_ratio": 2.0,
                    "max_latency_ms": 400.0,
                },
                "alarms": {"period_seconds": 10, "faults_per_period": 3, "latency_ms": 400.0, "min_latency_periods": 1},
            }
        )
    )
    code, _, said = infolens(desk, "rollout", "start", TASK, "2", "--plan", str(plan))
    assert (code, said) == (0, "")
    machine, name, document = desk.states.started[0]
    assert machine == "arn:r"
    assert name.startswith("news_category-v2-")
    assert (document["candidate"], document["forced"], document["who"]) == ("2", False, "operator:ann")
    assert document["plan"]["weights"] == [50, 100]


def test_a_plan_that_cannot_be_followed_starts_nothing(tmp_path):
    """Everything that is wrong is listed."""
    desk = Desk(model("2"))
    plan = tmp_path / "plan.json"
    plan.write_text('{"weights": [100]}')
    code, _, said = infolens(desk, "rollout", "start", TASK, "2", "--plan", str(plan))
    assert code == 1
    assert "min_requests" in said
    assert desk.states.started == []


def test_a_version_past_its_gates_needs_force():
    """The reason is what its gates said."""
    desk = Desk(model("2", passed=False))
    code, _, said = infolens(desk, "rollout", "start", TASK, "2")
    assert code == 1
    assert "accuracy 0.61, floor 0.70" in said
    assert infolens(desk, "rollout", "start", TASK, "2", "--force")[0] == 0
    assert desk.states.started[0][2]["forced"] is True


def test_a_version_that_is_not_registered_is_named_with_those_that_are():
    """A number is easily mistyped."""
    code, _, said = infolens(Desk(model("2")), "rollout", "start", TASK, "9")
    assert code == 1
    assert "no registered version 9" in said
    assert "registered versions: 2" in said


def test_a_rollout_that_runs_is_not_overtaken():
    """The owner is named."""
    desk = Desk(model("3"))
    desk.begin()
    code, _, said = infolens(desk, "rollout", "start", TASK, "3")
    assert code == 1
    assert "rollout r1 owns the alias" in said
    assert desk.states.started == []


def test_registering_by_hand_needs_force_and_a_reason(tmp_path):
    """It passes no gate, so somebody has to answer for it."""
    assert "--force" in infolens(Desk(), "register", TASK, str(tmp_path))[2]
    assert "--reason is missing" in infolens(Desk(), "register", TASK, str(tmp_path), "--force")[2]


def test_a_folder_that_is_no_bundle_is_said_to_be_none(tmp_path):
    """The missing file is named."""
    code, _, said = infolens(Desk(), "register", TASK, str(tmp_path), "--force", "--reason", "trial")
    assert code == 1
    assert "manifest.json" in said


def test_training_without_rows_says_what_to_do():
    """The command that makes the first dataset."""
    code, _, said = infolens(Desk(), "train", TASK)
    assert code == 1
    assert "infolens upload news_category" in said


def test_a_span_of_time_must_be_one():
    """--since takes 30s, 15m, 2h, 7d."""
    code, _, said = infolens(Desk(), "logs", "4711", "--since", "yesterday")
    assert code == 1
    assert "15m" in said


def test_a_parameter_needs_a_value():
    """-p Name alone is a mistake, not an empty value."""
    code, _, said = infolens(Desk(), "deploy", "-p", "PredictMemory")
    assert code == 1
    assert "NAME=VALUE" in said


class Aws(Desk):
    """A workplace whose target is an AWS account."""

    def __init__(self):
        super().__init__()
        self.target = SimpleNamespace(embedded=False, stack="infolens", region="eu-central-1")

    def client(self, service):
        """STS, which names the account."""
        return SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012"})


@pytest.fixture
def deployed(monkeypatch):
    """Parameters of the deployments that were asked for."""
    seen = []
    monkeypatch.setattr(clouds, "deploy_stack", lambda workplace, parameters: seen.append(parameters) or STACK)
    return seen


def test_the_embedded_cloud_trains_on_cpu_in_processes(deployed):
    """What a person gives wins over what the embedded cloud would take."""
    code, said, _ = infolens(Desk(), "deploy", "-p", "PredictMemory=512", "-p", "TrainingProfile=gpu")
    assert code == 0
    assert "The API is at http://api" in said
    assert deployed[0]["PredictMemory"] == "512"
    assert deployed[0]["TrainingProfile"] == "gpu"
    assert deployed[0]["TrainingImageUri"] == "embedded/process:latest"


def test_an_account_gets_the_images_that_were_given(deployed):
    """Nothing is looked up, nothing local is in it, and the account was named."""
    code, said, _ = infolens(Aws(), "deploy", "--yes", "--training-image", "image:1", "--instance", "ml.g4dn.xlarge")
    assert code == 0
    assert "AWS account 123456789012, region eu-central-1, and costs money" in said
    assert deployed == [
        {"TrainingInstanceType": "ml.g4dn.xlarge", "TrainingImageUri": "image:1", "ProcessingImageUri": "image:1"}
    ]


def test_an_account_is_asked_for_consent(deployed):
    """A no deploys nothing."""
    done = CliRunner().invoke(app, ["deploy", "--training-image", "image:1"], obj=Aws(), input="n\n")
    assert done.exit_code == 1
    assert "nothing was deployed" in done.stderr
    assert deployed == []


def test_starting_twice_is_said_and_harmless():
    """The message names where it runs and how to stop it; nothing looks like a failure."""
    desk = Desk()
    desk.running = cloud.Running(7, "b", 4566, "/x")
    code, said, _ = infolens(desk, "up")
    assert code == 0
    assert "already runs at http://127.0.0.1:4566 (pid 7)" in said
    assert "✗" not in said


def test_two_starts_at_once_end_the_same_way(monkeypatch):
    """The other one was faster by a moment."""

    def running(*_):
        raise cloud.AlreadyRunningError(cloud.Running(7, "b", 4566, "/x"))

    monkeypatch.setattr(cloud, "start", running)
    desk = Desk()
    desk.state_dir = None
    assert infolens(desk, "up")[0] == 0


def test_a_taken_port_is_said(monkeypatch):
    """Whoever holds it is named by the cloud itself."""

    def taken(*_):
        raise cloud.CloudError("port 4566 is taken by pid 9 (nginx)")

    monkeypatch.setattr(cloud, "start", taken)
    desk = Desk()
    desk.state_dir = None
    code, _, said = infolens(desk, "up")
    assert (code, said) == (1, "✗ port 4566 is taken by pid 9 (nginx)")
