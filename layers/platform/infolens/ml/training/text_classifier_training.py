"""Trains a text classifier: settings, then data, then model, then the loop, readable from top to bottom."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer

from infolens.ml.classification_metrics import classification_metrics
from infolens.ml.text_classifier import TOKENIZER_FILE
from infolens.ml.tokens import TextTokens
from infolens.ml.training.batches import batches_of_like_lengths, cut
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.corpus_vectors import corpus_vectors
from infolens.ml.training.devices import Device, best_device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.subwords import MASK_ID, PAD_ID, SPECIAL_TOKENS, hide, train_subwords
from infolens.ml.training.text_classifier_model import (
    POOLINGS,
    EncoderSize,
    Phrases,
    Shape,
    TextClassifierModel,
    TrainingRecord,
    pretrained,
    pretrained_directory,
    save,
    small_encoder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from infolens.ml.training.job import TrainingJob


@dataclass(frozen=True)
class Profile:
    """Everything that is chosen before training; each task states its own, with reasons."""

    base_model: str
    """Hub id or directory of a pretrained encoder; "" trains a small DistilBERT from nothing."""
    max_tokens: int
    epochs: int
    min_steps: int
    """Small datasets get more epochs, until this many steps are made."""
    batch_size: int
    lr: float
    head_lr: float
    """Learning rate of the last layer, which is new also where the encoder is pretrained."""
    warmup: float
    """Share of the steps in which the learning rate rises."""
    weight_decay: float
    dropout: float
    label_smoothing: float
    half_precision: bool
    log_every: int
    """Steps between two lines of training loss."""
    hidden: tuple[tuple[str, str], ...] = ()
    """Expressions (Oniguruma) and what stands in their place. They become part of the tokenizer: no text reaches the
    model without them, in training, parity and serving alike."""
    sentence_ends: bool = False
    """Cut texts that are too long behind a whole sentence (ADR 0018 has what that was worth)."""
    pooling: str = "mean"
    """One of `text_classifier_model.POOLINGS`."""
    # From nothing only:
    vocabulary: int = 0
    lowercase: bool = True
    """Off where capitals tell something."""
    size: EncoderSize | None = None
    word_dropout: float = 0.0
    """Share of tokens that are masked in each training step."""
    encoder_tokens: int = 0
    """Tokens that the encoder reads where something beside it reads `max_tokens`; 0 lets it read all."""
    phrases: Phrases | None = None
    """A linear model of phrases beside the encoder, see `text_classifier_model.Phrases`."""
    phrase_lr: float = 0.0
    phrase_decay: float = 0.0
    """Weight decay of the linear model: it has more weights than there are texts."""


@dataclass(frozen=True)
class Examples:
    """Token ids and label ids of one split."""

    ids: list[NDArray[np.int64]]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Data:
    """What a run learns from and is validated on."""

    train: Examples
    validation: Examples
    labels: tuple[str, ...]
    """Names in the order of their ids."""


def train_text_classifier(
    job: TrainingJob,
    profile: Profile,
    labels: Sequence[str],
    train: Sequence[Mapping[str, object]],
    validation: Sequence[Mapping[str, object]],
) -> TrainingRecord:
    """Train on rows with "text" and "label", keep the weights that validated best, and write them to `job.output`.

    An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very weights
    that it would have had: data order and dropout of an epoch depend on the seed and the epoch's number alone.

    Raises:
        TrainingError: there is nothing to train on, there is no such pooling, or the base model cannot be loaded.
    """
    if not train:
        raise TrainingError("dataset: the train split has no rows")
    if profile.pooling not in POOLINGS:
        raise TrainingError(f"profile: pooling {profile.pooling!r} is none of {', '.join(POOLINGS)}")
    profile = replace(profile, base_model=job.base_model or profile.base_model)
    device = best_device(half_precision=profile.half_precision)
    torch.manual_seed(job.seed)

    # data: the tokenizer is written first and read back through the class that serves
    _write_tokenizer(job.output, profile, [str(row["text"]) for row in train])
    tokens = TextTokens(job.output / TOKENIZER_FILE, profile.max_tokens, sentence_ends=profile.sentence_ends)
    data = Data(_examples(train, tokens, labels), _examples(validation, tokens, labels), tuple(labels))

    # model
    shape = Shape(
        tuple(labels),
        profile.max_tokens,
        direct=not profile.base_model,
        encoder_tokens=profile.encoder_tokens,
        phrases=profile.phrases,
        sentence_ends=profile.sentence_ends,
        pooling=profile.pooling,
    )
    model = _new_model(profile, shape, tokens, data.train.ids, job.seed).to(device.kind)
    log = RunLog(job, asdict(profile) | {"device": device.kind, "precision": str(device.precision), "seed": job.seed})
    log.note(
        f"train_rows={len(train)} validation_rows={len(validation)} "
        f"parameters={sum(weight.numel() for weight in model.parameters())}"
    )

    # loop
    loop = _Loop(model, profile, device, data, seed=job.seed, log=log)
    metrics = loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {job.seed}"))

    record = TrainingRecord(
        provenance=job.provenance,
        shape=shape,
        metrics=metrics,
        settings=asdict(profile)
        | {
            "hidden": [list(pair) for pair in profile.hidden],  # as JSON gives them back
            "profile": job.profile,
            "seed": job.seed,
            "precision": str(device.precision),
        },
    )
    save(job.output, model, record)
    return record


class _Loop:
    """AdamW with a linear warm-up and decay, one validation per epoch, the best weights kept."""

    def __init__(  # noqa: PLR0913 - what a loop needs
        self, model: TextClassifierModel, profile: Profile, device: Device, data: Data, *, seed: int, log: RunLog
    ) -> None:
        self.model, self.profile, self.device, self.seed, self.log = model, profile, device, seed, log
        self.train, self.validation, self.labels = data.train, data.validation, data.labels
        train = data.train
        steps_per_epoch = math.ceil(len(train.ids) / profile.batch_size)
        self.epochs = max(profile.epochs, math.ceil(profile.min_steps / steps_per_epoch))
        steps = self.epochs * steps_per_epoch
        groups: list[dict[str, Any]] = [
            {"params": list(model.encoder.parameters()), "lr": profile.lr},
            {"params": list(model.head.parameters()), "lr": profile.head_lr},
        ]
        if model.phrases is not None:
            groups.append(
                {
                    "params": list(model.phrases.parameters()),
                    "lr": profile.phrase_lr,
                    "weight_decay": profile.phrase_decay,
                }
            )
        self.optimizer = torch.optim.AdamW(groups, weight_decay=profile.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: min((step + 1) / max(1.0, profile.warmup * steps), 1.0) * (1.0 - step / steps),
        )
        self.scaler = device.scaler()
        self.step = 0
        self.best: dict[str, Tensor] = {}
        self.best_metrics: dict[str, float] = {}

    def run(self, checkpoints: Checkpoints) -> dict[str, float]:
        """Train all epochs, or those that a checkpoint leaves; the model then has the best weights."""
        began = time.monotonic()
        first = self._resume(checkpoints)
        for epoch in range(first, self.epochs):
            self._epoch(epoch)
            metrics = self._validate()
            self.log.metrics(
                epoch=epoch + 1, epochs=self.epochs, step=self.step, **metrics, seconds=time.monotonic() - began
            )
            if not self.best or metrics.get("validation_accuracy", 1.0) >= self.best_metrics.get(
                "validation_accuracy", 0.0
            ):
                self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
                self.best_metrics = metrics
            checkpoints.write(self._state(epoch + 1))
        self.model.load_state_dict(self.best)
        return self.best_metrics

    def _epoch(self, epoch: int) -> None:
        # One number seeds the data order and the dropout of the epoch, so that a resumed run repeats neither.
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        order = np.random.default_rng((self.seed, epoch))
        self.model.train()
        lengths = [len(ids) for ids in self.train.ids]
        for batch in batches_of_like_lengths(lengths, self.profile.batch_size, order):
            ids, mask, labels = _padded(self.train, batch, self.device.kind)
            with self.device.autocast():
                logits = self.model(self._with_masked_words(ids), mask)
                loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=self.profile.label_smoothing)
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)  # BERT's; one odd batch does not undo an epoch
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            self.step += 1
            if self.step % self.profile.log_every == 0:
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(f"training diverged: loss is {value} at step {self.step}")
                rate = float(self.schedule.get_last_lr()[0])
                self.log.metrics(step=self.step, epoch=epoch + 1, train_loss=value, lr=rate)

    def _with_masked_words(self, ids: Tensor) -> Tensor:
        if not self.profile.word_dropout:
            return ids
        chosen = torch.rand(ids.shape, device=ids.device) < self.profile.word_dropout
        return torch.where(chosen & (ids >= len(SPECIAL_TOKENS)), MASK_ID, ids)

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the validation rows; nothing when there are none."""
        if not self.validation.ids:
            return {}
        self.model.eval()
        order = np.argsort([len(ids) for ids in self.validation.ids], kind="stable")
        answers = np.zeros(len(order), dtype=np.int64)
        total = 0.0
        for batch in cut(order, self.profile.batch_size):
            ids, mask, labels = _padded(self.validation, batch, self.device.kind)
            with self.device.autocast():
                logits = self.model(ids, mask).float()
            total += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            answers[batch] = logits.argmax(dim=1).cpu().numpy()
        names = np.array(self.labels)
        metrics, _ = classification_metrics(list(names[self.validation.labels]), list(names[answers]), self.labels)
        return {"validation_loss": total / len(order)} | {
            f"validation_{name}": value for name, value in metrics.items()
        }

    def _state(self, epochs_done: int) -> dict[str, Any]:
        return {
            "epochs_done": epochs_done,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "best": self.best,
            "best_metrics": self.best_metrics,
        }

    def _resume(self, checkpoints: Checkpoints) -> int:
        state = checkpoints.read(self.device.kind)
        if state is None:
            return 0
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.step, self.best, self.best_metrics = state["step"], state["best"], state["best_metrics"]
        self.log.note(f"resumed_after_epoch={state['epochs_done']}")
        return int(state["epochs_done"])


