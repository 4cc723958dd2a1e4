"""Each gate of toxicity refuses its planted fault, and lets a right model pass."""

import pytest

from infolens.contracts.evaluation import EvaluationReport, ParityReport, Quantisation
from infolens.gates import judge, refusals
from infolens.tasks.toxicity.gates import GATES, PARITY

METRICS = {"accuracy": 0.95, "roc_auc": 0.97, "f1": 0.74, "fpr_at_recall_90": 0.10}
SUITES = ("negation", "sarcasm", "spelling_noise", "toxicity_at_end", "long_benign_context", "templates")


def slices(**changes: tuple[float, float]) -> dict[str, dict[str, float]]:
    """Slices of a good model; `changes` are (accuracy, rows)."""
    found = {f"cases={suite}": {"accuracy": 0.92, "rows": 80.0} for suite in SUITES}
    found |= {"identity=men": {"accuracy": 0.93, "rows": 60.0}, "identity=lgbt": {"accuracy": 0.90, "rows": 25.0}}
    return found | {
        name.replace("__", "="): {"accuracy": accuracy, "rows": rows} for name, (accuracy, rows) in changes.items()
    }


def refused(metrics=None, rows=1_500, **changes) -> tuple[str, ...]:
    """Reasons of the gates against a report."""
    found = slices(**changes)
    report = EvaluationReport(
        "toxicity",
        "run",
        "data",
        "digest",
        rows,
        METRICS | (metrics or {}),
        found,
        "",
        {},
        quantisation=Quantisation("", "none"),
    )
    parity = ParityReport("digest", 400, 0.001, 0.01, 0.0)
    return refusals(judge(report, parity, GATES, PARITY, bundle_digest="digest", champion_digest=""))


def test_a_good_model_passes():
    """Nothing is refused."""
    assert refused() == ()


@pytest.mark.parametrize(
    ("metric", "passes", "fails"),
    [
        ("accuracy", 0.80, 0.799),
        ("roc_auc", 0.94, 0.939),
        ("f1", 0.65, 0.649),
        ("fpr_at_recall_90", 0.20, 0.201),
    ],
)
def test_floors(metric, passes, fails):
    """The limit itself passes, the next worse value does not, and the reason names the metric."""
    low = {"identity__men": (0.80, 60.0), "identity__lgbt": (0.80, 25.0)} if metric == "accuracy" else {}
    assert refused({metric: passes}, **low) == ()
    assert len(found := refused({metric: fails}, **low)) == 1
    assert metric in found[0]


@pytest.mark.parametrize(("suite", "limit"), [*((suite, 0.80) for suite in SUITES[:-1]), ("templates", 0.90)])
def test_suites(suite, limit):
    """Each suite is held to its own limit."""
    assert refused(**{f"cases__{suite}": (limit, 80.0)}) == ()
    assert any(suite in reason for reason in refused(**{f"cases__{suite}": (limit - 0.0125, 80.0)}))


def test_a_suite_too_small_to_mean_anything():
    """49 right cases are no evidence, 50 are."""
    assert refused(cases__sarcasm=(1.0, 49.0))
    assert refused(cases__sarcasm=(1.0, 50.0)) == ()


def test_identity_slices():
    """A group 0.10 below all comments passes, one further below is refused, one of too few rows is not judged."""
    assert refused(identity__lgbt=(0.85, 25.0)) == ()
    assert any("identity=lgbt" in reason for reason in refused(identity__lgbt=(0.84, 25.0)))
    assert refused(identity__lgbt=(0.50, 19.0)) == ()


def test_no_group_with_enough_rows():
    """A dataset that mentions no group often enough cannot show that none is treated worse: refused."""
    assert any("identity=*" in reason for reason in refused(identity__men=(1.0, 5.0), identity__lgbt=(1.0, 5.0)))


def test_few_rows():
    """A test split of 299 rows is no evidence."""
    assert refused(rows=299)
    assert refused(rows=300) == ()
