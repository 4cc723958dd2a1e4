"""A run is prepared once, from enough rows, with requests that name everything the jobs need."""

import json
from dataclasses import replace

import pytest

from infolens import code, codec
from infolens.contracts.training_run import TrainedModel
from infolens.settings import MissingSettingError
from infolens.tasks.news_category.gates import MIN_ROWS
from infolens.usecases.training import UnregisteredChampionError, champion_of, prepare
from infolens.usecases.training_order import TrainingRefusedError, Tuning
from training_fakes import CHAMPION, DATASET, ORDER, RUN, SERVED, SETTINGS, SOURCES, training_ports

VERSION = code.version_of(SOURCES)


def prepared(order=ORDER, ports=None) -> dict:
    """Prepare a run."""
    return prepare(order, SOURCES, ports or training_ports())


def test_state_of_the_machine():
    """What the later steps need is named, and what the rollout gets is ready."""
    state = prepared()
    assert {name: state[name] for name in ("task", "run_id", "dataset_id", "code_version", "prefix", "champion")} == {
        "task": "news_category",
        "run_id": RUN,
        "dataset_id": "12e456789012",
        "code_version": VERSION,
        "prefix": f"s3://models/runs/news_category/{RUN}/",
        "champion": None,
    }
    assert state["rollout"] == {"task": "news_category", "forced": False, "who": "state-machine"}
    json.dumps(state, allow_nan=False)


def test_code_is_uploaded_once():
    """The same code lies in the bucket once, and a second run leaves it as it is."""
    ports = training_ports()
    prepared(ports=ports)
    prepared(replace(ORDER, run_id="another"), ports)
    assert ports.objects.log == [f"code/{VERSION}/sourcedir.tar.gz"]
    assert ports.objects.data["models", f"code/{VERSION}/sourcedir.tar.gz"] == code.archive(SOURCES)


def test_hyperparameters_are_json():
    """Values are quoted as the SageMaker SDK quotes them: the id 12e456789012 must not arrive as a number."""
    given = prepared()["train"]["HyperParameters"]
    assert given["dataset-id"] == '"12e456789012"'
    assert {name: json.loads(value) for name, value in given.items()} == {
        "seed": 20,
        "task": "news_category",
        "profile": "cpu",
        "run-id": RUN,
        "dataset-id": "12e456789012",
        "code-version": VERSION,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://models/code/{VERSION}/sourcedir.tar.gz",
    }


