"""Bounds on a rate that stay true however often they are looked at, so that a look costs no error probability.

A beta-binomial mixture of likelihood ratios is a test martingale under the true rate p: with k events in n requests

    M(p) = B(k + 1/2, n - k + 1/2) / (B(1/2, 1/2) * p^k * (1 - p)^(n - k)),

and Ville's inequality gives P(there is ever an n with M(p) >= 1/alpha) <= alpha. The rates not refused by M form a
confidence sequence (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49(2), 2021, section 3). Contrast a fixed-sample test looked at 12 times,
which takes back a healthy model 83 % of the time (DESIGN, section 5).
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf, lgamma, log

_PRIOR = 0.5
_LOG_PRIOR_BETA = lgamma(_PRIOR) * 2 - lgamma(2 * _PRIOR)
_HALVINGS = 60  # a bisection of [0, 1] down to the precision of a double


def log_evidence(events: int, trials: int, rate: float) -> float:
    """Logarithm of M(rate): how strongly `events` of `trials` speak against `rate`.

    Raises:
        ValueError: there are more events than trials, or fewer than none.
    """
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events of {trials} trials")
    calm = trials - events
    mixture = lgamma(events + _PRIOR) + lgamma(calm + _PRIOR) - lgamma(trials + 2 * _PRIOR) - _LOG_PRIOR_BETA
    return mixture - _times_log(events, rate) - _times_log(calm, 1 - rate)


def proves_over(events: int, trials: int, limit: float, alpha: float) -> bool:
    """Whether the rate lies above `limit`; wrong with probability `alpha` at most over all looks together."""
    return trials > 0 and events / trials > limit and log_evidence(events, trials, limit) >= -log(alpha)


def proves_under(events: int, trials: int, limit: float, alpha: float) -> bool:
    """Whether the rate lies below `limit`; wrong with probability `alpha` at most over all looks together."""
    return trials > 0 and events / trials < limit and log_evidence(events, trials, limit) >= -log(alpha)


def lower_bound(events: int, trials: int, alpha: float) -> float:
    """Lowest rate that `events` of `trials` leave possible."""
    if trials == 0 or events == 0:
        return 0.0
    low, high = 0.0, events / trials
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if proves_over(events, trials, middle, alpha) else (low, middle)
    return low


def upper_bound(events: int, trials: int, alpha: float) -> float:
    """Highest rate that `events` of `trials` leave possible."""
    return 1.0 - lower_bound(trials - events, trials, alpha)


def quantile_bracket(trials: int, quantile: float, alpha: float) -> tuple[float | None, float | None]:
    """Say which observed quantiles bracket the true one, each with error probability `alpha` over all looks.

    If k of `trials` values exceed a limit and k proves that more than 1 - `quantile` of all values do, then the true
    quantile exceeds it too: the observed quantile at 1 - k/n is a lower bound of the true one. Likewise above.

    Returns:
        Quantiles in (0, 1] to ask for, below and above `quantile`; None where `trials` are too few for a bound.
    """
    tail = 1 - quantile
    counts = range(trials + 1)
    enough = bisect_left(counts, True, key=lambda k: proves_over(k, trials, tail, alpha))
    too_many = bisect_left(counts, True, key=lambda k: not proves_under(k, trials, tail, alpha))
    low = 1 - enough / trials if 0 < enough < trials else None
    high = 1 - (too_many - 1) / trials if too_many > 0 else None
    return low, high


def _times_log(count: int, share: float) -> float:
    """`count` * log(`share`), where nothing times the logarithm of zero is nothing."""
    if count == 0:
        return 0.0
    return count * log(share) if share > 0 else -inf
