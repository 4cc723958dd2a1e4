"""Asks several models at the same time and waits for all of them, but never longer than the caller can."""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def ask_together(asks: Mapping[str, Callable[[], T]], within: float) -> dict[str, T | Exception]:
    """Run every question in a thread of its own; give each one's answer, or what it raised.

    Args:
        asks: name -> question.
        within: seconds for all of them. A question that takes longer is left alone, its own time-out ends it.

    Returns:
        name -> answer, or the exception: TimeoutError where there was no answer in time.
    """
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(asks)))
    futures = {name: pool.submit(ask) for name, ask in asks.items()}
    concurrent.futures.wait(futures.values(), timeout=within)
    results: dict[str, T | Exception] = {}
    for name, future in futures.items():
        result = _result(future, within)
        results[name] = result
    pool.shutdown(wait=False, cancel_futures=True)
    return results


def _result(future: concurrent.futures.Future[T], within: float) -> T | Exception:
    if not future.done():
        return TimeoutError(f"no answer within {within:g} s")
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - one question's trouble must not take the others' answers along
        return error
