"""What a candidate of news_summary must reach before it meets traffic."""

from __future__ import annotations

from infolens.contracts.evaluation import Direction, Gate, ParityGate
from infolens.contracts.load import LoadGate

MIN_ROWS = 600
"""Smallest dataset worth training on: its tenth, the test split, gives the gates the rows that they ask for."""

_LEAST = 60
"""ROUGE-L of a row scatters by 0.11 around its mean, so 60 rows place it within 0.015."""

GATES = (
    Gate(
        metric="rouge_l",
        direction=Direction.HIGHER,
        limit=0.20,
        max_loss=0.03,  # of equal models on 60 rows the bound of the difference lies 0.02 below nothing
        min_rows=_LEAST,
        why="S0-39: ROUGE-L below 0.2 fails",
    ),
    Gate(
        metric="rouge_l",
        direction=Direction.HIGHER,
        limit=0.20,
        max_loss=None,
        min_rows=_LEAST,
        slice="upload=*",
        why="S0-39 for each upload: a file of easy articles must not hide one on which the model fails",
    ),
    Gate(
        metric="rouge_l_over_lead3",
        direction=Direction.HIGHER,
        limit=0.0,
        max_loss=None,
        min_rows=_LEAST,
        why="the first three sentences cost nothing; a model that is worse than they are is not worth serving",
    ),
    Gate(
        metric="rouge_l_over_lead3",
        direction=Direction.HIGHER,
        limit=0.0,
        max_loss=None,
        min_rows=_LEAST,
        slice="upload=*",
        why="the same for each upload: how good the first sentences are differs from one publisher to the next",
    ),
    Gate(
        metric="rouge_l",
        direction=Direction.HIGHER,
        limit=0.6,
        max_loss=None,
        min_rows=8,
        slice="cases=awkward",
        why="S0-30 takes any text; the ranker reaches 0.91 where marks, capitals or spaces are missing, nonsense 0.2",
    ),
)

PARITY = ParityGate(max_mean_difference=0.0008, max_label_flips=0.03, min_rows=30)
"""The ranker's bundle is fp32 and differs by some 1e-9. BART's scores are 256 groups of the next token, so 0.0008 means
that a tenth of the probability went elsewhere; int8 moves some 0.0001, caches that lose a token 0.0015."""

LOAD = LoadGate(
    max_p95_ms=1000.0,
    why="S0-33: under a second end to end, for an answer that is written word after word: 60 words of BART "
    "take some 0.45 s",
)
