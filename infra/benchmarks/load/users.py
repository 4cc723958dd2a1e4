"""The users, under Locust, in an environment of its own: every question becomes one line of the result file.

measure.py starts it: LOAD_SHAPE, LOAD_URL, LOAD_KEY and LOAD_OUT say which users ask whom, and where the lines go.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, constant_pacing, events, task

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES

SHAPE = SHAPES[os.environ["LOAD_SHAPE"]]
URL = os.environ["LOAD_URL"]
HEADERS = {"x-api-key": os.environ["LOAD_KEY"], "content-type": "application/json"}
TEXTS = (
    "The senate vote on the election bill came as a surprise to party leaders on Monday.",
    "A goal in the last minute gave the visitors the cup after extra time and much rain.",
    "The central bank left its rate where it was, and the markets fell for a third day in a row.",
    "A new vaccine halves the number of days that patients spend in hospital, doctors report.",
)
_began = time.perf_counter()
_texts = itertools.cycle(TEXTS)
_lines: list[tuple[float, float, int, bool]] = []


class Reader(FastHttpUser):
    """Asks one question after the other."""

    host = URL
    connection_timeout = network_timeout = 35.0  # API Gateway gives up after 29 s
    wait_time = constant_pacing(SHAPE.pace)

    @task
    def ask(self) -> None:
        """Ask, and keep when it began, milliseconds, status (0: no connection), and whether the body is an answer."""
        body = json.dumps({"text": next(_texts)})
        began = time.perf_counter()
        reply = self.client.post(URL, data=body, headers=HEADERS, name="ask")
        took = (time.perf_counter() - began) * 1000
        _lines.append((began - _began, took, reply.status_code, reply.status_code == 200 and _is_answer(reply.text)))


class Users(LoadTestShape):
    """Locust's view of the shape."""

    def tick(self) -> tuple[int, float] | None:
        """See Shape.at."""
        return SHAPE.at(self.get_run_time())


def _is_answer(text: str) -> bool:
    try:
        said: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(said, dict) and ("label_id" in said or said.get("empty") is True)


@events.quitting.add_listener
def _write(**_: object) -> None:
    Path(os.environ["LOAD_OUT"]).write_text(json.dumps(_lines))
