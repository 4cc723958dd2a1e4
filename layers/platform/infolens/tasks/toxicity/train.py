"""Trains toxicity: the profiles with their reasons, and the rows that go in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from infolens.ml.comment_words import WordShape
from infolens.ml.training.comment_augmentation import Augmentation, Frames
from infolens.ml.training.comment_model import WindowSize, WordModelSize
from infolens.ml.training.comment_training import CommentProfile, train_comment_classifier
from infolens.ml.training.job import profile_named, with_hyperparameters
from infolens.tasks.toxicity.examples import examples
from infolens.tasks.toxicity.metrics import IDENTITY_TERMS
from infolens.tasks.toxicity.schema import LABELS

if TYPE_CHECKING:
    from infolens.ml.training.comment_model import CommentRecord
    from infolens.ml.training.job import TrainingJob

FRAMES = Frames(
    affirming=(
        "you are {}",
        "you are a {}",
        "you are so {}",
        "you {}",
        "what a {}",
        "he is {}",
        "he is a real {}",
        "hey {}",
        "your work is {}",
        "i think you are {}",
        "they are all {}",
        "everyone here is {}",
        "you and your {}",
        "such {}",
        "she is a {} person",
        "you look {}",
        "{} is what you are",
        "you were {} today",
    ),
    denying=(
        "you are not {}",
        "you are not a {}",
        "i do not think you are {}",
        "i did not call you {}",
        "i didn't say {}",
        "nobody called you a {}",
        "she is not a {}",
        "they were not {}",
        "he isn't {}",
        "no one here is {}",
        "we are not {}",
        "he was never a {}",
        "do not call anyone {}",
        "that is not {}",
        "i wouldn't call it {}",
        "nothing about it is {}",
        "don't say {} to others",
        "aren't {}",
        "it wasn't {}",
        "i never meant {}",
        "no {} here",
    ),
    attacking=(
        "you are not nice, you are {}",
        "nobody likes you, {}",
        "you can not even read, {}",
        "do not talk to me, {}",
        "no, {}",
        "never come back, you {}",
        "i do not care, {}",
        "not again, {}",
        "don't be {}",
        "why are you not banned, {}",
        "you never learn, you {}",
        "can't you see how {} you are",
        "not even a {} is like you",
        "you don't know anything, {}",
        "stop it, {}",
    ),
    # Mentions of groups in benign sentences (Dixon et al. 2018): where they occur in rows, it is too often in anger.
    neutral_words=tuple(term for terms in IDENTITY_TERMS.values() for term in terms),
)
"""Sentences for words that the rows themselves show to be offensive or harmless; none is a case of `cases.py`."""

CPU = CommentProfile(
    base_model="",
    words=WordModelSize(
        dim=48,  # 64 and 96 channels changed validation by less than its error and took 1.6 times longer
        channels=64,
        widths=(1, 3, 5),
        # Words that share a number of a piece are nearly all rare; 2,400 words are more than 12,000 characters hold.
        input=WordShape(buckets=1 << 16, pieces=32, words=2_400),
        term_share=0.5,  # both halves alike; 0.35 and 0.65 are within a tenth of a point of it
        term_words=40,  # Jigsaw's median; from 80 on, one insult in ten calm sentences was lost half of the time
    ),
    windows=WindowSize(tokens=256, overlap=64),
    epochs=5,
    min_steps=300,
    patience=2,
    batch_size=64,
    lr=3e-3,
    head_lr=1.5e-3,
    warmup=0.05,
    weight_decay=0.01,
    dropout=0.4,
    word_dropout=0.15,
    term_strength=1.0,  # 1 and 3 are alike on validation
    augmentation=Augmentation(misspelt=0.4, misspelt_words=0.12, surrounded=0.2, framed=0.15, repeated=1.0),
    half_precision=False,
    log_every=50,
)

GPU = replace(
    CPU,
    base_model="bert-base-uncased",
    words=None,
    epochs=3,  # the BERT paper's range is 2 to 4
    min_steps=200,
    batch_size=32,
    lr=3e-5,  # of the BERT paper's three
    head_lr=1e-3,  # the last layer is new
    warmup=0.1,
    dropout=0.1,
    half_precision=True,
    log_every=20,
)

PRETRAINED_ON_CPU = replace(
    GPU,
    base_model="",  # given by the job
    windows=WindowSize(tokens=128, overlap=32),
    epochs=2,  # minutes each on two cores
    min_steps=100,
    lr=1e-4,  # small encoders are narrow and take more than BERT
)

PROFILES = {"cpu": CPU, "gpu": GPU}


def choose_profile(name: str, base_model: str) -> CommentProfile:
    """Find the profile: a base model on the cpu profile is fine-tuned with settings of its own.

    Raises:
        TrainingError: there is no such profile.
    """
    return PRETRAINED_ON_CPU if name == "cpu" and base_model else profile_named(PROFILES, name)


def train(job: TrainingJob) -> CommentRecord:
    """Train on the dataset's train split and validate on its validation split.

    Raises:
        TrainingError: no rows, an unknown profile, a base model that cannot be loaded.
    """
    profile = with_hyperparameters(choose_profile(job.profile, job.base_model), job.hyperparameters)
    rows, held_out = (examples(job.dataset, split) for split in ("train", "validation"))
    return train_comment_classifier(job, profile, LABELS, FRAMES, rows, held_out)
