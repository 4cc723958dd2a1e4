"""The training state machine fits its functions, its jobs and its promises: no path leads past a gate, all can fail."""

import ast
import json
import re
from dataclasses import fields, replace
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator

from infolens.contracts.training_run import TrainedModel
from infolens.usecases.training import prepare
from infolens.usecases.training_order import Tuning
from training_fakes import CHAMPION, ORDER, SERVED, SOURCES, training_ports

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "state_machines" / "training.asl.json").read_text()
MACHINE = json.loads(TEXT)
STATES = MACHINE["States"]
JOBS = {
    "Train": "CreateTrainingJob",
    "Tune": "CreateHyperParameterTuningJob",
    "Export": "CreateProcessingJob",
    "Evaluate": "CreateProcessingJob",
}
FUNCTIONS = {
    "TakeTurn": "TakeTurnFunctionArn",
    "PrepareTraining": "PrepareTrainingFunctionArn",
    "CheckParity": "CheckParityFunctionArn",
    "Judge": "JudgeCandidateFunctionArn",
    "Register": "RegisterModelFunctionArn",
    "TestLoad": "TestLoadFunctionArn",
}


def successors(state: dict, way: str = "") -> set[str]:
    """Every state that may follow, in a run of one way ("train", "tune", "resume") or in any."""
    ways = [choice for choice in state.get("Choices", ()) if choice.get("Variable") == "$.how"]
    if way and ways:
        return {next((each["Next"] for each in ways if each["StringEquals"] == way), state["Default"])}
    choices = [choice["Next"] for choice in state.get("Choices", ())]
    caught = [catch["Next"] for catch in state.get("Catch", ())]
    return {name for name in (state.get("Next"), state.get("Default"), *choices, *caught) if name}


def paths_to_done(*without: str, way: str = "") -> bool:
    """Whether Done can be reached without passing any of some states, in a run of one way or in any."""
    seen, open_states = set(), [MACHINE["StartAt"]]
    while open_states:
        name = open_states.pop()
        if name not in seen and name not in without:
            seen.add(name)
            open_states.extend(successors(STATES[name], way))
    return "Done" in seen


def look_up(document, path: str):
    """Follow a reference path such as $.train.inputs[0].name."""
    for step in re.findall(r"\.(\w+)|\[(\d+)]", path.removeprefix("$")):
        document = document[step[0]] if step[0] else document[int(step[1])]
    return document


def fill(template, document, retry=0):
    """Evaluate a Parameters template the way Step Functions does."""
    if isinstance(template, list):
        return [fill(item, document, retry) for item in template]
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): (evaluate if name.endswith(".$") else fill)(value, document, retry)
        for name, value in template.items()
    }


def evaluate(expression: str, document, retry: int):
    """Evaluate a path, the retry count, or States.Format of them."""
    if expression == "$$.State.RetryCount":
        return retry
    if match := re.fullmatch(r"States\.Format\('([^']*)', (.*)\)", expression):
        values = [evaluate(part, document, retry) for part in match[2].split(", ")]
        return match[1].format(*values)
    return look_up(document, expression)


@pytest.fixture(params=["first", "with champion"])
def document(request):
    """The machine's state when the jobs run, as prepare_training makes it."""
    served = request.param == "with champion"
    ports = training_ports(alias=SERVED if served else None, records=[CHAMPION] if served else [])
    order = replace(ORDER, tuning=Tuning("Random", parallel=3))
    state = json.loads(json.dumps(prepare(order, SOURCES, ports)))
    return state | {"trained": {"model_uri": "s3://models/runs/x/train/j/output/model.tar.gz"}}


def test_names_lead_somewhere():
    """Every transition names a state, and every state can be reached."""
    reached = {MACHINE["StartAt"]}.union(*(successors(state) for state in STATES.values()))
    assert reached == set(STATES)


def test_failure_ends_in_fail():
    """Nothing but Done ends well: there is no End that would make a failed run look successful."""
    assert [name for name, state in STATES.items() if state["Type"] == "Succeed"] == ["Done"]
    assert not any("End" in state for state in STATES.values())


@pytest.mark.parametrize("name", [*FUNCTIONS, "Turn", "Export", "Evaluate", "ParityHolds", "Passed", "LoadHolds"])
def test_no_way_past_a_gate(name):
    """No path reaches Done without passing this state."""
    assert paths_to_done()
    assert not paths_to_done(name)


