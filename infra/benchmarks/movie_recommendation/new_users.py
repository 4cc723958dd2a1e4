"""Measures movie_recommendation with a quarter of the users held out: a tenth, as in the product, is few to tell by.

    python infra/benchmarks/movie_recommendation/new_users.py <ratings.csv> [--quarter 0]

All else is the product's: ingest's reading, the job scripts, the metrics; and the baselines of the tasks' benchmark.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from infolens.ml.training.rehearsal import rehearse, take_files
from infolens.tasks.movie_recommendation.examples import examples

if TYPE_CHECKING:
    from types import ModuleType

TASK = "movie_recommendation"
METRICS = ("hit_at_10", "ndcg_at_10", "hit_at_10_of_101", "ndcg_at_10_of_101")


def side_of(user: int, quarter: int) -> str:
    """Hold out a quarter of the users; a sixth of the others, an eighth of all, is for validation."""
    place = int.from_bytes(hashlib.sha256(f"new users {user}".encode()).digest()[:8], "big") % 24
    if place // 6 == quarter:
        return "test"
    return "validation" if place % 6 == 0 else "train"


def split_anew(part: Path, quarter: int) -> None:
    """Write other splits into a part."""
    table = pq.read_table(part)
    sides = pa.array([side_of(user, quarter) for user in table.column("user_id").to_pylist()])
    pq.write_table(table.set_column(table.schema.get_field_index("split"), "split", sides), part)


def benchmark() -> ModuleType:
    """Load the module that measures the task among the others."""
    path = Path(__file__).parents[1] / "tasks" / f"{TASK}.py"
    spec = importlib.util.spec_from_file_location("movie_recommendation_benchmark", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print one line for each group of users and each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--quarter", type=int, choices=range(4), default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "dataset"
        take_files(TASK, [given.ratings], data)
        for part in sorted(data.glob("*.parquet")):
            split_anew(part, given.quarter)
        done = rehearse(TASK, data, Path(work) / "ml")
        beside: dict[str, Any] = benchmark().baseline(examples(data, "train"), examples(data, "test"))
    print(f"| users | n | method | {' | '.join(METRICS)} |\n{'|---' * (3 + len(METRICS))}|")
    for group in ("known", "new", "cold"):
        mine = done.report.slices[f"users={group}"]
        lines = {"SSE-PT": [mine[metric] for metric in METRICS]}
        for name in ("item_knn", "popularity"):
            lines[name] = [beside[f"{name}_{metric}_{group}"] for metric in METRICS]
        for name, values in lines.items():
            print(f"| {group} | {mine['rows']:.0f} | {name} | {' | '.join(f'{value:.3f}' for value in values)} |")
    print(f"training {done.seconds['train']:.0f} s")


if __name__ == "__main__":
    main()
