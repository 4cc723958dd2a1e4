"""How many users there are at which second, and how often each asks. Pure: Locust's side and ours both read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One load test."""

    name: str
    why: str
    """Whose test it is, and how its numbers were read."""
    steps: tuple[int, ...]
    """Users of each step, one after the other."""
    step_seconds: float
    arrivals: float
    """Users that arrive in a second."""
    pace: float = 0.0
    """Seconds from one question of a user to the next; 0 asks again as soon as it is answered."""

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.steps) * self.step_seconds

    def at(self, second: float) -> tuple[int, float] | None:
        """Users wanted and arrivals a second at a time; None when it is over (what a LoadTestShape's tick gives)."""
        step = int(second // self.step_seconds)
        return (self.steps[step], self.arrivals) if 0 <= step < len(self.steps) else None


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("warm-up", "not reported: starts the environments that the others meet", (10, 20, 30, 40, 50), 12.0, 2.0),
        Shape("S1 gate", "S1-16: 50 users for 30 s, each asks again as soon as it is answered", (50,), 30.0, 50.0),
        Shape("baseline", "S0-40, 20 users, 1: one arrives a second, each asks once a second", (20,), 25.0, 1.0, 1.0),
        Shape(
            "burst", "S0-40, 20 users, 5: five arrive a second, each asks five times a second", (20,), 15.0, 5.0, 0.2
        ),
        Shape(
            "stress",
            "S0-40 names no numbers: ten more users every 4 s up to S1's 50, each again as soon as it is answered",
            (10, 20, 30, 40, 50),
            4.0,
            10.0,
        ),
    )
}
