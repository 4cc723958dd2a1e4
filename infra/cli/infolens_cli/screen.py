"""Shows long steps: a live line with spinner and clock on a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUIET_SECONDS = 10.0
"""Off a terminal, a step's passing notes are printed no more often than this: a CI log is read, not watched."""


PLAIN_WIDTH = 120
"""Columns where there is no terminal that knows its own; rich would take 80 and fold every table."""


def _console() -> Console:
    if Console().is_terminal:
        return Console(highlight=False)
    return Console(highlight=False, soft_wrap=True, width=None if os.environ.get("COLUMNS") else PLAIN_WIDTH)


class Step:
    """One long step on the screen."""

    def __init__(self, title: str, console: Console, clock: Callable[[], float]) -> None:
        """Start the clock of the step called `title`."""
        self._title = title
        self._console = console
        self._clock = clock
        self._started = clock()
        self._spinner = Spinner("dots", style="cyan")
        self._note = ""
        self._noted = self._started
        self._body: RenderableType | None = None
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return self._clock() - self._started

    def say(self, text: str) -> None:
        """Print a line that stays; `text` may hold rich markup."""
        self._console.print(f"  {text}")

    def note(self, text: str) -> None:
        """Say what is going on right now; the next note replaces it."""
        with self._lock:
            if text == self._note:
                return
            self._note = text
            if self._console.is_terminal or self._clock() - self._noted < QUIET_SECONDS:
                return
            self._noted = self._clock()
        self._console.print(f"  [dim]{escape(text)}[/]")

    def show(self, body: RenderableType) -> None:
        """Draw something under the live line (a table that changes); left out off a terminal."""
        self._body = body

    def __rich__(self) -> RenderableType:
        """Draw the live line; rich calls this some times a second."""
        line = Table.grid(padding=(0, 1))
        line.add_row(self._spinner, f"[bold]{escape(self._title)}[/]", f"[dim]{self.seconds:5.1f} s[/]")
        note = f"  [dim]{escape(self._note)}[/]" if self._note else None
        return Group(*(part for part in (line, note, self._body) if part is not None))


class Screen:
    """Where a command writes: results to the output, and steps as they run."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the console to write to, or the process's own output."""
        self.console = console or _console()
        self._clock = clock

    def say(self, text: str = "") -> None:
        """Print a line of rich markup."""
        self.console.print(text)

    def print(self, *things: RenderableType) -> None:
        """Print tables and other drawings."""
        self.console.print(*things)

    def verbatim(self, text: str) -> None:
        """Print text that somebody will copy: no markup, no line breaks of ours."""
        self.console.print(Text(text), soft_wrap=True)

    def heading(self, number: int, title: str) -> None:
        """Begin a chapter of a longer story."""
        self.console.print()
        self.console.print(f"[bold cyan]{number}. {escape(title)}[/]")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run one long step; it ends in a line with its duration, also when it fails."""
        step = Step(title, self.console, self._clock)
        if not self.console.is_terminal:
            self.console.print(f"… {escape(title)}")
        live = Live(step, console=self.console, transient=True, refresh_per_second=8)
        try:
            if self.console.is_terminal:
                with live:
                    yield step
            else:
                yield step
        except BaseException:
            self.console.print(f"[red]✗[/] {escape(title)} [dim]({step.seconds:.1f} s)[/]")
            raise
        self.console.print(f"[green]✓[/] {escape(title)} [dim]({step.seconds:.1f} s)[/]")
