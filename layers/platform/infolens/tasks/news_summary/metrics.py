"""Metrics of news_summary on held-out rows: ROUGE-1, 2 and L, S0's weighted score, and the lead-3 baseline beside them.

ROUGE is rouge-score's F-measure without stemmer, over the whole summary as one sequence (`rougeL`, not `rougeLsum`), a
mean over rows. The stemmer would lift every number by about a point; a floor that holds without it holds with it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from infolens.ml.rouge import WEIGHTS
from infolens.ml.sentence_features import read_article

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KINDS = ("rouge1", "rouge2", "rougeL")

LEAD = 3
"""Sentences of the baseline: the first three behind the headline, which is harder to beat than with the headline."""

SLICED_BY = {"upload_id": "upload", "source": "source"}
"""Uploads differ in style and length (a site's highlights, an agency's abstracts), so each is looked at alone."""


def lead(text: str, sentences: int = LEAD) -> str:
    """Give the first sentences of a clean text: what an editor without a model would take."""
    return " ".join(read_article(text).sentences[:sentences])


def per_row(rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]) -> dict[str, list[float]]:
    """Give every metric's value on each row; the metric is their mean.

    Raises:
        ValueError: there are not as many answers as rows.
    """
    # Only jobs measure; what serves has no such library.
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]  # noqa: PLC0415

    scorer = RougeScorer(list(_KINDS), use_stemmer=False)
    values: dict[str, list[float]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        reference, summary = str(row["summary"]), str(answer["summary"])
        mine = [score.fmeasure for score in map(scorer.score(reference, summary).__getitem__, _KINDS)]
        baseline = scorer.score(reference, lead(str(row["text"])))["rougeL"].fmeasure
        for name, value in zip(("rouge1", "rouge2", "rouge_l"), mine, strict=True):
            values[name].append(value)
        values["weighted_rouge"].append(sum(weight * value for weight, value in zip(WEIGHTS, mine, strict=True)))
        values["lead3_rouge_l"].append(baseline)
        values["rouge_l_over_lead3"].append(mine[2] - baseline)
        values["summary_words"].append(float(len(summary.split())))
    return dict(values)


def evaluate(
    rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare clean rows with the predictor's answers -> (metrics, slices by upload and by source, where known).

    Raises:
        ValueError: there are not as many answers as rows.
    """
    values = per_row(rows, answers)
    if not rows:
        return {}, {}
    members: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        for column, name in SLICED_BY.items():
            if row.get(column):
                members[f"{name}={row[column]}"].append(at)
    slices = {name: _means(values, places) | {"rows": float(len(places))} for name, places in sorted(members.items())}
    return _means(values, range(len(rows))), slices


def _means(values: Mapping[str, Sequence[float]], places: Sequence[int]) -> dict[str, float]:
    return {name: sum(column[at] for at in places) / len(places) for name, column in values.items()}