@pytest.mark.parametrize(("way", "steps"), [("train", ["Train"]), ("tune", ["Tune", "TakeBest"]), ("resume", [])])
def test_ways_to_a_model(way, steps):
    """A model comes from a training, the best training of a search, or the run that is resumed, and is noted."""
    for step in [*steps, *(["Trained", "NoteTrained"] if steps else [])]:
        assert paths_to_done(way=way)
        assert not paths_to_done(step, way=way)
    others = {"Train", "Tune", "TakeBest", "Trained", "NoteTrained"} - {*steps, "Trained", "NoteTrained"}
    assert paths_to_done(*others, way=way)


def test_nothing_starts_a_rollout_before_the_load_test():
    """Only a version that stood the load test meets users, in a first run as in a resumed one."""
    assert [name for name, state in STATES.items() if "StartRollout" in successors(state)] == ["LoadHolds"]
    assert STATES["LoadHolds"]["Default"] == "LoadRefused"
    assert (STATES["LoadRefused"]["Error"], STATES["LoadRefused"]["CausePath"]) == ("LoadRefused", "$.load.reason")
    for way in ("train", "tune", "resume"):
        assert not paths_to_done("TestLoad", way=way)


def test_only_the_turn_goes_on():
    """Whoever is not told to go waits and asks again, or gives way."""
    assert {choice["StringEquals"]: choice["Next"] for choice in STATES["Turn"]["Choices"]} == {
        "go": "PrepareTraining",
        "wait": "WaitForTurn",
    }
    assert (STATES["WaitForTurn"]["Next"], STATES[STATES["Turn"]["Default"]]["Type"]) == ("TakeTurn", "Fail")


@pytest.mark.parametrize("name", ["Trained", "ParityHolds", "Passed", "LoadHolds"])
def test_gates_refuse_by_default(name):
    """A gate that finds no plain yes ends in Fail."""
    assert STATES[STATES[name]["Default"]]["Type"] == "Fail"
    (choice,) = STATES[name]["Choices"]
    assert choice.get("BooleanEquals") is True or choice.get("StringEquals") == "Completed"


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Fail"])
def test_failures_have_a_name_and_a_cause(name):
    """Whoever looks at a failed run reads what kind of failure it was and why."""
    assert STATES[name]["Error"]
    assert STATES[name].get("CausePath") or STATES[name].get("Cause")


def ends_in_fail(name: str) -> bool:
    """Whether nothing but Fail can follow from here on."""
    following = successors(STATES[name])
    return all(ends_in_fail(each) for each in following) if following else STATES[name]["Type"] == "Fail"


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Task"])
def test_every_task_is_caught(name):
    """Whatever a task raises ends in Fail, with the reason kept beside the state."""
    last = STATES[name]["Catch"][-1]
    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["ResultPath"] == "$.error"
    assert ends_in_fail(last["Next"])


@pytest.mark.parametrize("name", JOBS)
def test_jobs_are_limited_and_retried_once(name):
    """A job has a limit of its own and one of the machine's; one that failed by itself is tried once more.

    But for a whole search: it fails when every one of its trainings did.
    """
    state = STATES[name]
    assert state["TimeoutSecondsPath"]
    by_error = {error: retry for retry in state["Retry"] for error in retry["ErrorEquals"]}
    if name == "Tune":
        assert "States.TaskFailed" not in by_error
    else:
        assert "StoppingCondition.$" in state["Parameters"]
        assert by_error["States.TaskFailed"]["MaxAttempts"] == 1
    assert not {"States.ALL", "States.Timeout"} & set(by_error)


@pytest.mark.parametrize("name", JOBS)
def test_job_requests_are_ones_that_sagemaker_takes(name, document):
    """The filled request has the shape of the API, and nothing is longer than it may be."""
    request = fill(STATES[name]["Parameters"], document, retry=1)
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model(JOBS[name]).input_shape
    assert ParamValidator().validate(request, shape).generate_report() == ""
    (job_name,) = [value for field, value in request.items() if field.endswith("JobName")]
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job_name)
    assert name != "Tune" or len(job_name) <= 32
    application = request.get("AppSpecification", {})
    assert all(0 < len(word) <= 256 for words in application.values() if isinstance(words, list) for word in words)
    assert all(len(value) <= 2500 for value in request.get("HyperParameters", {}).values())


@pytest.mark.parametrize("name", JOBS)
def test_each_attempt_has_its_own_job_name(name, document):
    """A SageMaker job name cannot be used twice."""
    first, second = (fill(STATES[name]["Parameters"], document, retry=attempt) for attempt in (0, 1))
    different = [field for field in first if first[field] != second[field]]
    assert different in (["TrainingJobName"], ["ProcessingJobName"], ["HyperParameterTuningJobName"])


