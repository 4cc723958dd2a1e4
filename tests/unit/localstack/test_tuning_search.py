"""A tuning job tries what was asked for, finds the best trial, and stops the one that the median rule gives up."""

import pytest

from infolens_localstack.jobs.search import RangesRefused, best, not_worth_going_on, planned


def configuration(strategy, *, most=None, seed=None, **ranges):
    """A HyperParameterTuningJobConfig."""
    limits = {"MaxParallelTrainingJobs": 1} | ({} if most is None else {"MaxNumberOfTrainingJobs": most})
    return {"Strategy": strategy, "ResourceLimits": limits, "ParameterRanges": ranges} | (
        {} if seed is None else {"RandomSeed": seed}
    )


LR = {"Name": "lr", "Values": ["1", "2"]}
DEPTH = {"Name": "depth", "Values": ["3", "4"]}
WIDTH = {"Name": "width", "MinValue": "1", "MaxValue": "8"}


def test_a_grid_is_all_combinations():
    """Each combination once."""
    found = planned(configuration("Grid", CategoricalParameterRanges=[LR, DEPTH]), "t")
    assert found == [{"lr": a, "depth": b} for a in "12" for b in "34"]


def test_a_grid_of_another_size_than_asked_for_is_refused():
    """MaxNumberOfTrainingJobs is the number of combinations, or it is not given."""
    assert len(planned(configuration("Grid", most=4, CategoricalParameterRanges=[LR, DEPTH]), "t")) == 4
    for most in (3, 5):
        with pytest.raises(RangesRefused, match="combinations, 4"):
            planned(configuration("Grid", most=most, CategoricalParameterRanges=[LR, DEPTH]), "t")


def test_a_grid_has_no_numbers_between():
    """SageMaker's grid takes categories only."""
    with pytest.raises(RangesRefused, match="Only categorical"):
        planned(configuration("Grid", IntegerParameterRanges=[WIDTH]), "t")


def test_a_random_search_is_as_long_as_asked_for_and_can_be_repeated():
    """The seed decides the draws; nothing is drawn twice."""
    asked = configuration("Random", most=3, seed=7, CategoricalParameterRanges=[LR, DEPTH])
    found = planned(asked, "t")
    assert found == planned(asked, "another")
    assert len({tuple(each.items()) for each in found}) == 3
    both = configuration("Random", most=20, CategoricalParameterRanges=[LR], IntegerParameterRanges=[WIDTH])
    drawn = planned(both, "t")
    assert {int(each["width"]) for each in drawn} <= set(range(1, 9))
    assert len(planned(configuration("Random", most=9, CategoricalParameterRanges=[LR]), "t")) == 2


def test_logarithmic_numbers_stay_between():
    """A learning rate is drawn between its limits."""
    lr = {"Name": "lr", "MinValue": "0.0001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
    found = planned(configuration("Random", most=20, ContinuousParameterRanges=[lr]), "t")
    assert all(0.0001 <= float(each["lr"]) <= 0.1 for each in found)
    assert sum(float(each["lr"]) < 0.01 for each in found) > 5


def test_nothing_to_tune_is_refused():
    """A search without ranges would train the same again and again."""
    with pytest.raises(RangesRefused, match="no parameter"):
        planned(configuration("Random", most=3), "t")


def test_the_best_is_the_largest_or_the_smallest():
    """The direction is the objective's; of equals the earlier one wins; without values there is none."""
    values = {"a": 0.5, "b": 0.9, "c": 0.9}
    assert (best(values, "Maximize"), best(values, "Minimize"), best({}, "Maximize")) == ("b", "a", None)


def test_the_median_rule():
    """Worse than the median of the running averages at the same report: stopped; as good as it: not."""
    earlier = [[0.2, 0.4, 0.9], [0.4, 0.6], [0.6, 0.8]]  # running averages after two: 0.3, 0.5, 0.7
    assert not_worth_going_on([0.9, 0.49], earlier, "Maximize")
    assert not not_worth_going_on([0.1, 0.5], earlier, "Maximize")
    assert not_worth_going_on([0.1, 0.51], earlier, "Minimize")
    assert not not_worth_going_on([0.1, 0.5], earlier, "Minimize")


def test_the_median_rule_needs_something_to_go_by():
    """The first trial, and one that has said nothing yet, go on."""
    assert not not_worth_going_on([0.1], [], "Maximize")
    assert not not_worth_going_on([], [[0.9]], "Maximize")
    assert not not_worth_going_on([0.1], [[]], "Maximize")
