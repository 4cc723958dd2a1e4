"""The data-quality page as a browser and a screen reader get it."""

from datetime import UTC, datetime
from html.parser import HTMLParser

from dataset_records import upload_report
from infolens_cli import quality_page
from infolens_cli.quality import file_figures, page

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its order; keeps tables, attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tables, self.rows, self.attributes, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        """An element begins."""
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        if tag == "tr":
            self.tables[-1]["rows"].append([])
        if tag in {"th", "td"}:
            self.tables[-1]["rows"][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """An element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Text."""
        self.text.append(data)
        if "caption" in self.open:
            self.tables[-1]["caption"] += data
        elif {"th", "td"} & set(self.open):
            self.tables[-1]["rows"][-1][-1] += data


def read(*reports, unreadable=0):
    """Draw a page of reports, and read it."""
    files = [file_figures(report, NOON) for report in reports]
    made = quality_page.render(
        page(files, tasks=("news_category", "toxicity"), since=None, made_at=NOON, unreadable=unreadable)
    )
    reader = Reader()
    reader.feed(made)
    reader.close()
    assert reader.open == []
    return reader, made


def table(reader, caption):
    """A table by the beginning of its caption."""
    return next(one for one in reader.tables if one["caption"].startswith(caption))["rows"]


def test_a_day_has_its_figures():
    """Under the headings that say what they are."""
    reader, _ = read(upload_report(bytes_repaired=3, conflicting_labels=1, near_duplicates=2))
    head, line = table(reader, "Files by the day")
    found = dict(zip(head, line, strict=True))
    assert found["day"] == "2026-03-01"
    assert (found["rows in"], found["kept"], found["duplicate"], found["rejected"]) == ("10", "7", "2", "1")
    assert (found["conflicts"], found["near duplicates"], found["repaired bytes"]) == ("1", "2", "3")
    assert (found["size"], found["rows/s"], found["median time"]) == ("2.0 MB", "2.5", "4.0 s")


def test_reasons_labels_and_files_have_a_table_each():
    """What an editor asks next."""
    reader, _ = read(upload_report())
    assert table(reader, "Why rows were rejected")[1] == ["label: is empty", "1", "100.0 %"]
    assert table(reader, "Labels of the rows of news_category")[1] == ["Business", "", "4", "57.1 %"]
    line = table(reader, "All files")[1]
    assert line[:4] == ["rows.csv", "news_category", "2026-03-01 12:00", "accepted"]
    assert line[-2:] == ["Business 4, Sports 3", "abc"]


def test_a_screen_reader_is_told_what_is_drawn():
    """Rows and columns have headers, bars have words, tables have captions and can be scrolled by keyboard."""
    reader, _ = read(upload_report())
    assert ("div", "aria-label", "70.0 % kept, 20.0 % duplicate, 10.0 % rejected") in reader.attributes
    assert ("th", "scope", "row") in reader.attributes
    assert ("th", "scope", "col") in reader.attributes
    assert all(one["caption"] for one in reader.tables)
    assert ("html", "lang", "en") in reader.attributes
    assert ("div", "tabindex", "0") in reader.attributes


def test_the_page_needs_nothing_from_elsewhere():
    """No address, no script; the browser is told to fetch nothing, and to draw it light or dark."""
    _, made = read(upload_report())
    for word in ("http:", "https:", "<script", "url(", "src=", "@import"):
        assert word not in made, word
    assert "default-src 'none'" in made
    assert "prefers-color-scheme: dark" in made


def test_what_editors_wrote_is_text():
    """A file name or a label cannot become part of the page."""
    bad = '<img src=x onerror="alert(1)">'
    source = upload_report().source
    reader, made = read(
        upload_report(
            label_counts={bad: 7},
            rejected_by_reason={bad: 1},
            source=type(source)("uploads", f"labelled/news_category/{bad}", "v1"),
        ),
        upload_report(upload_id="r", status="refused", reason=bad),
    )
    assert "<img" not in made
    assert bad in "".join(reader.text)


def test_an_empty_page_says_so():
    """No table of nothing."""
    reader, _ = read(unreadable=2)
    assert reader.tables == []
    assert "No file was dealt with in this time." in reader.text
    assert any("2 reports were written by another version" in text for text in reader.text)


def test_two_tasks_are_compared():
    """One task needs no such table."""
    reader, _ = read(upload_report(), upload_report(task="toxicity"))
    assert [line[0] for line in table(reader, "All days together")[1:]] == ["news_category", "toxicity"]


def test_the_newest_thousand_files_have_a_line(monkeypatch):
    """The others are in the totals, and the caption says it."""
    monkeypatch.setattr(quality_page, "FILES_SHOWN", 2)
    reader, _ = read(*(upload_report(upload_id=name) for name in "abc"))
    rows = table(reader, "The newest 2 of 3 files")
    assert [line[-1] for line in rows[1:]] == ["c", "b"]
