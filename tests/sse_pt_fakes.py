"""A small world of items that follow each other in rings, and a tiny SSE-PT that learns it in moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from infolens.ml.sequential_recommender import Catalogue
from infolens.ml.training.job import ExportJob, Provenance, TrainingJob
from infolens.ml.training.sse_pt_data import History
from infolens.ml.training.sse_pt_model import Shape, SsePt, SsePtRecord, save
from infolens.ml.training.sse_pt_training import Profile

if TYPE_CHECKING:
    from pathlib import Path

torch.set_num_threads(1)  # models of a few kilobytes: a second thread only waits

PROVENANCE = Provenance(task="movie_recommendation", run_id="run-1", dataset_id="data-1", code_version="code-1")

RING = tuple(range(100, 120))
"""Item ids: whoever has one goes on to the next."""

TINY = Profile(
    item_dim=16,
    user_dim=8,
    max_length=6,
    blocks=1,
    heads=2,
    dropout=0.0,
    embedding_dropout=0.0,
    replaced_items=0.05,
    replaced_users=0.1,
    unknown_users=0.5,
    epochs=3,
    min_steps=1,
    patience=100,
    batch_size=16,
    lr=1e-2,
    warmup=0.1,
    weight_decay=0.0,
    half_precision=False,
    log_every=1,
)

SHAPE = Shape(items=5, users=2, item_dim=8, user_dim=4, max_length=4, blocks=2, heads=2)
CATALOGUE = Catalogue(items=(50, 10, 40, 20, 30), counts=(9, 7, 5, 3, 1), users=(7, 8))


def walks(users: int, first_user: int = 1) -> list[History]:
    """Histories of users who go round the ring, each from another place."""
    return [
        History(user, [RING[(user * 7 + step) % len(RING)] for step in range(12)], list(range(12)))
        for user in range(first_user, first_user + users)
    ]


def training_job(directory: Path, seed: int = 20, checkpoints: Path | None = None) -> TrainingJob:
    """A job that writes to `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    return TrainingJob(PROVENANCE, directory, directory, checkpoints, "cpu", "", seed)


def export_job(directory: Path) -> ExportJob:
    """A job that exports `directory/model` to `directory/export`."""
    return ExportJob(directory / "model", directory, directory / "export")


def tiny_model(directory: Path, seed: int = 1) -> SsePt:
    """Save an untrained model as training would, and give it."""
    torch.manual_seed(seed)
    model = SsePt(SHAPE, dropout=0.0, embedding_dropout=0.0).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3.0)  # far enough from each other that a wrong weight shows
    directory.mkdir(parents=True, exist_ok=True)
    save(directory, model, CATALOGUE, SsePtRecord(PROVENANCE, SHAPE, {"validation_ndcg_at_10": 0.5}, {"seed": seed}))
    return model
