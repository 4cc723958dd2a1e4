"""Metrics of toxicity on held-out rows: how well toxic comments are told apart, as a whole, by group and by length."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from infolens.ml.classification_metrics import classification_metrics
from infolens.ml.score_metrics import fpr_at_recall, roc_auc
from infolens.tasks.toxicity.schema import LABELS, NON_TOXIC, TOXIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SENSITIVITY = 0.90
"""Recall at which S1-19's rate of falsely flagged comments is read."""

IDENTITY_TERMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "women": ("woman", "women", "female", "females", "girl", "girls", "lady", "ladies", "wife", "feminist"),
        "men": ("man", "men", "male", "males", "boy", "boys", "guy", "guys", "husband"),
        "lgbt": (
            *("gay", "gays", "lesbian", "lesbians", "homosexual", "homosexuals", "homosexuality", "bisexual"),
            *("transgender", "transsexual", "lgbt", "queer"),
        ),
        "christian": ("christian", "christians", "christianity", "catholic", "catholics", "protestant", "protestants"),
        "muslim": ("muslim", "muslims", "islam", "islamic"),
        "jewish": ("jew", "jews", "jewish", "judaism"),
        "black": ("black", "blacks", "african", "africans"),
        "white": ("white", "whites", "caucasian"),
        "asian": (
            *("asian", "asians", "chinese", "japanese", "korean", "koreans", "vietnamese", "indian", "indians"),
            *("hindu", "hindus", "buddhist", "buddhists"),
        ),
        "nationality": (
            *("american", "americans", "british", "german", "germans", "french", "russian", "russians", "turkish"),
            *("greek", "greeks", "polish", "arab", "arabs", "iranian", "irish", "mexican", "immigrant", "immigrants"),
        ),
        "disability": ("disabled", "disability", "blind", "deaf", "autistic", "autism", "handicapped", "wheelchair"),
    }
)
"""Words by which a comment mentions a group. Words only: that a "black" may be a colour is noise that we accept."""

_GROUPS = {group: re.compile(rf"\b(?:{'|'.join(terms)})\b", re.IGNORECASE) for group, terms in IDENTITY_TERMS.items()}

LENGTHS = (("short", 100), ("medium", 400), ("long", 1_000), ("very long", None))
"""Name and characters below which a comment is so called; the quartiles of Jigsaw's are at 100, 200 and 430."""


def evaluate(
    rows: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, object]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Compare clean rows with the predictor's answers -> (metrics, slices).

    Slices are "label=<name>" (recall), "identity=<group>" for comments that mention a group, and "length=<name>".
    What needs a toxic and a benign row (roc_auc, fpr_at_recall_90) is missing where one kind is.

    Raises:
        ValueError: there are not as many answers as rows.
    """
    truths, answered = [str(row["label"]) for row in rows], [str(answer["label"]) for answer in answers]
    metrics, slices = classification_metrics(truths, answered, LABELS)
    if not rows:
        return metrics, slices
    toxic = np.array([truth == TOXIC for truth in truths])
    flagged = np.array([label == TOXIC for label in answered])
    scores = np.array([float(str(answer["toxicity"])) for answer in answers])
    found = metrics | _rates(toxic, flagged)
    if toxic.any() and not toxic.all():
        found |= {"roc_auc": roc_auc(toxic, scores), "fpr_at_recall_90": fpr_at_recall(toxic, scores, SENSITIVITY)}
    groups = [groups_of(str(row["text"])) for row in rows]
    for name in dict.fromkeys(name for some in groups for name in some):
        part = np.array([name in some for some in groups])
        slices[name] = {
            "accuracy": float((toxic == flagged)[part].mean()),
            **_rates(toxic[part], flagged[part]),
            "rows": float(part.sum()),
        }
    return found, slices


@lru_cache(maxsize=1 << 15)  # a comparison of two models measures the same rows on hundreds of draws
def groups_of(text: str) -> tuple[str, ...]:
    """Name the slices that a comment belongs to, by what it mentions and by its length."""
    length = next(name for name, below in LENGTHS if below is None or len(text) < below)
    return (*(f"identity={group}" for group, terms in _GROUPS.items() if terms.search(text)), f"length={length}")


def _rates(toxic: np.ndarray, flagged: np.ndarray) -> dict[str, float]:
    """F1 of the toxic class, and the shares of benign comments flagged and of toxic ones found, where there are any."""
    both = float((toxic & flagged).sum())
    found = {}
    if toxic.any() or flagged.any():
        found["f1"] = 2 * both / float(toxic.sum() + flagged.sum())
    if toxic.any():
        found["recall"] = both / float(toxic.sum())
    if not toxic.all():
        found["false_positive_rate"] = float((~toxic & flagged).sum() / (~toxic).sum())
    return found


assert LABELS[0] == NON_TOXIC
