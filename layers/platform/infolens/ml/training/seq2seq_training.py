"""Fine-tunes a pretrained BART with LoRA: settings, then model, then data, then the loop."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from infolens.ml.encoder_decoder import TOKENIZER_FILE, open_tokens
from infolens.ml.rouge import rouge, rouge_words
from infolens.ml.tokens import TextTokens
from infolens.ml.training.batches import batches_of_like_lengths
from infolens.ml.training.checkpoints import Checkpoints
from infolens.ml.training.devices import Device, best_device
from infolens.ml.training.job import TrainingError
from infolens.ml.training.run_log import RunLog
from infolens.ml.training.seq2seq_model import (
    Seq2SeqRecord,
    merged,
    pretrained,
    put_weights,
    rules_of,
    save,
    trained_weights,
    with_lora,
    write_tokenizer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from infolens.ml.decoding import DecodingRules
    from infolens.ml.training.job import TrainingJob
    from infolens.ml.training.seq2seq_profile import Seq2SeqProfile

_NO_LABEL = -100
"""What cross entropy passes over."""


@dataclass(frozen=True)
class Pair:
    """One article and its summary as token ids, special ones included."""

    article: NDArray[np.int64]
    summary: NDArray[np.int64]
    reference: str


def train_seq2seq(
    job: TrainingJob,
    profile: Seq2SeqProfile,
    train: Sequence[Mapping[str, object]],
    validation: Sequence[Mapping[str, object]],
) -> Seq2SeqRecord:
    """Train on rows with "text" and "summary", keep the matrices that validated best, merge them, write the model.

    An interrupted job that finds its checkpoint goes on after the last finished epoch and ends with the very weights
    that it would have had: data order and dropout of an epoch depend on the seed and the epoch's number alone.

    Raises:
        TrainingError: there is nothing to train on, or the base model cannot be loaded.
    """
    if not train:
        raise TrainingError("dataset: the train split has no rows")
    profile = replace(profile, base_model=job.base_model or profile.base_model)
    device = best_device(half_precision=profile.half_precision)
    torch.manual_seed(job.seed)

    # model
    base = pretrained(profile.base_model, profile.max_input)
    rules = rules_of(base, profile)
    model = with_lora(base, profile.lora).to(device.kind)

    # data: the tokenizer is written first and read back in the way that serves
    write_tokenizer(profile.base_model, job.output)
    articles = open_tokens(job.output / TOKENIZER_FILE, profile.max_input)
    summaries = TextTokens(job.output / TOKENIZER_FILE, profile.max_output)
    data = _Data(
        _pairs(train, articles, summaries),
        _pairs(validation, articles, summaries),
        summaries,
        int(base.config.pad_token_id),
    )
    learning = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    log = RunLog(job, asdict(profile) | {"device": device.kind, "precision": str(device.precision), "seed": job.seed})
    log.note(
        f"train_rows={len(train)} validation_rows={len(validation)} learning={learning} "
        f"parameters={sum(weight.numel() for weight in model.parameters())}"
    )

    # loop
    loop = _Loop(cast("nn.Module", model), _Plan(profile, device, job.seed, rules), data, log)
    metrics = loop.run(Checkpoints(job.checkpoints, key=f"{job.provenance} {profile} {job.seed}"))

    record = Seq2SeqRecord(
        provenance=job.provenance,
        max_input=profile.max_input,
        rules=rules,
        metrics=metrics,
        settings=asdict(profile) | {"profile": job.profile, "seed": job.seed, "precision": str(device.precision)},
    )
    save(job.output, merged(cast("nn.Module", model)), record)
    return record


@dataclass(frozen=True)
class _Data:
    train: list[Pair]
    validation: list[Pair]
    summaries: TextTokens
    pad_id: int


def _pairs(rows: Sequence[Mapping[str, object]], articles: TextTokens, summaries: TextTokens) -> list[Pair]:
    return [
        Pair(articles.ids(str(row["text"])), summaries.ids(str(row["summary"])), str(row["summary"])) for row in rows
    ]


@dataclass(frozen=True)
class _Plan:
    profile: Seq2SeqProfile
    device: Device
    seed: int
    rules: DecodingRules


class _Loop:
    """AdamW with a linear warm-up and decay over the low-rank matrices, one validation an epoch, the best ones kept."""

    def __init__(self, model: nn.Module, plan: _Plan, data: _Data, log: RunLog) -> None:
        profile = plan.profile
        self.model, self.profile, self.device, self.seed = model, profile, plan.device, plan.seed
        self.data, self.rules, self.log = data, plan.rules, log
        self.batches_per_epoch = math.ceil(len(data.train) / profile.batch_size)
        steps = profile.epochs * math.ceil(self.batches_per_epoch / profile.accumulate)
        self.optimizer = torch.optim.AdamW(
            [weight for weight in model.parameters() if weight.requires_grad],
            lr=profile.lr,
            weight_decay=profile.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: min((step + 1) / max(1.0, profile.warmup * steps), 1.0) * (1.0 - step / steps),
        )
        self.scaler = plan.device.scaler()
        self.step = 0
        self.bad = 0
        self.best: dict[str, Tensor] = {}
        self.best_metrics: dict[str, float] = {}

    def run(self, checkpoints: Checkpoints) -> dict[str, float]:
        """Train all epochs, or those that a checkpoint leaves; the model then has the best matrices."""
        began = time.monotonic()
        for epoch in range(self._resume(checkpoints), self.profile.epochs):
            if self.bad >= self.profile.patience:
                self.log.note(f"stopped_early_after_epoch={epoch}")
                break
            self._epoch(epoch)
            metrics = self._validate()
            self.log.metrics(epoch=epoch + 1, step=self.step, **metrics, seconds=time.monotonic() - began)
            self._keep(metrics)
            checkpoints.write(self._state(epoch + 1))
        put_weights(self.model, self.best)
        return self.best_metrics

    def _keep(self, metrics: dict[str, float]) -> None:
        better = not self.best or metrics.get("validation_loss", 0.0) <= self.best_metrics.get("validation_loss", 0.0)
        self.bad = 0 if better else self.bad + 1
        if better:
            self.best, self.best_metrics = trained_weights(self.model), metrics

    def _epoch(self, epoch: int) -> None:
        # One number seeds the data order and the dropout of the epoch, so that a resumed run repeats neither.
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        lengths = [len(pair.article) for pair in self.data.train]
        batches = batches_of_like_lengths(lengths, self.profile.batch_size, np.random.default_rng((self.seed, epoch)))
        self.model.train()
        accumulate = self.profile.accumulate
        for start in range(0, len(batches), accumulate):
            group = batches[start : start + accumulate]
            loss = sum(self._learn(batch, len(group)) for batch in group)
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
            self.schedule.step()
            self.step += 1
            if self.step % self.profile.log_every == 0:
                if not math.isfinite(loss):
                    raise TrainingError(f"training diverged: loss is {loss} at step {self.step}")
                self.log.metrics(
                    step=self.step, epoch=epoch + 1, train_loss=loss, lr=float(self.schedule.get_last_lr()[0])
                )

    def _learn(self, batch: NDArray[np.int64], group: int) -> float:
        """Add the gradients of one of the `group` batches that make a step; gives its share of the loss."""
        with self.device.autocast():
            loss = self._loss([self.data.train[at] for at in batch], self.profile.label_smoothing) / group
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _loss(self, pairs: Sequence[Pair], smoothing: float) -> Tensor:
        """Mean over the tokens of the summaries."""
        articles, mask = self._padded([pair.article for pair in pairs], self.data.pad_id)
        labels, _ = self._padded([pair.summary for pair in pairs], _NO_LABEL)
        # The decoder is given what comes before each label: the start, then the labels themselves.
        given = torch.full_like(labels, self.rules.start_id)
        given[:, 1:] = labels[:, :-1]
        given = given.masked_fill(given == _NO_LABEL, self.data.pad_id)
        logits = cast("Any", self.model)(
            input_ids=articles, attention_mask=mask, decoder_input_ids=given, use_cache=False
        ).logits
        return nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=_NO_LABEL, label_smoothing=smoothing
        )

    def _padded(self, rows: Sequence[NDArray[np.int64]], padding: int) -> tuple[Tensor, Tensor]:
        ids = np.full((len(rows), max(map(len, rows))), padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        return torch.from_numpy(ids).to(self.device.kind), torch.from_numpy(mask).to(self.device.kind)

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Loss on all validation rows and ROUGE on some of them; nothing when there are none."""
        pairs = self.data.validation
        if not pairs:
            return {}
        self.model.eval()
        total, size = 0.0, self.profile.batch_size
        for start in range(0, len(pairs), size):
            batch = pairs[start : start + size]
            with self.device.autocast():
                total += float(self._loss(batch, 0.0)) * len(batch)
        found = [self._rouge(pair) for pair in pairs[: self.profile.validation_summaries]]
        means = np.mean(found, axis=0) if found else []
        names = ("validation_rouge1", "validation_rouge2", "validation_rouge_l")
        return {"validation_loss": total / len(pairs)} | dict(zip(names, map(float, means), strict=False))

    def _rouge(self, pair: Pair) -> tuple[float, float, float]:
        """ROUGE of the summary that is written now, by the rules that serve."""
        ids = torch.from_numpy(pair.article).unsqueeze(0).to(self.device.kind)
        with self.device.autocast():
            written = cast("Any", self.model).generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                num_beams=self.rules.beams,
                length_penalty=self.rules.length_penalty,
                early_stopping=self.rules.early_stopping,
                max_new_tokens=self.rules.max_tokens,
                min_length=self.rules.min_tokens,
                no_repeat_ngram_size=self.rules.no_repeat,
            )
        summary = self.data.summaries.text(written[0].tolist())
        score = rouge(rouge_words(pair.reference), rouge_words(summary))
        return score.rouge1, score.rouge2, score.rouge_l

    def _state(self, epochs_done: int) -> dict[str, Any]:
        return {
            "epochs_done": epochs_done,
            "step": self.step,
            "bad": self.bad,
            "weights": trained_weights(self.model),
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
        put_weights(self.model, state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.step, self.bad = state["step"], state["bad"]
        self.best, self.best_metrics = state["best"], state["best_metrics"]
        self.log.note(f"resumed_after_epoch={state['epochs_done']}")
        return int(state["epochs_done"])
