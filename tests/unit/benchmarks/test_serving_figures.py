"""Medians, ratios and shares of the serving benchmark are what they are called."""

import pytest

from serving_benchmark import cases, figures

SIZE = cases.SIZES["distilbert"]


def case(model, tokens, written=0):
    """Give a case."""
    return cases.Case("some case", model, tokens, written)


@pytest.mark.parametrize(("share", "found"), [(0.0, 1), (0.05, 1), (0.051, 2), (0.95, 19), (0.951, 20), (1.0, 20)])
def test_percentile(share, found):
    """A percentile is a value that was measured: the smallest that enough of the others do not exceed."""
    assert figures.percentile(list(range(20, 0, -1)), share) == found


def test_percentile_of_nothing():
    """Nothing has no percentile."""
    with pytest.raises(ValueError, match="no values"):
        figures.percentile([], 0.95)


def test_ratio_is_taken_round_by_round():
    """A round in which the machine was twice as slow for both changes no ratio, though it changes both medians."""
    ours, peer = [[1.0, 9.0, 1.0], [2.0], [1.0]], [[2.0], [4.0, 4.0], [2.0]]
    assert figures.ratio(ours, peer) == 0.5
    assert figures.of_rounds(ours) == [1.0, 2.0, 1.0]


def test_ratio_needs_the_same_rounds():
    """An engine that missed a round is not compared with another round's time."""
    with pytest.raises(ValueError, match="zip"):
        figures.ratio([[1.0], [1.0]], [[1.0]])


def test_fastest():
    """The fastest peer has the smallest median of all its answers, whatever its single best one."""
    assert figures.fastest({"a": [[1.0, 5.0], [5.0]], "b": [[4.0], [4.0]]}) == "b"
    assert figures.fastest({}) == ""


def test_work_of_distilbert():
    """128 tokens of DistilBERT-base take 9.4 billion operations with weights and 0.25 in attention.

    That is 10.9 and 0.3 of six layers, less what the last one need not do where the first token alone is read: queries,
    attention, what stands behind it and the feed-forward of 127 tokens.
    """
    found = figures.work(case("distilbert", 128), SIZE)
    spared = 127 * 2 * (2 * 768**2 + 2 * 768 * 3072)
    assert found["linear"] == 10_871_635_968.0 - spared == pytest.approx(9.4e9, rel=1e-2)
    assert found["attention"] == 301_989_888.0 - 127 * 128 * 4 * 768
    assert found["stream"] == 0.0


def test_work_of_one_token():
    """Of a text of one token nothing is spared: that token is the first."""
    assert figures.work(case("distilbert", 1), SIZE)["linear"] == 10_871_635_968.0 / 128


def test_work_of_xlnet():
    """256 tokens of XLNet-base take 50.7 billion operations with weights, those for positions included, and 4.8."""
    found = figures.work(case("xlnet", 256), cases.SIZES["xlnet"])
    assert found["linear"] == pytest.approx(50.7e9, rel=1e-3)
    assert found["attention"] == pytest.approx(4.83e9, rel=1e-3)


def test_work_of_bart():
    """1024 tokens of BART-base take 101 billion operations with weights; each written one reads 126 MB."""
    found = figures.work(case("bart", 1024, 60), cases.SIZES["bart"])
    assert found["linear"] + found["attention"] == pytest.approx(120.8e9, rel=1e-3)
    assert found["stream"] / 60 == pytest.approx(125.9e6, rel=1e-2)


def test_roof():
    """The time at the machine's best rates is the sum over kinds of work."""
    needed = {"linear": 8.0, "attention": 2.0, "stream": 30.0}
    assert figures.roof_seconds(needed, {"int8": 4.0, "fp32": 1.0, "read": 10.0}) == 7.0


def test_best_rates():
    """Of each kind the candidate with the best median counts, not the best single measurement."""
    measured = {"int8: a": [1.0, 9.0, 1.0], "int8: b": [2.0, 2.0, 2.0], "read: c": [5.0]}
    assert figures.best_rates(measured) == {"int8": 2.0, "read": 5.0}


def test_agreement():
    """Answers are compared place by place; a missing token is not equal."""
    assert figures.difference([0.1, 0.9], [0.3, 0.7]) == pytest.approx(0.2)
    assert figures.equal_share([1, 2, 3], [1, 9, 3, 4]) == 0.5
    assert figures.equal_share([], []) == 1.0
