"""Trains movie_recommendation: the profiles with their reasons, and the histories that go in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from infolens.ml.training.job import TrainingError, profile_named, with_hyperparameters
from infolens.ml.training.sse_pt_data import History
from infolens.ml.training.sse_pt_training import Profile, train_sse_pt
from infolens.tasks.movie_recommendation.examples import examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.sse_pt_model import SsePtRecord

CPU = Profile(
    item_dim=64,
    user_dim=16,  # new users have none of their own, so what it holds must stay a nuance
    max_length=30,  # 50 was worse by a twentieth on the public ratings, 20 by less: what was chosen last tells most
    blocks=1,  # a second one changed nothing on the public ratings
    heads=2,
    dropout=0.3,
    embedding_dropout=0.2,
    replaced_items=0.05,  # half the paper's for MovieLens 1M; 0.25 was worse by a tenth, 0.02 by less
    replaced_users=0.05,
    unknown_users=0.5,  # half of what is learned serves users without a vector of their own
    epochs=20,  # validation is flat from the fifteenth on
    min_steps=400,  # the sample's 200 users make 4 steps an epoch
    patience=8,
    batch_size=64,
    lr=2e-3,
    warmup=0.05,
    weight_decay=0.01,
    half_precision=False,
    log_every=20,
)

GPU = Profile(
    item_dim=192,  # MovieLens 1M and 20M have 3,700 and 27,000 movies
    user_dim=64,  # the paper gives users and items as many numbers; see above
    max_length=200,  # the paper's for MovieLens 1M
    blocks=2,  # the paper's
    heads=4,
    dropout=0.2,  # the paper's for MovieLens 1M, which has ten times the ratings of the set above
    embedding_dropout=0.2,
    replaced_items=0.1,  # the paper's for MovieLens 1M
    replaced_users=0.42,  # with the unknown ones 0.92, the paper's for MovieLens 1M
    unknown_users=0.5,
    epochs=100,
    min_steps=2_000,
    patience=10,
    batch_size=128,  # the paper's
    lr=1e-3,  # the paper's
    warmup=0.05,
    weight_decay=0.01,
    half_precision=True,
    log_every=100,
)

PROFILES = {"cpu": CPU, "gpu": GPU}


def choose_profile(name: str) -> Profile:
    """Find the profile.

    Raises:
        TrainingError: there is no such profile.
    """
    return profile_named(PROFILES, name)


def train(job: TrainingJob) -> SsePtRecord:
    """Train on the histories of the train split less their last movies, and validate on users of the validation split.

    Raises:
        TrainingError: no ratings, an unknown profile or hyperparameter, or a base model: there is none to start from.
    """
    if job.base_model:
        raise TrainingError(f"base-model: {job.base_model!r} is given, but item ids mean nothing in another data set")
    profile = with_hyperparameters(choose_profile(job.profile), job.hyperparameters)
    learned = [_history(one) for one in examples(job.dataset, "train")]
    asked = [_whole_history(one) for one in examples(job.dataset, "validation")]
    return train_sse_pt(job, profile, learned, asked)


def _history(example: Mapping[str, object]) -> History:
    return History(
        cast("int", example["user_id"]),
        cast("Sequence[int]", example["sequence"]),
        cast("Sequence[int]", example["times"]),
    )


def _whole_history(example: Mapping[str, object]) -> History:
    """Put the target back behind the sequence; the order stands, so that its numbers do for times."""
    items = [*cast("Sequence[int]", example["sequence"]), cast("int", example["target"])]
    return History(cast("int", example["user_id"]), items, range(len(items)))
