"""Trains a tabular model: settings, then data, then model, then the loop, readable from top to bottom."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from infolens.ml.classification_metrics import classification_metrics
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.devices import best_device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.tabular_model import TabularModel, TabularRecord, TabularShape, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infolens.ml.training.job import TrainingJob


@dataclass(frozen=True)
class Profile:
    """Everything that is chosen before training; each task states its own, with reasons."""

    hidden: int
    """Width of the hidden layer; 0 trains a linear correction."""
    epochs: int
    """Most epochs."""
    patience: int
    """Epochs without a better validation loss after which training ends."""
    batch_size: int
    lr: float
    weight_decay: float
    dropout: float
    class_share: float
    """How much of the loss is about the classes; the rest is about the numbers themselves."""
    log_every: int
    """Steps between two lines of training loss."""


@dataclass(frozen=True)
class Table:
    """One split: features of shape (rows, 2 + columns), events and label ids of shape (rows,)."""

    features: Sequence[Sequence[float]]
    events: Sequence[float]
    labels: Sequence[int]


def train_tabular(
    job: TrainingJob, profile: Profile, shape: TabularShape, train: Table, validation: Table
) -> TabularRecord:
    """Train, keep the weights with the least validation loss, and write them to `job.output`.

    An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very weights
    that it would have had: data order and dropout of an epoch depend on the seed and the epoch's number alone.

    Raises:
        TrainingError: there is nothing to train on, or the loss is no number.
    """
    if not train.events:
        raise TrainingError("dataset: the train split has no examples")
    settings = asdict(profile) | {"profile": job.profile, "seed": job.seed}
    log = RunLog(job, settings)
    torch.manual_seed(job.seed)

    # data and model: thousands of rows, some thousand weights; a GPU is used where there is one and is not needed
    device = best_device(half_precision=False).kind
    data = _Split(train, device), _Split(validation, device)
    model = TabularModel(shape, profile.dropout).to(device)
    model.learn_scale(data[0].features)
    log.note(f"device={device} train_rows={len(train.events)} validation_rows={len(validation.events)}")
    log.note(f"parameters={sum(weight.numel() for weight in model.parameters())}")

    # loop
    loop = _Loop(model, profile, shape.labels, data, seed=job.seed, log=log)
    metrics = loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {shape} {job.seed}"))

    record = TabularRecord(provenance=job.provenance, shape=shape, metrics=metrics, settings=settings)
    save(job.output, model.cpu(), record)
    return record


class _Split:
    """A table as tensors on the device."""

    def __init__(self, table: Table, device: str) -> None:
        features = np.asarray(table.features, dtype=np.float32)
        self.features = torch.from_numpy(features).to(device)
        self.events = torch.tensor(table.events, dtype=torch.float32, device=device)
        self.labels = torch.tensor(table.labels, dtype=torch.int64, device=device)


class _Loop:
    """AdamW at a constant rate, one validation per epoch, the best weights kept."""

    def __init__(  # noqa: PLR0913 - what a loop needs
        self,
        model: TabularModel,
        profile: Profile,
        labels: Sequence[str],
        data: tuple[_Split, _Split],
        *,
        seed: int,
        log: RunLog,
    ) -> None:
        self.model, self.profile, self.labels, self.seed, self.log = model, profile, labels, seed, log
        self.train, self.validation = data
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=profile.lr, weight_decay=profile.weight_decay)
        self.step = 0
        self.best: dict[str, Tensor] = {}
        self.best_metrics: dict[str, float] = {}
        self.best_epoch = 0

    def run(self, checkpoints: Checkpoints) -> dict[str, float]:
        """Train until validation is not better any more, or what a checkpoint leaves; the model then has the best."""
        began = time.monotonic()
        for epoch in range(self._resume(checkpoints), self.profile.epochs):
            if epoch - self.best_epoch >= self.profile.patience:
                self.log.note(f"stopped_early_after_epoch={epoch} best_epoch={self.best_epoch}")
                break
            self._epoch(epoch)
            metrics = self._validate()
            self.log.metrics(epoch=epoch + 1, step=self.step, **metrics, seconds=time.monotonic() - began)
            if metrics["validation_loss"] < self.best_metrics.get("validation_loss", math.inf):
                self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
                self.best_metrics, self.best_epoch = metrics, epoch + 1
            checkpoints.write(self._state(epoch + 1))
        self.model.load_state_dict(self.best)
        return self.best_metrics

    def _epoch(self, epoch: int) -> None:
        # One number seeds the data order and the dropout of the epoch, so that a resumed run repeats neither.
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.train.events))
        self.model.train()
        for start in range(0, len(order), self.profile.batch_size):
            batch = torch.from_numpy(order[start : start + self.profile.batch_size]).to(self.train.events.device)
            loss = self._loss(self.train.features[batch], self.train.events[batch], self.train.labels[batch])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            if self.step % self.profile.log_every == 0:
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(f"training diverged: loss is {value} at step {self.step}")
                self.log.metrics(step=self.step, epoch=epoch + 1, train_loss=value, lr=self.profile.lr)

    def _loss(self, features: Tensor, events: Tensor, labels: Tensor) -> Tensor:
        numbers = -self.model.log_likelihood(features, events).mean()
        share = self.profile.class_share
        if not share:
            return numbers
        classes = -torch.log(self.model(features).gather(1, labels[:, None]).clamp_min(1e-6)).mean()
        return (1.0 - share) * numbers + share * classes

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Log-loss of the classes, accuracy and macro-F1; of the training rows where there is no other."""
        data = self.validation if len(self.validation.events) else self.train
        self.model.eval()
        found = self.model(data.features)
        loss = -torch.log(found.gather(1, data.labels[:, None]).clamp_min(1e-6)).mean()
        if not math.isfinite(float(loss)):
            raise TrainingError(f"training diverged: validation loss is {float(loss)} at step {self.step}")
        names = np.array(self.labels)
        metrics, _ = classification_metrics(
            list(names[data.labels.cpu().numpy()]), list(names[found.argmax(dim=1).cpu().numpy()]), self.labels
        )
        return {"validation_loss": float(loss)} | {f"validation_{name}": value for name, value in metrics.items()}

    def _state(self, epochs_done: int) -> dict[str, Any]:
        return {
            "epochs_done": epochs_done,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "best_metrics": self.best_metrics,
            "best_epoch": self.best_epoch,
        }

    def _resume(self, checkpoints: Checkpoints) -> int:
        state = checkpoints.read(str(self.train.events.device))
        if state is None:
            return 0
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best, self.best_metrics = state["step"], state["best"], state["best_metrics"]
        self.best_epoch = state["best_epoch"]
        self.log.note(f"resumed_after_epoch={state['epochs_done']}")
        return int(state["epochs_done"])