def test_jobs_of_a_run_have_different_names(document):
    """The jobs of one run do not take each other's names."""
    assert len({document[part]["job"] for part in ("train", "tune", "export", "evaluate")}) == 4


def test_export_reads_what_training_wrote(document):
    """The model's input is the artifact of the training job, whichever attempt made it."""
    request = fill(STATES["Export"]["Parameters"], document)
    inputs = {each["InputName"]: each["S3Input"] for each in request["ProcessingInputs"]}
    assert inputs["model"]["S3Uri"] == "s3://models/runs/x/train/j/output/model.tar.gz"
    assert set(inputs) == {"model", "code", "dataset"}
    arguments = document["export"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--model") + 1] == inputs["model"]["LocalPath"]
    assert arguments[arguments.index("--dataset") + 1] == inputs["dataset"]["LocalPath"]


def test_trained_model_is_noted_where_it_is_looked_for(document):
    """The note has what a run that is resumed is checked against, and lies under the run."""
    parameters = STATES["NoteTrained"]["Parameters"]
    assert (look_up(document, parameters["Bucket.$"]), look_up(document, parameters["Key.$"])) == (
        "models",
        f"runs/news_category/{document['run_id']}/trained.json",
    )
    assert parameters["Body.$"] == "States.JsonMerge($.origin, $.trained, false)"
    picked = {*document["origin"], *STATES["Train"]["ResultSelector"]}
    assert {name.removesuffix(".$") for name in picked} == {field.name for field in fields(TrainedModel)}
    assert STATES["Train"]["ResultSelector"].keys() == STATES["TakeBest"]["Parameters"].keys()


def test_outputs_lie_where_the_functions_look(document):
    """Export and evaluation write where parity and judgement read."""
    for part, expected in (("export", "export/"), ("evaluate", "evaluation/")):
        (output,) = document[part]["ProcessingOutputConfig"]["Outputs"]
        assert output["S3Output"]["S3Uri"] == f"{document['prefix']}{expected}"


@pytest.mark.parametrize(("name", "arn"), FUNCTIONS.items())
def test_functions_are_called_by_their_arn(name, arn):
    """Each step calls its own function."""
    assert STATES[name]["Parameters"]["FunctionName"] == f"${{{arn}}}"


def test_substitutions_are_those_of_the_template():
    """Every placeholder is filled by the template's DefinitionSubstitutions, and none there is left over."""
    used = set(re.findall(r"\$\{(\w+)}", TEXT))
    template = (ROOT / "template.yaml").read_text()
    stanza = template[template.index("DefinitionUri: state_machines/training.asl.json") :]
    block = re.search(r"DefinitionSubstitutions:\n((?: {8}\w+: .*\n)+)", stanza)
    assert block is not None
    assert set(re.findall(r"^ {8}(\w+):", block[1], re.MULTILINE)) == used


def test_no_jsonata():
    """The embedded cloud would need a jar for JSONata: paths only."""
    assert "QueryLanguage" not in TEXT
    assert "{%" not in TEXT


def test_steps_get_what_their_handlers_read(document):
    """The payload of each function names what its handler takes from it."""
    later = document | {"parity": {"digest": "d"}, "registered": {"version": "7", "bundle_digest": "d"}}
    for name, folder in (
        ("CheckParity", "check_parity"),
        ("Judge", "judge_candidate"),
        ("Register", "register_model"),
        ("TestLoad", "test_load"),
    ):
        read = set(re.findall(r'event\["(\w+)"]', (ROOT / "functions" / folder / "handler.py").read_text()))
        assert read == set(fill(STATES[name]["Parameters"]["Payload"], later))
    for name, folder in (("TakeTurn", "take_turn"), ("PrepareTraining", "prepare_training")):
        read = set(re.findall(r'event\["(\w+)"]', (ROOT / "functions" / folder / "handler.py").read_text()))
        assert read == {field.removesuffix(".$") for field in STATES[name]["Parameters"]["Payload"]}


@pytest.mark.parametrize(
    ("name", "folder"), [("TakeTurn", "take_turn"), ("Judge", "judge_candidate"), ("Register", "register_model")]
)
def test_results_are_what_handlers_return(name, folder):
    """What the machine picks from an answer is what the handler puts into it."""
    tree = ast.parse((ROOT / "functions" / folder / "handler.py").read_text())
    (answer,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    picked = {path.removeprefix("$.Payload.") for path in STATES[name]["ResultSelector"].values()}
    assert picked == {key.value for key in answer.keys}
