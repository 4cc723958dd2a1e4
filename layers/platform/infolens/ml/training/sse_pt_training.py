"""Trains SSE-PT: settings, then data, then model, then the loop, readable from top to bottom."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from infolens.ml.ranking_metrics import hit_rate, ndcg
from infolens.ml.sequential_recommender import UNKNOWN_USER
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.devices import Device, best_device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.sse_pt_data import (
    NO_TARGET,
    cases,
    catalogue_of,
    numbered,
    padded,
    shared_user_vectors,
    windows,
    windows_of,
)
from infolens.ml.training.sse_pt_model import Shape, SsePt, SsePtRecord, save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.sse_pt_data import Batch, Case, History, Numbered

_VALIDATED = 5
"""Latest items of each validation user that are asked for: one each would leave a choice of epochs to chance."""

_VALIDATION_BATCH = 256
_TOP = 10

OBJECTIVE = "validation_ndcg_at_10"
"""What the best weights are the best by."""


@dataclass(frozen=True)
class Profile:
    """Everything that is chosen before training; each task states its own, with reasons."""

    item_dim: int
    user_dim: int
    max_length: int
    """Items of a sequence that are read, the latest ones."""
    blocks: int
    heads: int
    dropout: float
    embedding_dropout: float
    replaced_items: float
    """SSE: share of the items of a sequence that another one stands in for, at random, in each step."""
    replaced_users: float
    """SSE: share of the users that another one stands in for."""
    unknown_users: float
    """SSE: share of the users that the vector of unknown users stands in for, which learns from all of them so."""
    epochs: int
    min_steps: int
    """Small datasets get more epochs, until this many steps are made."""
    patience: int
    """Epochs without a better validation after which training stops."""
    batch_size: int
    """Windows."""
    lr: float
    warmup: float
    """Share of the steps in which the learning rate rises."""
    weight_decay: float
    half_precision: bool
    log_every: int
    """Steps between two lines of training loss."""


@dataclass(frozen=True)
class Data:
    """What a run learns from and is validated on."""

    learned: Sequence[Numbered]
    asked: Sequence[Case]
    seed: int


def train_sse_pt(
    job: TrainingJob, profile: Profile, train: Sequence[History], validation: Sequence[History]
) -> SsePtRecord:
    """Learn from histories, keep the weights that validated best, and write them to `job.output`.

    Validation asks for the latest items of users that the model does not know: they are the harder half of what it is
    for. An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very
    weights that it would have had: everything random in an epoch depends on the seed and the epoch's number alone.

    Raises:
        TrainingError: there is nothing to learn from, the profile makes no model, or training diverges.
    """
    _check(profile)
    device = best_device(half_precision=profile.half_precision)
    torch.manual_seed(job.seed)

    # data
    if not any(len(history.items) > 1 for history in train):
        raise TrainingError("dataset: the train split has no user with two items")
    catalogue = catalogue_of(train)
    learned = [one for one in numbered(train, catalogue) if len(one.items) > 1]
    data = Data(learned, cases(numbered(validation, catalogue), _VALIDATED), job.seed)

    # model
    shape = Shape(
        items=len(catalogue.items),
        users=len(catalogue.users),
        item_dim=profile.item_dim,
        user_dim=profile.user_dim,
        max_length=profile.max_length,
        blocks=profile.blocks,
        heads=profile.heads,
    )
    model = SsePt(shape, profile.dropout, profile.embedding_dropout)
    _start_from_company(model, learned, np.array(catalogue.counts), job.seed)
    model.to(device.kind)
    settings = asdict(profile) | {"profile": job.profile, "seed": job.seed, "precision": str(device.precision)}
    log = RunLog(job, settings | {"device": device.kind})
    log.note(
        f"users={shape.users} items={shape.items} choices={sum(catalogue.counts)} validation_cases={len(data.asked)} "
        f"parameters={sum(weight.numel() for weight in model.parameters())}"
    )

    # loop
    loop = _Loop(model, profile, device, data, log)
    metrics = loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {job.seed}"))

    record = SsePtRecord(provenance=job.provenance, shape=shape, metrics=metrics, settings=settings)
    save(job.output, model, catalogue, record)
    return record


def _check(profile: Profile) -> None:
    """Refuse settings that make no model; a tuning job may come to any combination.

    Raises:
        TrainingError: with the settings in question.
    """
    width = profile.item_dim + profile.user_dim
    if width % profile.heads:
        raise TrainingError(f"profile: item_dim + user_dim = {width} is not divisible by {profile.heads} heads")
    shares = ("dropout", "embedding_dropout", "replaced_items", "replaced_users", "unknown_users")
    for name in shares:
        if not 0.0 <= getattr(profile, name) < 1.0:
            raise TrainingError(f"profile: {name} = {getattr(profile, name)} is no share from 0 to below 1")
    if profile.replaced_users + profile.unknown_users > 1.0:
        raise TrainingError("profile: replaced_users and unknown_users are more than all users together")


class _Loop:
    """AdamW with a linear warm-up and decay, one validation per epoch, the best weights kept."""

    def __init__(self, model: SsePt, profile: Profile, device: Device, data: Data, log: RunLog) -> None:
        self.model, self.profile, self.device, self.log = model, profile, device, log
        self.learned, self.asked, self.seed = data.learned, data.asked, data.seed
        steps_per_epoch = math.ceil(windows_of(data.learned, profile.max_length) / profile.batch_size)
        self.epochs = max(profile.epochs, math.ceil(profile.min_steps / steps_per_epoch))
        steps = self.epochs * steps_per_epoch
        matrices = [weight for weight in model.parameters() if weight.dim() > 1]
        others = [weight for weight in model.parameters() if weight.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": profile.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=profile.lr,
            betas=(0.9, 0.98),  # SASRec's: the rows of rare items see few gradients, so the scale must forget sooner
        )
        # The number of batches differs by a few from epoch to epoch, as windows are cut at random places.
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: min((step + 1) / max(1.0, profile.warmup * steps), 1.0) * max(1.0 - step / steps, 0.01),
        )
        self.scaler = device.scaler()
        self.step = 0
        self.best: dict[str, Tensor] = {}
        self.best_metrics: dict[str, float] = {}
        self.best_epoch = 0

    def run(self, checkpoints: Checkpoints) -> dict[str, float]:
        """Train all epochs, or those that a checkpoint leaves, or until patience ends; then take the best weights."""
        began = time.monotonic()
        done = self._resume(checkpoints)
        while done < self.epochs and (not self.asked or done - self.best_epoch < self.profile.patience):
            self._epoch(done)
            done += 1
            metrics = self._validate()
            self.log.metrics(
                epoch=done, epochs=self.epochs, step=self.step, **metrics, seconds=time.monotonic() - began
            )
            if not self.best or metrics.get(OBJECTIVE, 1.0) > self.best_metrics.get(OBJECTIVE, 0.0):
                self.best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
                self.best_metrics, self.best_epoch = metrics, done
            checkpoints.write(self._state(done))
        self.model.load_state_dict(self.best, strict=True)
        return self.best_metrics

    def _epoch(self, epoch: int) -> None:
        # One number seeds the windows and the other all that torch draws, so that a resumed run repeats neither.
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        source = np.random.default_rng((self.seed, epoch))
        profile = self.profile
        self.model.train()
        for batch in windows(self.learned, self.model.padding, profile.max_length, profile.batch_size, source):
            with self.device.autocast():
                loss = self._loss(batch)
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            self.step += 1
            if self.step % profile.log_every == 0:
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(f"training diverged: loss is {value} at step {self.step}")
                rate = float(self.schedule.get_last_lr()[0])
                self.log.metrics(step=self.step, epoch=epoch + 1, train_loss=value, lr=rate)

    def _loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of each next item against all that had not been chosen by then.

        All items at once, not one random negative each: a softmax over the catalogue is what gSASRec (Petrov and
        Macdonald, RecSys 2023) approaches, and thousands of items are few. What was chosen before is no candidate when
        the model answers, so learning to put it last would be effort for nothing.
        """
        users, items, targets, turns, met = (
            torch.from_numpy(one).to(self.device.kind)
            for one in (batch.users, batch.items, batch.targets, batch.turns, batch.met)
        )
        states = self.model.states(self._with_replaced_items(items), self._with_replaced_users(users))
        places = targets != NO_TARGET
        window = torch.arange(len(users), device=self.device.kind).unsqueeze(1).expand_as(targets)[places]
        logits = self.model.logits(states[places]).float()
        logits = logits.masked_fill(met[window] < turns[places].unsqueeze(1), float("-inf"))
        return nn.functional.cross_entropy(logits, targets[places])

    def _with_replaced_items(self, items: Tensor) -> Tensor:
        """SSE: let another item, any with the same chance, stand in for some."""
        chosen = torch.rand(items.shape, device=items.device) < self.profile.replaced_items
        others = torch.randint(self.model.padding, items.shape, device=items.device)
        return torch.where(chosen & (items != self.model.padding), others, items)

    def _with_replaced_users(self, users: Tensor) -> Tensor:
        """SSE: let another user stand in for some, and for more of them the one vector of all unknown users."""
        drawn = torch.rand(users.shape, device=users.device)
        others = torch.randint(self.model.users.num_embeddings, users.shape, device=users.device)
        users = torch.where(drawn < self.profile.replaced_users, others, users)
        return torch.where(drawn > 1.0 - self.profile.unknown_users, UNKNOWN_USER, users)

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Hit@10 and NDCG@10 on the whole catalogue; nothing when there is nobody to ask about."""
        if not self.asked:
            return {}
        self.model.eval()
        ranks: list[float] = []
        for start in range(0, len(self.asked), _VALIDATION_BATCH):
            ranks += self._ranks(self.asked[start : start + _VALIDATION_BATCH])
        return {"validation_hit_at_10": hit_rate(ranks, _TOP), OBJECTIVE: ndcg(ranks, _TOP)}

    def _ranks(self, asked: Sequence[Case]) -> list[float]:
        """Place of each target among all items that are not in its sequence."""
        items = padded([case.items for case in asked], self.profile.max_length, self.model.padding)
        users = torch.full((len(asked),), UNKNOWN_USER, device=self.device.kind)
        with self.device.autocast():
            logits = self.model(torch.from_numpy(items).to(self.device.kind), users).float().cpu().numpy()
        ranks = []
        for case, row in zip(asked, logits, strict=True):
            score = row[case.target]
            row[case.items] = -np.inf
            row[case.target] = -np.inf
            ranks.append(float((~(row < score)).sum()))
        return ranks

    def _state(self, done: int) -> dict[str, Any]:
        return {
            "epochs_done": done,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "best": self.best,
            "best_metrics": self.best_metrics,
            "best_epoch": self.best_epoch,
        }

    def _resume(self, checkpoints: Checkpoints) -> int:
        state = checkpoints.read(self.device.kind)
        if state is None:
            return 0
        self.model.load_state_dict(state["model"], strict=True)
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.step, self.best = state["step"], state["best"]
        self.best_metrics, self.best_epoch = state["best_metrics"], state["best_epoch"]
        self.log.note(f"resumed_after_epoch={state['epochs_done']}")
        return int(state["epochs_done"])


@torch.no_grad()
def _start_from_company(model: SsePt, learned: Sequence[Numbered], counts: NDArray[np.int64], seed: int) -> None:
    """Begin with what the rows say at once: items that the same users chose lie close, popular ones have a bias."""
    vectors = shared_user_vectors([one.items for one in learned], len(counts), model.items.embedding_dim, seed)
    model.items.weight[: model.padding] = torch.from_numpy(vectors)
    popularity = np.log((counts + 1.0) / (counts + 1.0).mean())
    model.bias.copy_(torch.from_numpy(0.5 * popularity))  # half: the vectors know some of it, too
