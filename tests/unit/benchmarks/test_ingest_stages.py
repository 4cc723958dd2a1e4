"""Time is charged to the innermost step under way, generators included."""

import pytest

from ingest_benchmark import stages


class Hands:
    """A clock that is moved by hand."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        """Tell the time."""
        return self.seconds


def test_nested_steps():
    """A step within a step takes its time away from it, and what lies outside is charged apart."""
    hands = Hands()
    clock = stages.Clock(hands)

    def inner():
        hands.seconds += 2

    def outer():
        hands.seconds += 1
        wrapped()
        hands.seconds += 4

    wrapped = clock.wrapped(inner, "inner")
    hands.seconds += 8
    clock.wrapped(outer, "outer")()
    assert clock.spent == {stages.OUTSIDE: 8, "inner": 2, "outer": 5}


def test_generators():
    """A generator is charged while it makes an item, and not while the item is used."""
    hands = Hands()
    clock = stages.Clock(hands)

    def items():
        for item in range(3):
            hands.seconds += 1
            yield item

    found = []
    for item in clock.wrapped(items, "items")():
        found.append(item)
        hands.seconds += 10
    assert found == [0, 1, 2]
    assert clock.spent["items"] == 3
    assert clock.spent[stages.OUTSIDE] == 30


def test_failure_ends_its_step():
    """After an error the time is charged to what is under way then."""
    hands = Hands()
    clock = stages.Clock(hands)

    def fails():
        hands.seconds += 1
        raise ValueError("planned")

    with pytest.raises(ValueError, match="planned"):
        clock.wrapped(fails, "fails")()
    hands.seconds += 1
    clock.wrapped(lambda: None, "next")()
    assert clock.spent["fails"] == 1
    assert clock.spent[stages.OUTSIDE] == 1


def test_table():
    """Seconds become milliseconds for each megabyte, the most first, with their sum."""
    rows = stages.table({"little": 0.1, "much": 0.9}, 100_000_000).splitlines()
    assert rows[2:] == ["| much | 9.00 |", "| little | 1.00 |", "| **all** | **10.00** |"]


def test_steps_are_there():
    """Every step names a function of the product."""
    assert all(callable(getattr(owner, name)) for owner, name, _ in stages.STEPS)
