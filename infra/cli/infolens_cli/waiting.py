"""Waits for a condition with a limit, and says what it waited for when the limit passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from infolens_cli.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_for(  # noqa: PLR0913 - clock and pause come in as arguments, as everywhere
    look: Callable[[], T | None],
    *,
    what: str,
    seconds: float,
    advice: str = "",
    every: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """Look until there is something.

    Raises:
        Trouble: nothing came within `seconds`; it names `what` was waited for.
    """
    end = clock() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        if clock() >= end:
            raise Trouble(f"{what} did not come within {seconds:g} seconds", advice)
        pause(every)
