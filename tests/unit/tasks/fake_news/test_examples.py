"""Training sees the rows as they are; the test split also holds each article under another mark."""

from infolens.tasks.fake_news.examples import examples
from ml_fakes import write_part

BODY = "The House voted on the bill late on Tuesday."
ROWS = [
    {"text": f"Tax bill passes. WASHINGTON (Reuters) - {BODY}", "label": "real"},
    {"text": f"You will not believe this! {BODY}", "label": "fake"},
]


def test_what_is_learned_from(tmp_path):
    """Train and validation rows have text and label and nothing else: no source, no variant."""
    for split in ("train", "validation", "test"):
        write_part(tmp_path, [{**row, "split": split, "identity": "x"} for row in ROWS], split)
    assert examples(tmp_path, "train") == ROWS
    assert examples(tmp_path, "validation") == ROWS


def test_variants_of_the_test_split(tmp_path):
    """An article with a mark is there without, one without is there with a mark, under the same label and number."""
    write_part(tmp_path, [{**row, "split": "test"} for row in ROWS])
    found = examples(tmp_path, "test")
    assert [row["text"] for row in found[:2]] == [row["text"] for row in ROWS]
    assert [(row["variant"], row["marked"], row["article"], row["label"]) for row in found] == [
        ("", True, 0, "real"),
        ("", False, 1, "fake"),
        ("removed", True, 0, "real"),
        ("planted", False, 1, "fake"),
    ]
    assert found[2]["text"] == f"Tax bill passes. {BODY}"
    assert found[3]["text"] == f"You will not believe this! WASHINGTON (Reuters) - {BODY}"
