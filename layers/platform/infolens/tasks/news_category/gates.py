"""What a candidate of news_category must reach before it meets traffic."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction, Gate, ParityGate

MIN_ROWS = 400
"""Smallest dataset worth training on: some 40 test rows; the gates below still ask for more to pass a candidate."""

GATES = (
    Gate(
        metric="accuracy",
        direction=Direction.HIGHER,
        limit=0.70,
        max_loss=0.02,
        min_rows=100,
        why="S0-39: accuracy below 0.7 fails; 100 rows put 0.70 some 4.6 points (one standard error) around its value",
    ),
    Gate(
        metric="macro_f1",
        direction=Direction.HIGHER,
        limit=0.55,
        max_loss=0.03,
        min_rows=100,
        why="a model that ignores the small sections can reach the accuracy floor; S0-26 logs F1 beside accuracy",
    ),
)

PARITY = ParityGate(max_mean_difference=0.02, max_label_flips=0.03, min_rows=30)
"""int8 moves probabilities by some 0.002 on average here; ten times that is a broken export, not rounding."""
