"""Labels that are told later about answers of toxicity: what a moderator said of the comment."""

from __future__ import annotations

from infolens.rows.label_feedback import LabelFeedback
from infolens.tasks.toxicity.schema import LABELS

FEEDBACK = LabelFeedback(LABELS)
