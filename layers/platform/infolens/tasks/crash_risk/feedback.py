"""Labels that are told later about answers of crash_risk: how dangerous the hours proved to be."""

from __future__ import annotations

from infolens.rows.label_feedback import LabelFeedback
from infolens.tasks.crash_risk.schema import LABELS

FEEDBACK = LabelFeedback(LABELS)
