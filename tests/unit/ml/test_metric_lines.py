"""What training prints is found again by the expressions that SageMaker is given."""

import re

from infolens.ml.metric_lines import METRIC_DEFINITIONS, metric_line


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
