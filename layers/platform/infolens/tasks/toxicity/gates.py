"""What a candidate of toxicity must reach before it meets traffic."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction, Gate, ParityGate

MIN_ROWS = 1_000
"""Smallest dataset worth training on: its tenth, the test split, gives the gates the rows that they ask for."""

GATES = (
    Gate(
        metric="accuracy",
        direction=Direction.HIGHER,
        limit=0.70,
        max_loss=0.02,
        min_rows=80,
        why="a placeholder of the scaffold: replace it by the requirement or the baseline that the floor comes from",
    ),
)

PARITY = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
"""What int8 moves, with room; measure it on the trained model and set it to some ten times that."""
