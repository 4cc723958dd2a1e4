"""Sends API requests at a steady rate, as many users at once would, and counts who answered and how."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from infolens_cli.predictions import TIME_OUT, Answer, ask
from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

WORKERS = 12
"""Requests in flight at most: at the demo's rate, one in flight longer than a second is already a slow model."""

_LATE_SECONDS = 0.2
"""How much of what is late is sent after all. More at once would start environments for a crowd that is none."""


@dataclass(frozen=True)
class Seen:
    """One request as its user saw it."""

    at: float
    """Seconds on the generator's clock when it was sent."""
    seconds: float
    status: int
    """0 when nothing answered."""
    version: str
    """Version that gave the answer; "" when it is none."""
    detail: str = ""
    """What was wrong."""
    fallback: bool = False
    """A candidate failed, and the champion answered in its place."""

    @property
    def ok(self) -> bool:
        """Whether the user got an answer."""
        return self.status == httpx.codes.OK


@dataclass(frozen=True)
class Count:
    """What users saw over a stretch of time."""

    requests: int
    failed: int
    rescued: int
    """Answered by the champion because the candidate had failed."""
    versions: dict[str, int]
    """Answers by version."""
    mean_ms: dict[str, float]
    """Mean time to answer by version, as the user saw it."""
    slowest_ms: float
    failures: dict[str, int] = field(default_factory=dict)
    """Failed requests by what was wrong."""


def count(seen: Sequence[Seen]) -> Count:
    """Sum up requests."""
    answered = [one for one in seen if one.ok]
    versions = Counter(one.version for one in answered)
    total: Counter[str] = Counter()
    for one in answered:
        total[one.version] += round(one.seconds * 1e6)
    return Count(
        requests=len(seen),
        failed=len(seen) - len(answered),
        rescued=sum(one.fallback for one in answered),
        versions=dict(sorted(versions.items(), key=lambda item: int(item[0]) if item[0].isdigit() else -1)),
        mean_ms={version: total[version] / versions[version] / 1000 for version in versions},
        slowest_ms=max((one.seconds * 1000 for one in seen), default=0.0),
        failures=dict(Counter(f"{one.status} {one.detail}".strip() for one in seen if not one.ok)),
    )


class Traffic:
    """Users: a context manager that sends requests from its own threads until it is left."""

    def __init__(  # noqa: PLR0913 - all of them are what a load generator is made of
        self,
        send: Callable[[dict[str, object]], Answer],
        payloads: Sequence[dict[str, object]],
        *,
        rate: float,
        ids: Iterator[int],
        workers: int = WORKERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Send `payloads` round and round, `rate` a second, each with the next of `ids` as its prediction id.

        Users come one after another, the next when those before have been answered: on one machine all environments of
        a crowd start at once on few cores, and on a slow one none of them starts in the time that Lambda gives it.

        The clock is the wall's: what users see is laid beside what the logs say.
        """
        self._send = send
        self._payloads = itertools.cycle(payloads)
        self._rate = rate
        self._ids = ids
        self._workers = workers
        self._clock = clock
        self._seen: list[Seen] = []
        self._users = 1
        self._answers_to_come = 1
        """Before the next user comes."""
        self._slots = threading.Semaphore(self._users)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pacer = threading.Thread(target=self._pace, name="demo-traffic", daemon=True)

    @classmethod
    def over_http(
        cls, url: str, key: str, payloads: Sequence[dict[str, object]], *, rate: float, ids: Iterator[int]
    ) -> Traffic:
        """Traffic to the real API; connections are kept, as browsers and apps do."""
        client = httpx.Client(timeout=TIME_OUT, limits=httpx.Limits(max_keepalive_connections=WORKERS))
        return cls(lambda payload: ask(client, url, key, payload), payloads, rate=rate, ids=ids)

    def __enter__(self) -> Self:
        """Begin to send."""
        self._pacer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop sending, and wait for the answers that are still under way."""
        self._stop.set()
        self._pacer.join()

    @property
    def now(self) -> float:
        """The generator's clock, for `since`."""
        return self._clock()

    def since(self, moment: float) -> list[Seen]:
        """Requests sent at or after a moment whose answer has come."""
        with self._lock:
            return [one for one in self._seen if one.at >= moment]

    def _pace(self) -> None:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="demo-user") as users:
            due = self._clock()
            while not self._stop.is_set():
                # No user free: the rate gives way, instead of a queue that would hide how slow the answers are.
                if self._slots.acquire(timeout=0.2):
                    users.submit(self._one, {"prediction_id": next(self._ids), **next(self._payloads)})
                    due = max(due + 1 / self._rate, self._clock() - _LATE_SECONDS)
                    self._stop.wait(max(0.0, due - self._clock()))

    def _one(self, payload: dict[str, object]) -> None:
        at = self._clock()
        try:
            answer = self._send(payload)
        except Trouble as trouble:
            seen = Seen(at, self._clock() - at, 0, "", trouble.what)
        else:
            body = answer.body
            version = str(body.get("model_version", "")) if answer.ok else ""
            detail = "" if answer.ok else str(body.get("detail") or body.get("title") or "")
            seen = Seen(at, self._clock() - at, answer.status, version, detail, answer.fallback)
        finally:
            self._slots.release()
        with self._lock:
            self._seen.append(seen)
            self._answers_to_come -= 1
            if not self._answers_to_come and self._users < self._workers:
                self._users += 1
                self._answers_to_come = self._users
                self._slots.release()
