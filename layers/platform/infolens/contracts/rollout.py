"""The records of a rollout: its plan, what was seen, what was decided, and its history."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a look at the evidence leads to."""

    ADVANCE = "advance"
    PROMOTE = "promote"
    HOLD = "hold"
    ROLL_BACK = "roll_back"
    EXPIRE = "expire"
    ABORT = "abort"


@dataclass(frozen=True)
class Guardrails:
    """When a candidate is worse than its champion."""

    max_error_rate: float
    """Share of handled 5xx that is never accepted, whatever the champion does (S0 code: 0.02)."""
    max_error_rate_increase: float
    """Accepted excess over the champion's own error rate."""
    max_latency_ratio: float
    """Accepted ratio of warm p95 latencies, candidate over champion."""
    max_latency_ms: float
    """Warm p95 latency that is never accepted (S2-08: 400 ms alerts)."""
    max_null_rate_increase: float | None = None
    """Accepted excess of null, empty or degenerate answers over the champion's share; None asks for no count of
    them."""
    max_mix_shift: float | None = None
    """Accepted change of any one answer's share of all answers; None where answers are no labels."""
    max_cost_ratio: float | None = None
    """Accepted ratio of what a typical request costs (ms times GB), seen on pairs; None asks for none."""
    max_quality_loss: float | None = None
    """Accepted loss of the mean score per labelled request (accuracy, or a score in [0, 1]); None: no labels wanted."""


@dataclass(frozen=True)
class Shadow:
    """The stage before the first weight: the candidate answers copies of requests, and nobody sees its answers."""

    min_pairs: int
    """Requests that both versions must have answered (S0 code: 6000)."""
    max_seconds: int
    """A stage that has not gathered its evidence by then expires; labels arrive late, so longer than a step."""


@dataclass(frozen=True)
class AlarmLimits:
    """The second brake: CloudWatch alarms on the candidate's version, independent of the state machine."""

    period_seconds: int
    """10, 30 or a multiple of 60 (CloudWatch)."""
    faults_per_period: int
    """Handled 5xx within one period that take the alias back at once."""
    latency_ms: float
    """Average warm latency over one period that takes the alias back at once."""
    min_latency_periods: int
    """Consecutive slow periods before the latency alarm fires."""


@dataclass(frozen=True)
class Plan:
    """How a candidate is brought in. Given in the input of the state machine, so that each task may have its own."""

    weights: tuple[int, ...]
    """Percent of the traffic per step, rising, ending at 100 (S0 code: 20, 40, 60, 80, 100)."""
    min_requests: int
    """Requests the candidate must have answered within a step before the step is judged (S0 code: 1500)."""
    look_seconds: int
    """Time between two looks."""
    max_step_seconds: int
    """A step that has not gathered its requests by then expires: no evidence is never success."""
    guardrails: Guardrails
    alarms: AlarmLimits
    shadow: Shadow | None = None
    """None begins at the first weight."""
    sticky: bool = False
    """Whether a user who is known by a key stays on one side while the weights rise."""


@dataclass(frozen=True)
class Arm:
    """What was seen of one version during the present step. None says that a metric is missing, which is not zero."""

    version: str
    requests: int
    faults: int
    latency_p95_ms: float | None
    latency_mean_ms: float | None
    latency_p95_low_ms: float | None = None
    """What the true p95 exceeds but for a stated error probability; None when there are too few requests to say."""
    latency_p95_high_ms: float | None = None
    """What the true p95 does not exceed, likewise."""
    warm: int | None = None
    """Warm requests, those that the latencies are of; None where only all requests were counted."""
    slow: int | None = None
    """Warm requests that took longer than the plan's max_latency_ms."""
    nulls: int | None = None
    """Answers that were null, empty or degenerate."""
    answers: dict[str, int] | None = None
    """Answer -> how often it was given: the 20 most frequent of both versions, the rest as "other"."""
    gb_ms: float | None = None
    """What the requests cost: the sum of milliseconds times GB of memory."""
    labelled: int | None = None
    """Answers that a label has come for, each once."""
    right: int | None = None
    """Labelled answers that were right."""


