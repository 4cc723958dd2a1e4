"""Unit tests of `infolens.rows.planted_dirt`."""

import random

from infolens.rows.planted_dirt import perhaps_dirty

REFUSED = (({"text": "refused"}, "text"),)


def rows(dirt: float, count: int = 600) -> list[str]:
    """The texts of made rows."""
    source, made = random.Random(1), []
    for number in range(count):
        clean = {"text": str(number)}
        made.append(
            perhaps_dirty(
                source, clean, made, dirt=dirt, refused=REFUSED, soiled=lambda _, row: {"text": f"soiled {row['text']}"}
            )
        )
    return [row["text"] for row in made]


def test_no_dirt():
    """Every row is the clean one."""
    assert rows(0.0, 5) == ["0", "1", "2", "3", "4"]


def test_the_three_kinds_of_dirt_are_alike_often():
    """A third each, and the first row is clean: there is none to repeat."""
    made = rows(1.0)
    assert made[0] == "0"
    refused = made.count("refused")
    soiled = sum(text == f"soiled {number}" for number, text in enumerate(made))
    assert 150 < soiled < 250
    assert refused > 150  # rows that repeat a refused one are among them
    assert soiled + refused < 600
