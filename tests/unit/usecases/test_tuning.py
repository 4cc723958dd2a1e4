"""A search is asked of SageMaker as the task describes it, and refused in words where it cannot be run."""

import pytest

from infolens.contracts.evaluation import Direction
from infolens.contracts.task import Search
from infolens.usecases import tuning
from infolens.usecases.training_order import TrainingRefusedError, Tuning

SEARCH = Search(
    objective="validation_loss", direction=Direction.LOWER, parameters={"lr": (1e-3, 1e-2), "hidden": (0, 16, 32)}
)


def configured(asked: Tuning, search: Search = SEARCH) -> dict:
    """The configuration of a search."""
    return tuning.configuration(asked, search, tuning.ranges_of(asked, search, {}), seed=20)


def test_grid_tries_all_that_the_task_names():
    """Values are JSON, as all hyperparameters; the number of trainings is the grid's own."""
    found = configured(Tuning("Grid", parallel=3))
    assert found == {
        "Strategy": "Grid",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation_loss"},
        "ResourceLimits": {"MaxParallelTrainingJobs": 3},
        "ParameterRanges": {
            "CategoricalParameterRanges": [
                {"Name": "lr", "Values": ["0.001", "0.01"]},
                {"Name": "hidden", "Values": ["0", "16", "32"]},
            ]
        },
        "TrainingJobEarlyStoppingType": "Auto",
        "RandomSeed": 20,
    }


@pytest.mark.parametrize(("asked", "trainings"), [(0, 6), (3, 3), (9, 6)])
def test_random_search_is_no_longer_than_its_grid(asked, trainings):
    """Ten trainings unless the order says otherwise, and never more than there are combinations."""
    found = configured(Tuning("Random", max_jobs=asked))
    assert found["ResourceLimits"]["MaxNumberOfTrainingJobs"] == trainings


def test_order_may_narrow_the_search():
    """An order tries fewer parameters or other values of them."""
    found = configured(Tuning("Grid", parameters={"lr": [0.1]}, early_stop=False))
    assert found["ParameterRanges"] == {"CategoricalParameterRanges": [{"Name": "lr", "Values": ["0.1"]}]}
    assert found["TrainingJobEarlyStoppingType"] == "Off"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Tuning("Bayesian"), "'Bayesian' is none of Grid, Random"),
        (Tuning("Grid", parameters={"depth": [1]}), "depth cannot be varied; the task's search has lr, hidden"),
        (Tuning("Grid", parameters={"lr": []}), "lr has 0 values"),
        (Tuning("Grid", parameters={"lr": [1.0] * 31}), "lr has 31 values"),
        (Tuning("Grid", parallel=0), "0 trainings at once"),
        (Tuning("Grid", parallel=11), "11 trainings at once"),
        (Tuning("Random", max_jobs=751), "751 trainings"),
        (Tuning("Random", max_jobs=-1), "-1 trainings"),
        (Tuning("Grid", max_jobs=5), "6 combinations, more than the 5"),
    ],
)
def test_impossible_searches_are_refused(asked, said):
    """The message says what is wrong and what would do."""
    with pytest.raises(TrainingRefusedError, match=said):
        tuning.ranges_of(asked, SEARCH, {})


def test_limits_themselves_are_possible():
    """30 values, ten trainings at once, and a grid of the size allowed."""
    asked = Tuning("Grid", max_jobs=30, parallel=10, parameters={"lr": [1.0] * 30})
    assert tuning.combinations(tuning.ranges_of(asked, SEARCH, {})) == 30


def test_value_cannot_be_varied_and_set():
    """SageMaker would refuse it later, in other words."""
    with pytest.raises(TrainingRefusedError, match="lr cannot be both"):
        tuning.ranges_of(Tuning("Grid"), SEARCH, {"lr": 0.1})


@pytest.mark.parametrize("task", ["crash_risk", "movie_recommendation"])
def test_job_names_fit(task):
    """SageMaker takes 32 characters; an attempt of two digits is added."""
    name = tuning.job_name(task, "a-run-with-a-very-long-name" * 3)
    assert len(f"{name}-10") <= 32
    assert name.replace("-", "").isalnum()
    assert "--" not in name
    assert name != tuning.job_name(task, "another")