@dataclass(frozen=True)
class Disagreement:
    """A request that the two versions answered differently, for a person to look at."""

    prediction_id: str
    champion: str
    candidate: str


@dataclass(frozen=True)
class Pairs:
    """Requests of the present step that both versions answered: one to the user, the other in the shadow."""

    pairs: int
    agree: int
    """Pairs with the same answer."""
    only_candidate_failed: int
    only_champion_failed: int
    only_candidate_null: int | None = None
    only_champion_null: int | None = None
    timed: int | None = None
    """Pairs in which both answers came from warm environments."""
    slower: int | None = None
    """Timed pairs in which the candidate took longer than max_latency_ratio times the champion's time."""
    costlier: int | None = None
    """Timed pairs in which the candidate cost more than max_cost_ratio times what the champion cost."""
    gained: dict[str, int] | None = None
    """Answer -> pairs in which only the candidate gave it (the answers of `Arm.answers`)."""
    lost: dict[str, int] | None = None
    """Answer -> pairs in which only the champion gave it."""
    examples: tuple[Disagreement, ...] = ()
    """The first disagreements."""


@dataclass(frozen=True)
class Labels:
    """Labels of pairs, each joined once; they count from the beginning of the rollout, not of the step."""

    differences: dict[int, int]
    """Score of the candidate less that of the champion on the same request, in hundredths -> pairs. Right or wrong
    gives 100, 0 and -100; a score in between is rounded up or down by chance so that its mean is kept
    (rounded_difference)."""
    pairs: int
    """Pairs that were made since the rollout began, labelled or not: tells how often a label comes."""


@dataclass(frozen=True)
class KeyedSides:
    """Users that were kept on one side during the present step, each bucket of them once, however much it asked."""

    champion: int
    """Buckets that the champion answered."""
    candidate: int
    """Buckets that the candidate answered."""
    both: int
    """Buckets that both answered: users that came over when the step began, or were sent astray."""


@dataclass(frozen=True)
class AliasState:
    """The alias as AWS tells it; the truth about who serves."""

    champion: str
    """Version with the rest of the traffic."""
    candidate: str
    """Version with the additional weight; "" when there is none."""
    weight: int
    """Percent that goes to the candidate."""
    revision_id: str


@dataclass(frozen=True)
class Decision:
    """What to do, to which weight, and why, in words with value, limit and n."""

    action: Action
    weight: int
    """Percent for the candidate after the decision was applied."""
    reasons: tuple[str, ...]
    more_requests: int = 0
    """For a hold: how many requests of the candidate (in the shadow: pairs) are missing, as things look now."""
    more_seconds: int | None = None
    """For a hold: how long that takes at the present traffic; None where it cannot be said."""


@dataclass(frozen=True)
class RolloutRecord:
    """Who owns a task's alias at present."""

    rollout_id: str
    task: str
    champion: str
    candidate: str
    plan: Plan
    step: int
    """Index into plan.weights of the step in force; -1 before the first, which is the shadow where the plan has one."""
    step_started_at: str
    """ISO 8601, UTC."""
    revision_id: str
    """Alias revision that the rollout wrote last; another one means that somebody moved the alias by hand."""
    status: str
    """"running", "promoted", "rolled_back", "expired" or "aborted"."""
    forced: bool
    """An operator started it past refused gates."""
    held_by: str = ""
    """Operator who holds the weight where it is; "" for nobody. Nothing is raised and nothing expires until it is
    resumed, but a limit that is proved broken, and an alarm, take back all the same."""


@dataclass(frozen=True)
class HistoryEvent:
    """One line of the append-only history of a task's alias."""

    task: str
    rollout_id: str
    at: str
    """ISO 8601, UTC."""
    who: str
    """"state-machine", "alarm:<name>" or "operator:<name>"."""
    event: str
    """started, weight, held, promoted, rolled_back, expired, aborted, weight_by_hand, held_by_hand, resumed."""
    champion: str
    candidate: str
    weight: int
    reasons: tuple[str, ...]
    evidence: dict[str, object]
