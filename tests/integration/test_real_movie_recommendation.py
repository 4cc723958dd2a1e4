"""On MovieLens a short training passes every gate as it would be served, and beats item-KNN for new users, too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from infolens.gates import refusals
from infolens.ml.training.rehearsal import rehearse, take_files
from infolens.tasks.movie_recommendation.examples import examples

ROOT = Path(__file__).parents[2]
RATINGS = ROOT.parent / "shared" / "data" / "movielens" / "ratings.csv"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not RATINGS.is_file(), reason=f"the public data set is not beside the checkout ({RATINGS})"),
    pytest.mark.timeout(1_200),
]


@pytest.fixture
def baseline():
    """The benchmark's own baselines."""
    path = ROOT / "infra" / "benchmarks" / "tasks" / "movie_recommendation.py"
    spec = importlib.util.spec_from_file_location("movie_recommendation_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.baseline


def test_served_model_on_movielens(tmp_path, baseline):
    """Eight epochs of twenty, a third of the time: the bundle passes its gates and is clearly above both baselines."""
    data = tmp_path / "dataset"
    taken = take_files("movie_recommendation", [RATINGS], data)
    assert (taken.rows_in, taken.kept, taken.duplicates, taken.rejected) == (78_416, 78_416, 0, 0)
    done = rehearse("movie_recommendation", data, tmp_path / "ml", options=("--seed", "20", "--epochs", "8"))
    assert refusals(done.verdict) == ()
    assert done.verdict.passed
    beside = baseline(examples(data, "train"), examples(data, "test"))
    for metric in ("hit_at_10", "ndcg_at_10", "hit_at_10_of_101", "ndcg_at_10_of_101"):
        for group in ("known", "new"):
            best = max(beside[f"{name}_{metric}_{group}"] for name in ("item_knn", "popularity"))
            assert done.report.slices[f"users={group}"][metric] > 1.3 * best, f"{metric} of {group} users"
    assert done.report.metrics["catalogue_coverage"] > 0.3
    assert done.report.slices["users=cold"]["gain_over_popularity"] > 0.05
