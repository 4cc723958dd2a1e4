"""Trains a comment classifier: settings, then data, then model, then the loop, then the threshold."""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from infolens.ml.comment_classifier import TokenWindows
from infolens.ml.comment_words import NO_PIECE, PLAIN, marks_of, pieces_of, words_of
from infolens.ml.score_metrics import fpr_at_recall, roc_auc, threshold_near_best_f1
from infolens.ml.text_classifier import TOKENIZER_FILE
from infolens.ml.training.batches import batches_of_like_lengths, cut
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.comment_augmentation import Augmentation, Augmenter, Frames, Words
from infolens.ml.training.comment_model import (
    CommentRecord,
    WindowedTexts,
    WindowModel,
    WindowSize,
    WordModel,
    WordModelSize,
    save,
)
from infolens.ml.training.devices import Device, best_device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.term_weights import term_logits, term_weights
from infolens.ml.training.text_classifier_model import pretrained, pretrained_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infolens.ml.comment_words import WordShape
    from infolens.ml.training.job import TrainingJob


@dataclass(frozen=True)
class CommentProfile:
    """Everything that is chosen before training; each task states its own, with reasons."""

    base_model: str
    """Hub id or directory of a pretrained encoder; "" trains a model of words from nothing."""
    words: WordModelSize | None
    """Of the model from nothing."""
    windows: WindowSize
    """Of a pretrained encoder."""
    epochs: int
    min_steps: int
    """Small datasets get more epochs, until this many steps are made."""
    patience: int
    """Epochs without a better validation before training stops; 0 never stops early."""
    batch_size: int
    """Comments."""
    lr: float
    """Of the pieces' vectors, or of the pretrained encoder."""
    head_lr: float
    """Of everything else, which is new also where the encoder is pretrained."""
    warmup: float
    """Share of the steps in which the learning rate rises."""
    weight_decay: float
    dropout: float
    word_dropout: float
    term_strength: float
    """Inverse of the regularisation of the linear model of terms beside a model of words."""
    augmentation: Augmentation
    half_precision: bool
    log_every: int
    """Steps between two lines of training loss."""


class Examples(Protocol):
    """Comments of one split as a model takes them."""

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Truth of each comment."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Comments of like lengths share a batch: padding is work without learning."""

    def batch(self, chosen: NDArray[np.int64], device: str) -> tuple[Tensor, ...]:
        """Give the model's arguments for the chosen comments."""


