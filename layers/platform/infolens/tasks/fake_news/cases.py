"""Behavioural cases of fake_news: none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infolens.contracts.task import Case

CASES: tuple[Case, ...] = ()
