"""The form in which training prints its metrics, and how SageMaker finds them in the log."""

from __future__ import annotations

_PRINTED = (
    "train_loss",
    "lr",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
    "validation_hit_at_10",
    "validation_ndcg_at_10",
    "validation_roc_auc",
    "validation_f1",
    "validation_fpr_at_recall_90",
    "validation_rouge1",
    "validation_rouge2",
    "validation_rouge_l",
    "validation_weighted_rouge",
)
"""What any of the training loops prints; a test holds the list to them. SageMaker takes 40 at most."""

METRIC_DEFINITIONS: tuple[dict[str, str], ...] = tuple(
    {"Name": name, "Regex": rf"\b{name}=([0-9.e+-]+)"} for name in _PRINTED
)
"""`AlgorithmSpecification.MetricDefinitions` of a training job: what `metric_line` prints becomes metrics."""


def metric_line(**values: float) -> str:
    """Give one log line: `name=value` in the order given, integers as they are, others with six significant digits."""
    return " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
