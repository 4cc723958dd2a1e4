"""Evaluates every alarm when CloudWatch would: each ten seconds for periods under a minute, else each minute."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

LOG = logging.getLogger(__name__)
HIGH_RESOLUTION_SECONDS: Final = 10
_SETTLE_SECONDS: Final = 1.0  # what was measured in a period's last moment needs some time to arrive


class AlarmClock:
    """Stands where LocalStack's AlarmScheduler stood, with one thread for all alarms."""

    def __init__(self, evaluate: Callable[[int], None]) -> None:
        """Start to call ``evaluate`` with each full ten seconds (since 1970), a moment after it passed."""
        self._evaluate = evaluate
        self._closed = threading.Event()
        threading.Thread(target=self._tick, name="alarm-clock", daemon=True).start()

    def shutdown_scheduler(self) -> None:
        """Stop."""
        self._closed.set()

    def schedule_metric_alarm(self, alarm_arn: str) -> None:
        """Do nothing: the next tick sees a new alarm by itself."""

    def delete_scheduler_for_alarm(self, alarm_arn: str) -> None:
        """Do nothing: the next tick no longer sees a deleted alarm."""

    def restart_existing_alarms(self) -> None:
        """Do nothing: every tick sees every alarm."""

    def _tick(self) -> None:
        while True:
            now = time.time() - _SETTLE_SECONDS
            following = (now // HIGH_RESOLUTION_SECONDS + 1) * HIGH_RESOLUTION_SECONDS
            if self._closed.wait(following - now):
                return
            try:
                self._evaluate(int(following))
            except Exception:
                LOG.exception("Alarms of %d were not evaluated", following)
