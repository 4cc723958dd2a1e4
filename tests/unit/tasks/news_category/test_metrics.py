"""Metrics of news_category are accuracy, macro-F1 and the recall of each section."""

from infolens.tasks.news_category.metrics import evaluate

ROWS = [{"text": "a", "label": "Sports"}, {"text": "b", "label": "Sports"}, {"text": "c", "label": "Travel"}]


def test_evaluate():
    """Answers are compared with rows in order, by the label's name."""
    answers = [
        {"label_id": 8, "label": "Sports"},
        {"label_id": 3, "label": "Travel"},
        {"label_id": 3, "label": "Travel"},
    ]
    metrics, slices = evaluate(ROWS, answers)
    assert metrics == {"accuracy": 2 / 3, "macro_f1": 2 / 3}
    assert slices == {"label=Sports": {"recall": 0.5, "rows": 2.0}, "label=Travel": {"recall": 1.0, "rows": 1.0}}
