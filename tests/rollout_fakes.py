"""Literals and fakes with behaviour for everything about rollouts."""

from __future__ import annotations

from dataclasses import replace

from infolens.aws.alias import AliasExistsError, StaleAliasError, VersionMissingError
from infolens.aws.rollouts import RolloutInProgressError, StaleRecordError
from infolens.contracts.model import ModelRecord
from infolens.contracts.rollout import AlarmLimits, AliasState, Arm, Guardrails, Plan, RolloutRecord
from infolens.rollout.evidence import Evidence
from infolens.usecases.rollout import Ports

START = "2026-03-01T12:00:00.000000+00:00"
TASK = "news_category"

GUARDRAILS = Guardrails(max_error_rate=0.02, max_error_rate_increase=0.01, max_latency_ratio=1.5, max_latency_ms=400.0)
ALARMS = AlarmLimits(period_seconds=10, faults_per_period=3, latency_ms=400.0, min_latency_periods=2)
PLAN = Plan(
    weights=(20, 40, 60, 80, 100),
    min_requests=1500,
    look_seconds=60,
    max_step_seconds=14400,
    guardrails=GUARDRAILS,
    alarms=ALARMS,
)


def arm(version, requests=1500, faults=0, p95=100.0, **others):
    """One version that answered well; the bounds of its p95 lie a tenth around it."""
    bounds = {} if p95 is None else {"latency_p95_low_ms": 0.9 * p95, "latency_p95_high_ms": 1.1 * p95}
    others = bounds | others
    return Arm(version, requests, faults, p95, p95, **others)


def record(**others):
    """A rollout of version 2 over champion 1 in its first step."""
    base = RolloutRecord("r1", TASK, "1", "2", PLAN, 0, START, "rev-1", "running", forced=False)
    return replace(base, **others)


def alias(champion="1", candidate="2", weight=20, revision_id="rev-1"):
    """The alias as the record above wrote it."""
    return AliasState(champion, candidate, weight, revision_id)


def look(**others):
    """A look, one minute into the step, at two healthy versions."""
    base = Evidence(
        record=record(),
        alias=alias(),
        champion=arm("1", 6000),
        candidate=arm("2", 1500),
        at="2026-03-01T12:01:00.000000+00:00",
    )
    return replace(base, **others)


class FakeAliases:
    """An alias that refuses a stale revision as Lambda does, and lets a test step in between reading and writing."""

    def __init__(self, state=None):
        self.state = state
        self.digests = {}
        self.writes = []
        self.before_read = None
        self.before_write = None
        self.after_write = None
        self._count = 100

    def read(self, function):
        """Read it."""
        if self.before_read:
            step_in, self.before_read = self.before_read, None
            step_in()
        return self.state

    def create(self, function, version):
        """Create it once."""
        if self.state is not None:
            raise AliasExistsError(function)
        return self.move(version, "", 0)

    def write(self, function, champion, candidate, weight, revision_id):
        """Write over the revision named, and no other."""
        if self.before_write:
            step_in, self.before_write = self.before_write, None
            step_in()
        if self.state is None or self.state.revision_id != revision_id:
            raise StaleAliasError(function)
        written = self.move(champion, candidate, weight)
        if self.after_write:
            step_in, self.after_write = self.after_write, None
            step_in()
        return written

    def pinned_digest(self, function, version):
        """Digest that was published."""
        if version not in self.digests:
            raise VersionMissingError(f"{function} has no version {version}")
        return self.digests[version]

    def move(self, champion, candidate, weight):
        """Move the alias as any hand may: under a new revision."""
        self._count += 1
        self.state = AliasState(champion, candidate, weight, f"rev-{self._count}")
        self.writes.append((champion, candidate, weight))
        return self.state


class FakeStore:
    """The table in memory: one owner per task, compare-and-swap, history that only grows."""

    def __init__(self):
        self.records = {}
        self.events = []
        self.before_replace = None

    def current(self, task):
        """Read the owner."""
        return self.records.get(task)

    def claim(self, record, event):
        """Become the owner where none runs."""
        owner = self.records.get(record.task)
        if owner is not None and owner.status == "running":
            raise RolloutInProgressError(owner)
        self.records[record.task] = record
        self.events.append(event)

    def replace(self, old, new, event=None):
        """Compare and swap."""
        if self.before_replace:
            step_in, self.before_replace = self.before_replace, None
            step_in()
        if self.records.get(old.task) != old:
            raise StaleRecordError(old.rollout_id)
        self.records[new.task] = new
        if event is not None:
            self.events.append(event)

    def append(self, event):
        """Add a line."""
        self.events.append(event)

    def history(self, task, limit=100):
        """Read the newest lines."""
        return tuple(event for event in self.events if event.task == task)[-limit:]

    def told(self):
        """The history in short: event and weight."""
        return [(event.event, event.weight) for event in self.events]


class FakeModels:
    """A registry in memory."""

    def __init__(self):
        self.records = {}

    def get(self, task, version):
        """Find a record."""
        return self.records.get((task, version))


class FakeMetrics:
    """Arms by version; a version without one was never seen."""

    def __init__(self):
        self.arms = {}
        self.asked = []

    def arm(self, task, version, since, until):
        """Give what was planted, and note what was asked."""
        self.asked.append((version, since, until))
        return self.arms.get(version, Arm(version, 0, 0, None, None))


class FakeAlarms:
    """Alarms by rollout, with the limit that they were given."""

    def __init__(self):
        self.watched = {}
        self.alarming = ()

    def create(self, record, limits):
        """Watch."""
        self.watched[record.rollout_id] = limits

    def firing(self, record):
        """Say what was planted."""
        return self.alarming

    def delete(self, record):
        """Stop watching."""
        self.watched.pop(record.rollout_id, None)


class FakeObservations:
    """Joined records that a test plants."""

    def __init__(self):
        self.joined = ()

    def of_rollout(self, rollout_id, since, limit):
        """Give the newest of the rollout."""
        found = [one for one in self.joined if one.rollout_id == rollout_id and one.at >= since.isoformat()]
        return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:limit])


class World:
    """Everything around a rollout: version 1 is live, version 2 is registered with passed gates."""

    def __init__(self):
        self.aliases = FakeAliases()
        self.store = FakeStore()
        self.models = FakeModels()
        self.metrics = FakeMetrics()
        self.alarms = FakeAlarms()
        self.observations = FakeObservations()
        self.ports = Ports(
            self.aliases, self.store, self.models, self.metrics, self.alarms, self.observations, "infolens-predict-"
        )
        self.register("1")
        self.register("2")
        self.aliases.state = AliasState("1", "", 0, "rev-0")

    def register(self, version, *, passed=True, reasons=(), digest=None, pinned=None):
        """Register a version, and publish it with the bundle it pins."""
        digest = digest or f"digest-{version}"
        self.models.records[TASK, version] = ModelRecord(
            task=TASK,
            version=version,
            bundle_uri=f"s3://models/bundles/{TASK}/{digest}/",
            bundle_digest=digest,
            run_id="run",
            dataset_id="dataset",
            code_version="code",
            metrics={},
            verdict_passed=passed,
            verdict_reasons=reasons,
            registered_at=START,
            registered_by="state-machine",
        )
        self.aliases.digests[version] = pinned or digest

    @property
    def split(self):
        """Who gets what: champion, candidate, weight."""
        state = self.aliases.state
        return state.champion, state.candidate, state.weight

    @property
    def record(self):
        """The owner's record."""
        return self.store.records[TASK]
