"""Labels that are told later about answers of news_category: the section that an editor put the text into."""

from __future__ import annotations

from infolens.rows.label_feedback import LabelFeedback
from infolens.tasks.news_category.schema import LABELS

FEEDBACK = LabelFeedback(LABELS)
