"""Trains a sentence ranker from nothing: settings, then data, then the members one after the other."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from infolens.ml.rouge import WEIGHTS, rouge, rouge_words
from infolens.ml.sentence_features import FEATURES, describe, read_article
from infolens.ml.sentence_ranker import MAX_PIECES, TOKENIZER_FILE, distinct_words
from infolens.ml.sentence_selection import SelectionRules, select
from infolens.ml.tokens import TextTokens
from infolens.ml.training.batches import batches_of_like_lengths
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.job import TrainingError
from infolens.ml.training.oracle_sentences import oracle
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.sentence_ranker_model import (
    RankerModel,
    RankerRecord,
    RankerShape,
    save,
)
from infolens.ml.training.subwords import train_subwords

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infolens.ml.sentence_features import Article
    from infolens.ml.training.job import TrainingJob

_LONGEST_ONLY = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class RankerProfile:
    """Everything that is chosen before training; the task states it, with reasons."""

    vocabulary: int
    word_size: int
    hidden: int
    members: int
    epochs: int
    patience: int
    """Epochs without a better validation loss after which a member stops."""
    batch_size: int
    """Articles."""
    lr: float
    weight_decay: float
    dropout: float
    length_weight: float
    """Of the error of the wanted length against that of the sentences."""
    upload_power: float
    """How far uploads of different sizes count alike: 0 not at all, 1 wholly."""
    log_every: int
    rules: SelectionRules


@dataclass(frozen=True)
class Item:
    """One article with what is learned from it."""

    article: Article
    features: NDArray[np.float32]
    pieces: list[NDArray[np.int64]]
    targets: NDArray[np.float32]
    """Of each sentence: how many of the two oracles (S0's weighted score, ROUGE-L alone) choose it, halved."""
    length: float
    """Natural logarithm of the written summary's words."""
    reference: list[str]
    weight: float


def train_sentence_ranker(
    job: TrainingJob,
    profile: RankerProfile,
    train: Sequence[Mapping[str, object]],
    validation: Sequence[Mapping[str, object]],
) -> RankerRecord:
    """Train on rows with "text" and "summary" (and "upload_id", where uploads are to count alike); write the model.

    An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very weights
    that it would have had: order and dropout of an epoch depend on the seed, the member and the epoch alone.

    Raises:
        TrainingError: there is nothing to train on.
    """
    if not train:
        raise TrainingError("dataset: the train split has no rows")
    began = time.monotonic()
    train_subwords((str(row["text"]) for row in train), profile.vocabulary).save(str(job.output / TOKENIZER_FILE))
    tokens = TextTokens(job.output / TOKENIZER_FILE, MAX_PIECES)
    items, held_out = _items(train, tokens, profile.upload_power), _items(validation, tokens, 0.0)
    log = RunLog(job, asdict(profile) | {"device": "cpu", "precision": str(torch.float32), "seed": job.seed})
    log.note(f"train_rows={len(items)} validation_rows={len(held_out)} label_seconds={time.monotonic() - began:.1f}")

    shape = RankerShape(tokens.vocabulary, profile.word_size, profile.hidden, profile.members)
    torch.manual_seed(job.seed)
    model = RankerModel(shape, profile.dropout)
    _set_standard(model, items)
    loop = _Loop(model, profile, job.seed, log, _Data(items, held_out))
    loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {job.seed}"))
    metrics = validate(model, held_out, tokens, profile.rules)
    log.metrics(step=loop.step, **metrics, seconds=time.monotonic() - began)
    record = RankerRecord(
        provenance=job.provenance,
        shape=shape,
        rules=profile.rules,
        metrics=metrics,
        settings=asdict(profile) | {"profile": job.profile, "seed": job.seed},
    )
    save(job.output, model, record)
    return record


def _items(rows: Sequence[Mapping[str, object]], tokens: TextTokens, upload_power: float) -> list[Item]:
    uploads = [str(row.get("upload_id", "")) for row in rows]
    size = {name: uploads.count(name) for name in set(uploads)}
    items = []
    for row, upload in zip(rows, uploads, strict=True):
        article, summary = read_article(str(row["text"])), str(row["summary"])
        reference, words = rouge_words(summary), [rouge_words(sentence) for sentence in article.sentences]
        targets = np.zeros(len(words), dtype=np.float32)
        for weights in (WEIGHTS, _LONGEST_ONLY):
            targets[oracle(reference, words, weights)] += 0.5
        items.append(
            Item(
                article=article,
                features=describe(article),
                pieces=[tokens.ids(sentence)[1:-1] for sentence in article.sentences],
                targets=targets,
                length=math.log(max(1, len(distinct_words(summary)))),
                reference=reference,
                weight=(len(rows) / len(size) / size[upload]) ** upload_power,
            )
        )
    return items


def _set_standard(model: RankerModel, items: Sequence[Item]) -> None:
    features = np.concatenate([item.features for item in items])
    model.middle.copy_(torch.from_numpy(features.mean(axis=0)))  # type: ignore[operator]
    model.spread.copy_(torch.from_numpy(features.std(axis=0) + 1e-3))  # type: ignore[operator]


@dataclass(frozen=True)
class _Data:
    train: Sequence[Item]
    validation: Sequence[Item]


class _Loop:
    """AdamW with a linear decay for each member, one validation an epoch, the best weights kept."""

    def __init__(self, model: RankerModel, profile: RankerProfile, seed: int, log: RunLog, data: _Data) -> None:
        self.model, self.profile, self.seed, self.log = model, profile, seed, log
        self.train, self.validation = data.train, data.validation
        self.steps_per_epoch = math.ceil(len(data.train) / profile.batch_size)
        self.step = 0

    def run(self, checkpoints: Checkpoints) -> None:
        """Train all members, or what a checkpoint leaves of them."""
        state = checkpoints.read("cpu")
        if state is not None:
            self.model.load_state_dict(state["model"])
            self.step = state["step"]
            self.log.note(f"resumed_after_member={state['member']} epoch={state['epochs_done']}")
        for number in range(state["member"] if state else 0, self.profile.members):
            self._member(number, checkpoints, state)
            state = None

    def _member(self, number: int, checkpoints: Checkpoints, state: dict[str, Any] | None) -> None:
        member = self.model.members[number]
        steps = self.profile.epochs * self.steps_per_epoch
        optimizer = torch.optim.AdamW(member.parameters(), lr=self.profile.lr, weight_decay=self.profile.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / steps)
        best, best_loss, bad, first = member.state_dict(), math.inf, 0, 0
        best = {name: value.clone() for name, value in best.items()}
        if state is not None:
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
            best, best_loss, bad, first = state["best"], state["best_loss"], state["bad"], state["epochs_done"]
        for epoch in range(first, self.profile.epochs):
            if bad >= self.profile.patience:
                break
            self._epoch(number, epoch, optimizer, schedule)
            loss = self._validation_loss(number)
            self.log.metrics(member=number + 1, epoch=epoch + 1, step=self.step, validation_loss=loss)
            bad = 0 if loss < best_loss else bad + 1
            if loss < best_loss or not self.validation:
                best_loss = loss
                best = {name: value.detach().clone() for name, value in member.state_dict().items()}
            checkpoints.write(
                {
                    "member": number,
                    "epochs_done": epoch + 1,
                    "step": self.step,
                    "model": self.model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "best": best,
                    "best_loss": best_loss,
                    "bad": bad,
                }
            )
        member.load_state_dict(best)

    def _epoch(
        self,
        number: int,
        epoch: int,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
    ) -> None:
        # One number seeds order and dropout of the epoch, so that a resumed run repeats neither.
        torch.manual_seed((self.seed * 1_009 + number) * 1_003 + epoch)
        self.model.train()
        for batch in self._batches(np.random.default_rng((self.seed, number, epoch))):
            loss = self._loss(number, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.members[number].parameters(), 1.0)
            optimizer.step()
            schedule.step()
            self.step += 1
            if self.step % self.profile.log_every == 0:
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(f"training diverged: loss is {value} at step {self.step}")
                self.log.metrics(step=self.step, epoch=epoch + 1, train_loss=value, lr=float(schedule.get_last_lr()[0]))

    def _batches(self, source: np.random.Generator) -> list[list[Item]]:
        """Cut the articles into batches in a random order."""
        batches = batches_of_like_lengths(
            [len(item.targets) for item in self.train], self.profile.batch_size, source, pool=8
        )
        return [[self.train[at] for at in batch] for batch in batches]

    def _loss(self, number: int, batch: Sequence[Item]) -> Tensor:
        """Mean over articles, so that a long one counts no more than a short one."""
        features, pieces, targets, mask = _padded(batch)
        logits, length = self.model.members[number](self.model.standardised(features), pieces, mask)
        losses = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        weight = torch.tensor([item.weight for item in batch])
        of_sentences = (losses * mask).sum(dim=1) / mask.sum(dim=1)
        of_length = (length - torch.tensor([item.length for item in batch])).square()
        return cast("Tensor", (weight * (of_sentences + self.profile.length_weight * of_length)).mean())

    @torch.no_grad()
    def _validation_loss(self, number: int) -> float:
        self.model.eval()
        size = self.profile.batch_size
        total = 0.0
        for start in range(0, len(self.validation), size):
            batch = self.validation[start : start + size]
            total += float(self._loss(number, batch)) * len(batch)
        return total / max(1, len(self.validation))


def _padded(batch: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give features, pieces, targets and mask of a batch, padded to its largest article."""
    count = max(len(item.targets) for item in batch)
    longest = max(1, *(len(line) for item in batch for line in item.pieces), 1)
    features = np.zeros((len(batch), count, len(FEATURES)), dtype=np.float32)
    pieces = np.zeros((len(batch), count, longest), dtype=np.int64)
    targets = np.zeros((len(batch), count), dtype=np.float32)
    mask = np.zeros_like(targets)
    for row, item in enumerate(batch):
        sentences = len(item.targets)
        features[row, :sentences] = item.features
        targets[row, :sentences] = item.targets
        mask[row, :sentences] = 1.0
        for at, line in enumerate(item.pieces):
            pieces[row, at, : len(line)] = line
    return torch.from_numpy(features), torch.from_numpy(pieces), torch.from_numpy(targets), torch.from_numpy(mask)


@torch.no_grad()
def validate(model: RankerModel, items: Sequence[Item], tokens: TextTokens, rules: SelectionRules) -> dict[str, float]:
    """Mean ROUGE of the summaries that the model chooses as it would be served; nothing when there are no items."""
    model.eval()
    found = []
    for item in items:
        features, pieces, _, _ = _padded([item])
        chances, length = model(features, pieces)
        words = [distinct_words(sentence) for sentence in item.article.sentences]
        counts = [len(tokens.ids(sentence)) - 2 for sentence in item.article.sentences]
        chosen = select(chances[0].tolist(), words, counts, math.exp(float(length[0])), rules)
        found.append(rouge(item.reference, rouge_words(" ".join(item.article.sentences[at] for at in chosen))))
    if not found:
        return {}
    return {
        "validation_rouge1": float(np.mean([score.rouge1 for score in found])),
        "validation_rouge2": float(np.mean([score.rouge2 for score in found])),
        "validation_rouge_l": float(np.mean([score.rouge_l for score in found])),
        "validation_weighted_rouge": float(np.mean([score.weighted for score in found])),
    }
