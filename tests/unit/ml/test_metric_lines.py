"""What training prints is found again by the expressions that SageMaker is given."""

import re
from pathlib import Path

import pytest

import infolens
from infolens.ml.metric_lines import METRIC_DEFINITIONS, metric_line
from infolens.tasks import part_of, task_names


def found(line: str) -> dict[str, float]:
    """Read a line as SageMaker does."""
    matches = {one["Name"]: re.search(one["Regex"], line) for one in METRIC_DEFINITIONS}
    return {name: float(match.group(1)) for name, match in matches.items() if match}


def test_form():
    """Integers stay whole, others have six significant digits, in the order given."""
    assert metric_line(step=20, lr=0.001, train_loss=2.3456789) == "step=20 lr=0.001 train_loss=2.34568"


def test_every_definition_finds_its_value():
    """Names that end alike (train_loss, validation_loss) are not mistaken for each other."""
    line = metric_line(epoch=1, validation_loss=0.5, validation_accuracy=0.75, validation_macro_f1=0.7)
    assert found(line) == {"validation_loss": 0.5, "validation_accuracy": 0.75, "validation_macro_f1": 0.7}
    assert found(metric_line(step=1, train_loss=1.5, lr=5e-07)) == {"train_loss": 1.5, "lr": 5e-07}


@pytest.mark.parametrize("task", task_names())
def test_objective_of_every_search_is_a_metric(task):
    """SageMaker refuses a tuning job whose objective is none of the definitions."""
    assert part_of(task, "search").SEARCH.objective in {one["Name"] for one in METRIC_DEFINITIONS}


def test_all_that_training_prints_is_defined():
    """A metric that a loop names in its code has its definition; SageMaker takes 40."""
    package = Path(infolens.__file__).parent
    texts = [path.read_text() for path in (package / "ml/training").glob("*_training.py")]
    named = {name for text in texts for name in re.findall(r'"(validation_\w+)"', text)}
    assert "validation_ndcg_at_10" in named
    assert named <= {one["Name"] for one in METRIC_DEFINITIONS}
    assert len(METRIC_DEFINITIONS) <= 40
