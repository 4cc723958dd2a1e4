"""What movie_recommendation must never guess about: users and movies that no model can know, and empty sequences."""

from __future__ import annotations

from infolens.contracts.task import Case

_NOBODY = 9_007_199_254_740_991
"""The largest id that is taken: no data set counts so far."""

_SEQUENCES = (
    (),
    (_NOBODY,),
    (_NOBODY - 1, _NOBODY - 2),
    (_NOBODY - 3, _NOBODY - 3, _NOBODY - 4),
    tuple(range(_NOBODY - 200, _NOBODY - 100)),
)

CASES = tuple(
    Case(
        "nothing_known",
        {
            "user_id": _NOBODY - number,
            "sequence": list(sequence),
            "top_k": top_k,
            "candidates": list(range(_NOBODY - 320, _NOBODY - 300)),
            "target": _NOBODY - 310,
            "users": "nothing",
            "unknown_items": len(set(sequence)),
        },
    )
    for number, (sequence, top_k) in enumerate((sequence, top_k) for sequence in _SEQUENCES for top_k in (1, 10, 100))
)
"""S3's defect was an answer of noise that looked like any other: each of these must say "popularity", and count what it
does not know."""