class WordVocabulary:
    """Pieces of every word seen so far, so that a word is hashed once."""

    def __init__(self, shape: WordShape) -> None:
        """Begin with the empty word, number 0."""
        self.shape = shape
        self._number: dict[str, int] = {}
        self._pieces: list[NDArray[np.int64]] = [np.full(shape.pieces, NO_PIECE, dtype=np.int64)]

    def numbers(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Number the words of a comment, at most as many as the shape allows; no words are one empty word."""
        return np.array([self._of(word) for word in words[: self.shape.words]] or [0], dtype=np.int64)

    def pieces(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give pieces, shape (numbers, pieces)."""
        return np.stack([self._pieces[i] for i in numbers])

    def _of(self, word: str) -> int:
        found = self._number.get(word)
        if found is None:
            found = self._number[word] = len(self._pieces)
            pieces = np.full(self.shape.pieces, NO_PIECE, dtype=np.int64)
            known = pieces_of(word, self.shape)
            pieces[: len(known)] = known
            self._pieces.append(pieces)
        return found


class WordExamples:
    """`Examples` of a WordModel."""

    def __init__(self, words: Words, vocabulary: WordVocabulary) -> None:
        """Number the words."""
        self.positive = np.array(words.positive, dtype=np.bool_)
        self._numbers = [vocabulary.numbers(text) for text in words.texts]
        most = vocabulary.shape.words
        self._marks = [np.array(marks_of(text[:most]) or [PLAIN], dtype=np.int64) for text in words.texts]
        self.lengths = np.array([len(one) for one in self._numbers], dtype=np.int64)
        self._vocabulary = vocabulary

    def batch(self, chosen: NDArray[np.int64], device: str) -> tuple[Tensor, ...]:
        """See Examples: arguments of `WordModel.forward`."""
        longest = int(self.lengths[chosen].max())
        numbers = np.zeros((len(chosen), longest), dtype=np.int64)
        marks = np.zeros_like(numbers)
        mask = np.zeros((len(chosen), longest), dtype=np.float32)
        for row, i in enumerate(chosen):
            numbers[row, : self.lengths[i]] = self._numbers[i]
            marks[row, : self.lengths[i]] = self._marks[i]
            mask[row, : self.lengths[i]] = 1.0
        different, places = np.unique(numbers, return_inverse=True)
        pieces = self._vocabulary.pieces(different)
        return tuple(torch.from_numpy(one).to(device) for one in (pieces, places.reshape(numbers.shape), marks, mask))


class WindowExamples:
    """`Examples` of WindowedTexts."""

    def __init__(self, texts: Sequence[str], positive: Sequence[bool], tokens: TokenWindows, padding: int) -> None:
        """Tokenise; `padding` is the id that fills up short windows."""
        self.positive = np.array(positive, dtype=np.bool_)
        self._windows = [tokens.ids(text) for text in texts]
        self._padding = padding
        self.lengths = np.array([sum(map(len, some)) for some in self._windows], dtype=np.int64)

    def batch(self, chosen: NDArray[np.int64], device: str) -> tuple[Tensor, ...]:
        """See Examples: arguments of `WindowedTexts.forward`."""
        windows = [window for i in chosen for window in self._windows[i]]
        text_of = np.repeat(np.arange(len(chosen)), [len(self._windows[i]) for i in chosen])
        ids = np.full((len(windows), max(map(len, windows))), self._padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        return tuple(torch.from_numpy(one).to(device) for one in (ids, mask, text_of))


def train_comment_classifier(  # noqa: PLR0913, PLR0917 - a job, its settings, and what a task says of its rows
    job: TrainingJob,
    profile: CommentProfile,
    labels: tuple[str, str],
    frames: Frames,
    train: Sequence[Mapping[str, object]],
    validation: Sequence[Mapping[str, object]],
) -> CommentRecord:
    """Train on rows with "text" and "label", keep the weights that validated best, choose the threshold, write it all.

    An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very weights
    that it would have had: data, order and dropout of an epoch depend on the seed and the epoch's number alone.

    Args:
        job: what was asked for; files go to `job.output`.
        profile: settings; `job.base_model` goes before its own.
        labels: names of negative and positive.
        frames: sentences for `profile.augmentation.framed`.
        train: rows to learn from.
        validation: rows by which the weights and the threshold are chosen.

    Raises:
        TrainingError: there is nothing to train on, or the base model cannot be loaded.
    """
    if not train:
        raise TrainingError("dataset: the train split has no rows")
    profile = replace(profile, base_model=job.base_model or profile.base_model)
    device = best_device(half_precision=profile.half_precision)
    settings = asdict(profile) | {"profile": job.profile, "seed": job.seed, "precision": str(device.precision)}
    settings = json.loads(json.dumps(settings))  # as they are read back: JSON knows no tuples
    log = RunLog(job, settings)
    torch.manual_seed(job.seed)

    truths = [_positives(rows, labels) for rows in (train, validation)]
    texts = [[str(row["text"]) for row in rows] for rows in (train, validation)]
    source: _Source
    if profile.base_model:
        source = _Windows(job, profile, device, texts, truths)
    else:
        source = _WordsFromNothing(profile, device, frames, texts, truths)
    log.note(
        f"task={job.provenance.task} run={job.provenance.run_id} profile={job.profile} "
        f"base_model={profile.base_model or 'none'} device={device.kind} precision={device.precision} seed={job.seed}"
    )
    log.note(
        f"train_rows={len(train)} validation_rows={len(validation)} "
        f"parameters={sum(weight.numel() for weight in source.model.parameters())}"
    )

    loop = _Loop(source, profile, device, job.seed, log)
    scores, metrics = loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {job.seed}"))
    threshold, metrics = _chosen_threshold(source.validation.positive, scores, metrics)

    record = CommentRecord(job.provenance, labels, source.size, threshold, metrics, settings)
    save(job.output, source.kept, record)
    log.note(" ".join(f"{name}={value:.4f}" for name, value in {"threshold": threshold, **metrics}.items()))
    return record


class _Source(Protocol):
    """A model with the examples that suit it."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def size(self) -> WordModelSize | WindowSize:
        """Of the model that is kept."""

    @property
    def validation(self) -> Examples:
        """The validation comments."""

    @property
    def kept(self) -> WordModel | WindowModel:
        """The model whose weights are written."""

    def train(self, source: random.Random) -> Examples:
        """Give the examples of one epoch."""

    def finished(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make of what the trained part says of the validation comments what the whole model says."""

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Make the optimisers of all weights."""

    def dense(self) -> list[nn.Parameter]:
        """Weights whose gradients are clipped."""


class _WordsFromNothing:
    """A WordModel over variants of the comments."""

    def __init__(
        self,
        profile: CommentProfile,
        device: Device,
        frames: Frames,
        texts: list[list[str]],
        truths: list[list[bool]],
    ) -> None:
        if profile.words is None:
            raise TrainingError("profile: names neither a base model nor the size of one to train from nothing")
        self.size = profile.words
        self._profile = profile
        self._vocabulary = WordVocabulary(self.size.input)
        train, validation = (
            Words([words_of(text)[: self.size.input.words] for text in some], truth)
            for some, truth in zip(texts, truths, strict=True)
        )
        self.validation = WordExamples(validation, self._vocabulary)
        self._augmenter = Augmenter(train, profile.augmentation, frames, self.size.input.words)
        weights, bias = term_weights(self._augmenter.repeated(), self.size.input, profile.term_strength)
        self.model = WordModel(self.size, profile.word_dropout, profile.dropout)
        self.model.set_terms(weights, bias)
        self.model.to(device.kind)
        self._validation_terms = torch.tensor(term_logits(validation.texts, self.size.input, weights, bias))

    @property
    def kept(self) -> WordModel:
        return self.model

    def finished(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        words = torch.from_numpy(self.validation.lengths)
        return self.model.mixed(torch.from_numpy(logits), self._validation_terms, words).numpy()

    def train(self, source: random.Random) -> WordExamples:
        return WordExamples(self._augmenter.epoch(source), self._vocabulary)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        pieces = torch.optim.SparseAdam(list(self.model.pieces.parameters()), lr=self._profile.lr)
        rest = torch.optim.AdamW(self.dense(), lr=self._profile.head_lr, weight_decay=self._profile.weight_decay)
        return [pieces, rest]

    def dense(self) -> list[nn.Parameter]:
        return [weight for name, weight in self.model.named_parameters() if not name.startswith("pieces.")]


class _Windows:
    """A pretrained encoder over windows of tokens."""

    def __init__(
        self,
        job: TrainingJob,
        profile: CommentProfile,
        device: Device,
        texts: list[list[str]],
        truths: list[list[bool]],
    ) -> None:
        self.size = profile.windows
        self._profile = profile
        tokenizer = AutoTokenizer.from_pretrained(pretrained_directory(profile.base_model))
        # Written first and read back through the class that serves.
        tokenizer.backend_tokenizer.save(str(job.output / TOKENIZER_FILE))
        tokens = TokenWindows(job.output / TOKENIZER_FILE, self.size.tokens, self.size.overlap)
        self._train, self.validation = (
            WindowExamples(some, truth, tokens, int(tokenizer.pad_token_id or 0))
            for some, truth in zip(texts, truths, strict=True)
        )
        self.kept = WindowModel(pretrained(profile.base_model), profile.dropout)
        self.model = WindowedTexts(self.kept).to(device.kind)

    def finished(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        return logits

    def train(self, source: random.Random) -> WindowExamples:  # noqa: ARG002 - the comments are learnt as they are
        return self._train

    def optimizers(self) -> list[torch.optim.Optimizer]:
        groups = [
            {"params": list(self.kept.encoder.parameters()), "lr": self._profile.lr},
            {"params": list(self.kept.head.parameters()), "lr": self._profile.head_lr},
        ]
        return [torch.optim.AdamW(groups, weight_decay=self._profile.weight_decay)]

    def dense(self) -> list[nn.Parameter]:
        return list(self.model.parameters())


class _Loop:
    """Adam with a linear warm-up and decay, one validation per epoch, the best weights kept."""

    def __init__(self, source: _Source, profile: CommentProfile, device: Device, seed: int, log: RunLog) -> None:
        self.source, self.profile, self.device, self.seed, self.log = source, profile, device, seed, log
        self.model = source.model
        steps_per_epoch = math.ceil(len(source.train(random.Random(0)).positive) / profile.batch_size)  # noqa: S311
        self.epochs = max(profile.epochs, math.ceil(profile.min_steps / steps_per_epoch))
        steps = self.epochs * steps_per_epoch
        self.optimizers = source.optimizers()
        rising = max(1.0, profile.warmup * steps)
        self.schedules = [
            # Epochs may differ by some examples, so there may be a step more than was counted.
            torch.optim.lr_scheduler.LambdaLR(
                one, lambda step: min((step + 1) / rising, 1.0) * max(0.0, 1.0 - step / steps)
            )
            for one in self.optimizers
        ]
        self.scaler = device.scaler()
        self.step = 0
        self.best: dict[str, Tensor] = {}
        self.best_value = -math.inf
        self.worse = 0
        """Epochs since the best one."""

    def run(self, checkpoints: Checkpoints) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Train all epochs, or those that a checkpoint leaves -> validation logits and metrics of the best weights."""
        for epoch in range(self._resume(checkpoints), self.epochs):
            if self.profile.patience and self.worse >= self.profile.patience:
                self.log.note(f"stopped_early_after_epoch={epoch}")
                break
            self._epoch(epoch)
            _, metrics = self._validate()
            self.log.metrics(step=self.step, epoch=epoch + 1, epochs=self.epochs, **metrics)
            value = metrics.get("validation_roc_auc", math.inf)  # without it the last weights are as good as any
            self.worse += 1
            if value > self.best_value or math.isinf(value):
                self.best = {name: weight.detach().clone() for name, weight in self.model.state_dict().items()}
                self.best_value, self.worse = value, 0
            checkpoints.write(self._state(epoch + 1))
        self.model.load_state_dict(self.best)
        return self._validate()

    def _epoch(self, epoch: int) -> None:
        # One number seeds data, order and dropout of the epoch, so that a resumed run repeats none of them.
        number = self.seed * 1_000_003 + epoch
        torch.manual_seed(number)
        examples = self.source.train(random.Random(number))  # noqa: S311 - no secret
        self.model.train()
        for batch in batches_of_like_lengths(examples.lengths, self.profile.batch_size, np.random.default_rng(number)):
            with self.device.autocast():
                logits = self.model(*examples.batch(batch, self.device.kind))
            truth = torch.from_numpy(examples.positive[batch].astype(np.float32)).to(self.device.kind)
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), truth)
            self._learn(loss)
            self.step += 1
            if self.step % self.profile.log_every == 0:
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(f"training diverged: loss is {value} at step {self.step}")
                rate = float(self.schedules[0].get_last_lr()[0])
                self.log.metrics(step=self.step, epoch=epoch + 1, train_loss=value, lr=rate)

    def _learn(self, loss: Tensor) -> None:
        for one in self.optimizers:
            one.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        for one in self.optimizers:
            self.scaler.unscale_(one)
        nn.utils.clip_grad_norm_(self.source.dense(), 1.0)  # BERT's; one odd batch does not undo an epoch
        for one in self.optimizers:
            self.scaler.step(one)
        self.scaler.update()
        for schedule in self.schedules:
            schedule.step()

    @torch.no_grad()
    def _validate(self) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Logits of the validation comments, and what can be said of them; nothing when there are none."""
        examples = self.source.validation
        logits = np.zeros(len(examples.positive))
        self.model.eval()
        for batch in cut(np.argsort(examples.lengths, kind="stable"), self.profile.batch_size):
            with self.device.autocast():
                logits[batch] = self.model(*examples.batch(batch, self.device.kind)).float().cpu().numpy()
        if not len(logits):
            return logits, {}
        logits = self.source.finished(logits)
        loss = np.logaddexp(0.0, np.where(examples.positive, -logits, logits)).mean()
        metrics = {"validation_loss": float(loss)}
        if examples.positive.any() and not examples.positive.all():
            metrics["validation_roc_auc"] = roc_auc(examples.positive, logits)
            metrics["validation_f1"] = threshold_near_best_f1(examples.positive, logits)[1]
            metrics["validation_fpr_at_recall_90"] = fpr_at_recall(examples.positive, logits, 0.90)
        return logits, metrics

    def _state(self, epochs_done: int) -> dict[str, Any]:
        return {
            "epochs_done": epochs_done,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": [one.state_dict() for one in self.optimizers],
            "schedules": [one.state_dict() for one in self.schedules],
            "scaler": self.scaler.state_dict(),
            "best": self.best,
            "best_value": self.best_value,
            "worse": self.worse,
        }

    def _resume(self, checkpoints: Checkpoints) -> int:
        state = checkpoints.read(self.device.kind)
        if state is None:
            return 0
        self.model.load_state_dict(state["model"])
        for mine, kept in zip(self.optimizers, state["optimizers"], strict=True):
            mine.load_state_dict(kept)
        for schedule, kept in zip(self.schedules, state["schedules"], strict=True):
            schedule.load_state_dict(kept)
        self.scaler.load_state_dict(state["scaler"])
        self.step, self.best = state["step"], state["best"]
        self.best_value, self.worse = state["best_value"], state["worse"]
        self.log.note(f"resumed_after_epoch={state['epochs_done']}")
        return int(state["epochs_done"])


def _chosen_threshold(
    positive: NDArray[np.bool_], logits: NDArray[np.float64], metrics: dict[str, float]
) -> tuple[float, dict[str, float]]:
    """Choose on the validation rows -> probability, and the metrics with what it gives; a half where there are none."""
    if "validation_roc_auc" not in metrics:
        return 0.5, metrics
    logit, f1 = threshold_near_best_f1(positive, logits)
    right = float(((logits >= logit) == positive).mean())
    # A model that is sure of everything must not leave a threshold that no float32 score can pass.
    probability = float(np.clip(1.0 / (1.0 + np.exp(-logit)), 0.01, 0.99))
    return probability, metrics | {"validation_f1": f1, "validation_accuracy": right}


def _positives(rows: Sequence[Mapping[str, object]], labels: tuple[str, str]) -> list[bool]:
    for row in rows:
        if row["label"] not in labels:
            raise TrainingError(f"dataset: label {row['label']!r} is none of {', '.join(labels)}")
    return [row["label"] == labels[1] for row in rows]
