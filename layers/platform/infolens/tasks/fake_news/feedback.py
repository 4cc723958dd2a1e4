"""Labels that are told later about answers of fake_news: whether the news proved to be fake or real."""

from __future__ import annotations

from infolens.rows.label_feedback import LabelFeedback
from infolens.tasks.fake_news.schema import LABELS

FEEDBACK = LabelFeedback(LABELS)
