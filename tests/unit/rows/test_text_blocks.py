"""Usual rows of a block are cleaned together, unusual ones by their schema, and all come out in order."""

from __future__ import annotations

import subprocess
import sys

from infolens.contracts.task import CleanBlock
from infolens.rows.row_blocks import clean_each
from infolens.rows.split import digest_of, split_of
from infolens.rows.text_blocks import TextRules, clean_text_block, settled
from infolens.tasks.fake_news.schema import SCHEMA

BODY = "The goalkeeper saved a penalty kick."
KEY = "thegoalkeepersavedapenaltykick"
COLUMNS = {
    "title": ["Saved", "", " NaN ", "Saved"],
    "text": [BODY, "e\u0301", BODY, f"{BODY} cafe\u0301"],
    "label": ["true", "1", "0", "FAKE"],
}


def test_a_block_of_usual_and_unusual_rows():
    """Titles are joined, what stands for none is dropped, a short text is refused, an odd one is cleaned alone."""
    block = clean_text_block(SCHEMA, COLUMNS, TextRules(15, 12_000, SCHEMA._label, no_titles=frozenset({"nan"})))
    identities = [f"saved{KEY}", KEY, f"saved{KEY}caf\u00e9"]
    assert block == CleanBlock(
        kept=[0, 2, 3],
        values={"text": [f"Saved. {BODY}", BODY, f"Saved. {BODY} caf\u00e9"], "label": ["real", "fake", "fake"]},
        digests=[digest_of(identity) for identity in identities],
        splits=[split_of(identity) for identity in identities],
        rejected=[(1, "text", "has 1 characters after cleaning; at least 15 are needed")],
    )


def test_rows_that_are_all_unusual():
    """What was prepared for unusual rows is not looked at."""
    nothing = {"text": [None] * 4, "label": [None] * 4}
    assert settled(SCHEMA, COLUMNS, nothing, [b""] * 4, [0, 1, 2, 3]) == clean_each(SCHEMA, COLUMNS)


def test_schemas_need_no_numpy():
    """Functions that only check an input have no numpy: it is imported when a block comes, and not before."""
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "from infolens.tasks import schema_of, task_names\n"
        "print([schema_of(task).task for task in task_names()] == list(task_names()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
