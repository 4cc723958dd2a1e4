"""Trains news_category: the profiles with their reasons, and the rows that go in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infolens.ml.training.job import profile_named, with_hyperparameters
from infolens.ml.training.text_classifier_model import EncoderSize
from infolens.ml.training.text_classifier_training import Profile, train_text_classifier
from infolens.tasks.news_category.examples import examples
from infolens.tasks.news_category.schema import LABELS

if TYPE_CHECKING:
    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.text_classifier_model import TrainingRecord

CPU = Profile(
    base_model="",
    max_tokens=96,  # title and first sentences decide the section; longer rows cost time squared
    epochs=8,  # validation accuracy of the public rows is flat from the sixth on
    min_steps=120,  # validation accuracy of 1,200 sample rows is flat from there on
    batch_size=64,
    lr=1e-3,  # small models take it without diverging; BERT's 5e-5 is for pretrained weights
    head_lr=1e-3,
    warmup=0.1,
    weight_decay=0.05,
    dropout=0.2,  # twice BERT's: thousands of rows, not millions
    label_smoothing=0.1,  # sections overlap, and a smoothed model is less sure where it is wrong
    half_precision=False,
    log_every=20,
    vocabulary=12_000,  # most words that occur three times stay whole
    # One layer: on 8,000 public rows a second one, or twice the width, changed accuracy by less than its error of 0.9
    # points and doubled the time. What counts is where the word vectors start (`corpus_vectors`): +4 points.
    size=EncoderSize(dim=128, layers=1, heads=4),
    word_dropout=0.2,  # no single word may decide
)

GPU = Profile(
    base_model="distilbert-base-uncased",  # S0-13, S0-25
    max_tokens=128,
    epochs=3,  # the BERT paper's range is 2 to 4
    min_steps=200,
    batch_size=32,
    lr=5e-5,  # the upper end of the BERT paper's range; DistilBERT has half the layers
    head_lr=1e-3,  # the last layer is new
    warmup=0.1,
    weight_decay=0.01,
    dropout=0.1,
    label_smoothing=0.0,
    half_precision=True,
    log_every=20,
    pooling="first",  # as transformers fine-tunes DistilBERT; serves a seventh faster, for the same accuracy (ADR 0022)
)

PRETRAINED_ON_CPU = Profile(
    base_model="",  # given by the job
    max_tokens=96,
    epochs=2,  # minutes each on two cores
    min_steps=100,
    batch_size=32,
    lr=1e-4,  # MiniLM is narrow (384) and takes twice DistilBERT's
    head_lr=2e-3,
    warmup=0.1,
    weight_decay=0.01,
    dropout=0.1,
    label_smoothing=0.0,
    half_precision=True,
    log_every=20,
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