def _write_tokenizer(directory: Path, profile: Profile, texts: Sequence[str]) -> None:
    if profile.base_model:
        tokenizer = AutoTokenizer.from_pretrained(pretrained_directory(profile.base_model)).backend_tokenizer
        hide(tokenizer, profile.hidden)
    else:
        tokenizer = train_subwords(texts, profile.vocabulary, profile.hidden, lowercase=profile.lowercase)
    tokenizer.save(str(directory / TOKENIZER_FILE))


def _new_model(
    profile: Profile, shape: Shape, tokens: TextTokens, texts: Sequence[NDArray[np.int64]], seed: int
) -> TextClassifierModel:
    if profile.base_model:
        return TextClassifierModel(pretrained(profile.base_model), shape, profile.dropout)
    if profile.size is None:
        raise TrainingError("profile: names neither a base model nor the size of one to train from nothing")
    read = profile.encoder_tokens or profile.max_tokens
    encoder = small_encoder(profile.size, tokens.vocabulary, read, profile.dropout)
    words = cast("Any", encoder).get_input_embeddings().weight
    with torch.no_grad():
        vectors = corpus_vectors(texts, tokens.vocabulary, profile.size.dim, seed)
        # 0.3 a number: between BERT's 0.02, which drowns in the dropout of so few steps, and layer norm's 1.
        words.copy_(torch.from_numpy(vectors * 0.3 * math.sqrt(profile.size.dim)))
        words[PAD_ID] = 0.0
    model = TextClassifierModel(encoder, shape, profile.dropout)
    if model.phrases is not None:
        model.phrases.learn_rarity(torch.from_numpy(ids) for ids in texts)
    return model


def _examples(rows: Sequence[Mapping[str, object]], tokens: TextTokens, labels: Sequence[str]) -> Examples:
    number = {name: i for i, name in enumerate(labels)}
    try:
        ids = np.array([number[str(row["label"])] for row in rows], dtype=np.int64)
    except KeyError as error:
        raise TrainingError(f"dataset: label {error} is none of {', '.join(labels)}") from error
    return Examples([tokens.ids(str(row["text"])) for row in rows], ids)


def _padded(examples: Examples, batch: NDArray[np.int64], device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Give ids and mask, shape (rows, longest row), and label ids, shape (rows,)."""
    longest = max(len(examples.ids[i]) for i in batch)
    ids = np.full((len(batch), longest), PAD_ID, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, i in enumerate(batch):
        ids[row, : len(examples.ids[i])] = examples.ids[i]
        mask[row, : len(examples.ids[i])] = 1
    return (
        torch.from_numpy(ids).to(device),
        torch.from_numpy(mask).to(device),
        torch.from_numpy(examples.labels[batch]).to(device),
    )
