"""Every task has a sentence to warm its model up with."""

import pytest

from infolens.serving.loading import warm_up_inputs
from infolens.tasks import schema_of, task_names


@pytest.mark.parametrize("task", task_names())
def test_warm_up_input(task):
    """One input that the task's own schema takes, the same each time."""
    (given,) = warm_up_inputs(task)
    assert schema_of(task).check(given) == given
    assert warm_up_inputs(task) == (given,)
