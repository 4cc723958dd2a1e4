"""What tells where a news text was taken from, and nothing about it: agency marks, outlets, encoding junk. Pure.

A classifier that may see such marks learns them instead of the text: in public news sets nearly every "(Reuters)" is
real and every "Featured image via" is fake, because whoever collected them took the classes from different places.

No expression may backtrack without bound: anybody may send any text. Repetitions inside repetitions have limits.
The expressions are written for both `re` and the `tokenizers` library (Oniguruma), so that a bundle can carry them in
its tokenizer and no text reaches the model without them, in training, parity and serving alike.
"""

from __future__ import annotations

import re

_AGENCIES = "Reuters|CNN|AP|AFP|UPI|ANI|Associated Press|Xinhua|RIA Novosti|TASS|Breitbart|NBC News|Fox News"

_PLACE = "(?:\\b[A-Z][A-Za-z'/-]{0,20} ){0,2}(?:\\b[A-Z][A-Za-z'/-]{0,20}(?:, [A-Z][A-Za-z.]{0,10}\\.)? )?"

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan\\.|Feb\\.|Aug\\.|Sept\\.|Oct\\.|Nov\\.|Dec\\."
)

SOURCE_MARKS: tuple[tuple[str, str], ...] = (
    # Encoding junk: which characters were lost, and how, is a property of the collection.
    ("â€™|â€\u02dc|\u2019|\u2018|\u02bc|`|\u00b4", "'"),
    ("â€œ|â€\u009d|â€|\u201c|\u201d|\u201e|\u00ab|\u00bb", '"'),
    ("â€“|â€”|\u2013|\u2014|\u2212|--+", "-"),
    ("â€¦|\u2026", "..."),
    ("Â|Ã\u00a9|\u00a0", " "),
    ("(?<=[A-Za-z]) (?=(?:s|t|re|ve|ll) )", "'"),  # "Trump s": an apostrophe that was lost
    (" {1,3}(?=[,.;:?!])", ""),
    # Agencies: "WASHINGTON (Reuters) - ", "(CNN)", "Tampa, Fla. (AP) -", then the bare dateline and the bare name.
    (f"{_PLACE}\\((?:{_AGENCIES})[^)]{{0,24}}\\)(?: ?-)? ?", ""),
    ("(?:\\b[A-Z][A-Z.'/]{2,20},? ){1,4}(?:[A-Z][a-z]{1,10}\\.? )?- ", ""),
    ("(?i)(?: [-|] )?\\b(?:thomson )?reuters\\b(?:'s)?(?:\\.com)?", ""),
    ("(?:\\b[A-Z]{3,20} ){0,2}\\( ?\\)(?: ?-)? ?", ""),
    # The outlet behind a headline: "... - The New York Times. ", "... | Eagle Rising. "
    (
        " [-|\u22c6\u2022] (?:The |the )?[A-Z0-9][A-Za-z0-9.'&]{0,20}(?: [A-Z0-9][A-Za-z0-9.'&]{0,20}){0,3}(?=\\. |$)",
        "",
    ),
    ("(?i)\\b(?:the )?new york times\\b|\\bbreitbart(?: news)?\\b", "the paper"),
    # Furniture of web pages.
    ("(?i)\\b[0-9.,]{1,12}k? shares?\\b(?: share this story| facebook| twitter| pinterest){0,9}", ""),
    ("(?i)\\b(?:featured )?(?:image|photo|screenshot|screen capture)s? (?:via|by|credit|courtesy)[^.!?]{0,80}", ""),
    ("(?i)\\bgetty images\\b|\\bvia:|\\bh/t\\b", ""),
    ("(?i)https?://[^ ]{0,300}|\\bpic\\.twitter\\.com/[^ ]{0,300}|\\bwww\\.[^ ]{0,300}", ""),
    (" comments$", ""),
    # The day of publication: one collection took its fake texts from a few weeks of one year.
    (
        f"\\b(?:{_MONTHS}) [0-9]{{1,2}},? (?:19|20)[0-9]{{2}}\\b|\\b[0-9]{{1,2}}/[0-9]{{1,2}}/(?:19|20)?[0-9]{{2}}\\b",
        "",
    ),
    (" {2,}", " "),
)
"""Expression and replacement, in the order in which they are applied to a clean text."""

_COMPILED = tuple((re.compile(expression), replacement) for expression, replacement in SOURCE_MARKS)


def without_source_marks(text: str) -> str:
    """Give a clean text as a model sees it."""
    for expression, replacement in _COMPILED:
        text = expression.sub(replacement, text)
    return text.strip()