def test_order_may_say_more():
    """An operator can choose profile, limit, hyperparameters and the plan of the rollout, but not another identity."""
    order = replace(
        ORDER,
        profile="gpu",
        max_seconds=60,
        hyperparameters={"seed": 3, "run-id": "stolen"},
        plan={"weights": [100]},
    )
    state = prepared(order)
    given = state["train"]["HyperParameters"]
    assert (given["profile"], given["seed"], given["run-id"]) == ('"gpu"', "3", f'"{RUN}"')
    assert state["rollout"]["plan"] == {"weights": [100]}
    for job in ("train", "export", "evaluate"):
        assert state[job]["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
        assert state[job]["timeout_seconds"] == 1860


@pytest.mark.parametrize(("stack", "asked", "spot"), [("", None, False), ("true", None, True), ("true", False, False)])
def test_spot_is_off_by_default_and_an_order_has_the_last_word(stack, asked, spot):
    """Spot is the stack's choice until an order says otherwise."""
    ports = training_ports(settings=replace(SETTINGS, training_spot=stack, training_max_wait_seconds="9000"))
    train = prepared(replace(ORDER, spot=asked), ports)["train"]
    assert train["EnableManagedSpotTraining"] is spot
    assert ("MaxWaitTimeInSeconds" in train["StoppingCondition"]) is spot


@pytest.mark.parametrize(("stacks", "wait"), [("9000", 9000), ("3599", 3600), ("", 3600)])
def test_spot_waits_at_least_as_long_as_it_may_run(stacks, wait):
    """SageMaker refuses a waiting time below the running time; the state machine waits for both."""
    ports = training_ports(settings=replace(SETTINGS, training_max_wait_seconds=stacks))
    train = prepared(replace(ORDER, spot=True), ports)["train"]
    assert train["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": wait}
    assert train["timeout_seconds"] == wait + 1800


def test_tuning_is_off_by_default_and_trains_as_one_training_does():
    """The trials are the training job with other values: same code, data, limits, checkpoints and places."""
    assert (prepared()["how"], prepared()["tune"]) == ("train", None)
    state = prepared(replace(ORDER, tuning=Tuning("Grid", parallel=2)))
    assert state["how"] == "tune"
    definition = state["tune"]["TrainingJobDefinition"]
    assert definition.pop("StaticHyperParameters") == state["train"]["HyperParameters"]
    assert definition == {name: state["train"][name] for name in definition}
    assert {"CheckpointConfig", "StoppingCondition", "InputDataConfig"} <= set(definition)
    assert state["tune"]["timeout_seconds"] == 5 * 5400  # nine trainings, two at once


def test_impossible_tuning_is_refused():
    """Before anything is spent."""
    with pytest.raises(TrainingRefusedError, match="more than the 2 trainings"):
        prepared(replace(ORDER, tuning=Tuning("Grid", max_jobs=2)))


MODEL = TrainedModel(
    "news_category", "run-0", "12e456789012", VERSION, "run-0-train-0", "Completed", "s3://models/runs/model.tar.gz"
)


def resuming(model: TrainedModel | None = MODEL, *, there: bool = True) -> dict:
    """Prepare a run that goes on with another's model."""
    ports = training_ports()
    if model:
        ports.objects.data["models", "runs/news_category/run-0/trained.json"] = codec.to_json(model)
    if there:
        ports.objects.data["models", "runs/model.tar.gz"] = b"weights"
    return prepared(replace(ORDER, run_id="second-try", resume="run-0"), ports)


def test_resumed_run_goes_on_under_its_own_name_with_fresh_jobs():
    """Bundle, report and verdict belong to the run that was trained; SageMaker takes no job name twice."""
    state = resuming()
    assert (state["how"], state["run_id"]) == ("resume", "run-0")
    assert state["trained"]["model_uri"] == "s3://models/runs/model.tar.gz"
    (output,) = state["export"]["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == "s3://models/runs/news_category/run-0/export/"
    arguments = state["evaluate"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--run-id") + 1] == "run-0"
    assert {state[part]["job"] for part in ("export", "evaluate")} == {"second-try-export", "second-try-evaluate"}


@pytest.mark.parametrize(
    ("model", "there", "said"),
    [
        (None, True, "run run-0 of news_category has no trained model"),
        (replace(MODEL, dataset_id="another"), True, "trained on dataset another, not 12e456789012"),
        (replace(MODEL, code_version="old"), True, f"trained by code old, not {VERSION}"),
        (MODEL, False, "gone from s3://models/runs/model.tar.gz"),
    ],
)
def test_only_a_model_of_this_dataset_and_code_is_resumed(model, there, said):
    """Anything else would be judged as what it is not."""
    with pytest.raises(TrainingRefusedError, match=said):
        resuming(model, there=there)


@pytest.mark.parametrize(("uri", "variables"), [("", {}), ("http://m", {"MLFLOW_TRACKING_URI": "http://m"})])
def test_tracking_reaches_the_jobs(uri, variables):
    """The stack's MLflow server is a variable of the training job, and of every trial of a search."""
    ports = training_ports(settings=replace(SETTINGS, mlflow_tracking_uri=uri))
    state = prepared(replace(ORDER, tuning=Tuning("Grid")), ports)
    assert state["train"]["Environment"] == variables
    assert state["tune"]["TrainingJobDefinition"]["Environment"] == variables


def test_base_model():
    """The stack's base model reaches the job, where there is one."""
    ports = training_ports(settings=replace(SETTINGS, base_model="distilbert-base-uncased"))
    assert prepared(ports=ports)["train"]["HyperParameters"]["base-model"] == '"distilbert-base-uncased"'
    assert "base-model" not in prepared()["train"]["HyperParameters"]


def test_jobs_are_named_after_the_run():
    """Underscores become hyphens, and each job has its own name to which an attempt is added."""
    state = prepared()
    assert [state[job]["job"] for job in ("train", "export", "evaluate")] == [
        "news-category-12e456789012-c0dec0dec0de-train",
        "news-category-12e456789012-c0dec0dec0de-export",
        "news-category-12e456789012-c0dec0dec0de-evaluate",
    ]


def test_evaluation_without_a_champion():
    """The first candidate is measured alone."""
    evaluate = prepared()["evaluate"]
    assert [each["InputName"] for each in evaluate["ProcessingInputs"]] == ["code", "dataset", "bundle", "exact"]
    assert "--champion" not in evaluate["AppSpecification"]["ContainerArguments"]


def test_evaluation_with_a_champion():
    """The champion's bundle is an input of the evaluation, so that both are measured on the same rows."""
    state = prepared(ports=training_ports(alias=SERVED, records=[CHAMPION]))
    assert state["champion"] == {
        "version": "4",
        "bundle_uri": "s3://models/bundles/news_category/dddd/",
        "bundle_digest": "d" * 64,
    }
    by_name = {each["InputName"]: each["S3Input"] for each in state["evaluate"]["ProcessingInputs"]}
    assert by_name["champion"]["S3Uri"] == "s3://models/bundles/news_category/dddd/"
    arguments = state["evaluate"]["AppSpecification"]["ContainerArguments"]
    assert arguments[arguments.index("--champion") + 1] == by_name["champion"]["LocalPath"]
    assert arguments[arguments.index("--champion-digest") + 1] == "d" * 64


def test_arguments_never_reach_the_shell():
    """The script that bash reads is the same for every run; names of tasks and paths come behind it."""
    part = prepared(replace(ORDER, run_id="a; rm -rf /"))["evaluate"]["AppSpecification"]
    assert part["ContainerEntrypoint"] == prepared()["evaluate"]["AppSpecification"]["ContainerEntrypoint"]
    assert part["ContainerEntrypoint"][2].endswith('exec python3 "$0" "$@"')
    assert part["ContainerArguments"][0] == "evaluate.py"
    assert "a; rm -rf /" in part["ContainerArguments"]


@pytest.mark.parametrize(("rows", "taken"), [(MIN_ROWS, True), (MIN_ROWS - 1, False)])
def test_too_few_rows(rows, taken):
    """A dataset of MIN_ROWS is trained on, one row less is refused before any money is spent."""
    ports = training_ports(replace(DATASET, rows=rows))
    if taken:
        assert prepared(ports=ports)
        return
    words = f"has {MIN_ROWS - 1} rows; news_category is worth training from {MIN_ROWS}"
    with pytest.raises(TrainingRefusedError, match=words):
        prepared(ports=ports)
    assert ports.objects.log == []


def test_unknown_dataset():
    """A dataset that is not there is a refusal with its name."""
    with pytest.raises(TrainingRefusedError, match="news_category has no dataset 12e456789012"):
        prepared(ports=training_ports(dataset=None))


def test_unknown_task():
    """A task that is not there is a refusal that lists those there are."""
    with pytest.raises(TrainingRefusedError, match="unknown task 'gardening'; known tasks: "):
        prepared(replace(ORDER, task="gardening"))


def test_champion_that_nobody_registered():
    """A version that serves without a record cannot be compared with, so nothing is trained against it."""
    with pytest.raises(UnregisteredChampionError, match="served by version 4, which is not in the registry"):
        champion_of("news_category", training_ports(alias=SERVED))


def test_missing_setting():
    """A stack without an image says which variable is missing."""
    with pytest.raises(MissingSettingError, match="TRAINING_IMAGE_URI"):
        prepared(ports=training_ports(settings=replace(SETTINGS, training_image_uri="")))
