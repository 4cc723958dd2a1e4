"""Asks the API, as any caller would: over HTTP with the key."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_HEADER = "x-api-key"
FALLBACK_HEADER = "X-InfoLens-Fallback"
TIME_OUT = 35.0
"""Seconds; API Gateway gives up after 29."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: dict[str, object]
    seconds: float
    fallback: bool = False
    """Whether a candidate failed, and the champion answered in its place."""

    @property
    def ok(self) -> bool:
        """Whether it is an answer, perhaps with a model missing (207), and no problem document."""
        return self.status in {httpx.codes.OK, httpx.codes.MULTI_STATUS}


def address(api_url: str, task: str) -> str:
    """Address of a task's endpoint, or with "" that of the three models of Info Lens together."""
    return f"{api_url}/tasks/{task}/predictions" if task else f"{api_url}/predict"


def curl(api_url: str, key: str, task: str, payload: Mapping[str, object]) -> str:
    """The same call as one line for a shell."""
    words = [
        "curl",
        "-sS",
        address(api_url, task),
        *("-H", f"{KEY_HEADER}: {key}"),
        *("-H", "content-type: application/json"),
        *("-d", json.dumps(payload, ensure_ascii=False)),
    ]
    return shlex.join(words)


def ask(client: httpx.Client, url: str, key: str, payload: Mapping[str, object]) -> Answer:
    """Send one request.

    Raises:
        Trouble: nothing answered at all.
    """
    began = time.perf_counter()
    try:
        response = client.post(url, json=payload, headers={KEY_HEADER: key})
    except httpx.HTTPError as error:
        raise Trouble(f"{url} does not answer: {error}", "`infolens status` tells what runs") from error
    try:
        body = response.json()
    except ValueError:
        body = {"detail": response.text[:500]}
    if not isinstance(body, dict):
        body = {"detail": str(body)[:500]}
    if not response.is_success and "title" not in body:
        # API Gateway's own refusals say {"message": …}.
        body = {
            "status": response.status_code,
            "title": response.reason_phrase,
            "detail": body.get("message", ""),
        } | body
    fallback = FALLBACK_HEADER in response.headers
    return Answer(response.status_code, body, time.perf_counter() - began, fallback)
