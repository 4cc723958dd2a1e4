"""Trains fake_news: the profiles with their reasons, and the rows that go in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.job import profile_named, with_hyperparameters
from infolens.ml.training.text_classifier_model import EncoderSize, Phrases
from infolens.ml.training.text_classifier_training import Profile, train_text_classifier
from infolens.rows.source_marks import SOURCE_MARKS
from infolens.tasks.fake_news.examples import examples
from infolens.tasks.fake_news.schema import LABELS

if TYPE_CHECKING:
    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.text_classifier_model import TrainingRecord

CPU = Profile(
    base_model="",
    max_tokens=2_048,  # what the linear model of phrases reads; 256 tokens alone cost it 2 points of F1
    encoder_tokens=256,  # S0-24, for the encoder
    epochs=8,  # validation loss of the public rows is flat from the sixth on
    min_steps=120,  # 800 sample rows make 25 steps an epoch
    batch_size=32,  # more steps from two thousand rows
    lr=1e-3,  # small models take it without diverging; XLNet's 2e-5 is for pretrained weights
    head_lr=1e-3,
    warmup=0.1,
    weight_decay=0.05,
    dropout=0.2,  # twice XLNet's: two thousand rows, not millions
    label_smoothing=0.1,  # where a text was found decided its label: not every label is right
    half_precision=False,
    log_every=20,
    hidden=SOURCE_MARKS,
    vocabulary=12_000,  # most words that occur three times stay whole
    lowercase=False,  # shouting tells; +1 point
    # The family of the real one, and as small as can be: the phrases do the work, and a second layer or DistilBERT in
    # its place change nothing that two thousand rows could show.
    size=EncoderSize(dim=64, layers=1, heads=2, family="xlnet"),
    word_dropout=0.2,  # no single word may decide
    phrases=Phrases(longest=2, buckets=2**16),  # triples: +0.1 points, within the error, at twice the time
    phrase_lr=0.02,  # weights near those of logistic regression with C = 10 after these steps
    phrase_decay=0.0,  # label smoothing and word dropout hold them small
)

GPU = Profile(
    base_model="xlnet-base-cased",  # S0-13
    max_tokens=256,  # S0-24
    epochs=4,
    min_steps=200,
    batch_size=16,
    lr=2e-5,  # the XLNet paper's for classification
    head_lr=1e-3,  # the last layer is new
    warmup=0.1,
    weight_decay=0.01,
    dropout=0.1,
    label_smoothing=0.1,
    half_precision=True,
    log_every=20,
    hidden=SOURCE_MARKS,
)

PRETRAINED_ON_CPU = Profile(
    base_model="",  # given by the job
    max_tokens=256,
    epochs=2,  # minutes each on two cores
    min_steps=100,
    batch_size=16,
    lr=1e-4,  # small pretrained encoders are narrow and take more than the real one
    head_lr=2e-3,
    warmup=0.1,
    weight_decay=0.01,
    dropout=0.1,
    label_smoothing=0.1,
    half_precision=True,
    log_every=20,
    hidden=SOURCE_MARKS,
)

PROFILES = {"cpu": CPU, "gpu": GPU}


def choose_profile(name: str, base_model: str) -> Profile:
    """Find the profile: a base model on the cpu profile is fine-tuned with settings of its own.

    Raises:
        TrainingError: there is no such profile.
    """
    return PRETRAINED_ON_CPU if name == "cpu" and base_model else profile_named(PROFILES, name)


def train(job: TrainingJob) -> TrainingRecord:
    """Train on the dataset's train split and validate on its validation split.

    Raises:
        TrainingError: no rows, an unknown profile, a base model that cannot be loaded.
    """
    profile = with_hyperparameters(choose_profile(job.profile, job.base_model), job.hyperparameters)
    rows, held_out = (examples(job.dataset, split) for split in ("train", "validation"))
    return train_text_classifier(job, profile, LABELS, rows, held_out)
