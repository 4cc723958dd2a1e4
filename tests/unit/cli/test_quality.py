"""Reports added up."""

from datetime import UTC, datetime, timedelta

import pytest

from dataset_records import upload_report
from infolens_cli.quality import file_figures, page, total

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def file(upload_id="u", uploaded=0.0, settled=4.0, **changes):
    """A file that came and was settled some seconds after noon."""
    times = {
        "uploaded_at": (NOON + timedelta(seconds=uploaded)).isoformat(),
        "settled_at": (NOON + timedelta(seconds=settled)).isoformat(),
    }
    return file_figures(upload_report(upload_id=upload_id, **(times | changes)), NOON)


def pages(*files, since=None):
    """A page of files."""
    return page(files, tasks=("news_category",), since=since, made_at=NOON)


def test_a_file_has_its_time_and_its_rate():
    """10 rows in 4 seconds."""
    found = file()
    assert (found.seconds, found.rows_per_second, found.filename, found.day) == (4.0, 2.5, "rows.csv", "2026-03-01")


def test_a_report_without_times_counts_to_the_day_on_which_it_was_written():
    """It has no rate, and that is not zero."""
    found = file_figures(upload_report(uploaded_at="", settled_at=""), NOON)
    assert (found.seconds, found.rows_per_second, found.settled_at) == (None, None, NOON)


def test_a_clock_that_runs_ahead_takes_no_negative_time():
    """S3's clock and the function's are two."""
    found = file(uploaded=5.0, settled=4.0)
    assert (found.seconds, found.rows_per_second) == (0.0, None)


def test_counts_add_up():
    """Rows, reasons and labels of two files."""
    found = total(
        [
            file("a", bytes_repaired=3, conflicting_labels=1),
            file(
                "b",
                status="refused",
                rows_in=20,
                rows_kept=0,
                rows_duplicate=0,
                rows_rejected=20,
                rejected_by_reason={"label: is empty": 5, "text: is too short": 15},
                label_counts={},
                bytes_replaced=2,
                near_duplicates=4,
            ),
        ]
    )
    assert (found.files, found.refused, found.empty) == (2, 1, 0)
    assert (found.rows_in, found.rows_kept, found.rows_duplicate, found.rows_rejected) == (30, 7, 2, 21)
    assert found.rows_in == found.rows_kept + found.rows_duplicate + found.rows_rejected
    assert list(found.rejected_by_reason.items()) == [("text: is too short", 15), ("label: is empty", 6)]
    assert list(found.label_counts.items()) == [("Business", 4), ("Sports", 3)]
    assert (found.repaired, found.replaced, found.conflicts, found.near_duplicates) == (3, 2, 1, 4)
    assert found.bytes_in == 4_000_000


@pytest.mark.parametrize(
    ("second", "seconds"),
    [((0, 4), 4.0), ((2, 6), 6.0), ((1, 3), 4.0), ((4, 8), 8.0), ((10, 14), 8.0)],
)
def test_the_rate_counts_each_second_once(second, seconds):
    """Two files that wait at the same time do not halve the rate; a gap between them is no work."""
    found = total([file("a"), file("b", *second)])
    assert found.seconds == seconds
    assert found.rows_per_second == 20 / seconds
    assert found.megabytes_per_second == 4 / seconds


def test_times_of_a_day_are_a_median_and_a_longest():
    """1, 3 and 11 seconds."""
    found = total([file("a", 0, 1), file("b", 0, 3), file("c", 0, 11)])
    assert (found.seconds_median, found.seconds_most) == (3.0, 11.0)


def test_a_file_without_times_is_in_the_counts_and_not_in_the_rate():
    """Reports of an older version do not say when they came."""
    found = total([file("a"), file_figures(upload_report(uploaded_at="", settled_at=""), NOON)])
    assert (found.rows_in, found.rows_timed, found.rows_per_second) == (20, 10, 2.5)


def test_nothing_adds_up_to_nothing():
    """A page can be drawn before the first upload."""
    found = pages()
    assert (found.files, found.days, found.by_task) == ((), (), ())
    assert (found.total.files, found.total.rows_per_second, found.total.seconds_median) == (0, None, None)


def test_days_and_files_come_with_the_newest_first():
    """Days are those of UTC."""
    late = file("late", settled=12 * 3600.0 - 1)
    next_day = file("next", settled=12 * 3600.0)
    found = pages(file("early"), next_day, late)
    assert [one.report.upload_id for one in found.files] == ["next", "late", "early"]
    assert [(day, figures.files) for day, figures in found.days] == [("2026-03-02", 1), ("2026-03-01", 2)]


@pytest.mark.parametrize(("settled", "files"), [(9.9, 0), (10.0, 1)])
def test_a_page_begins_at_its_time(settled, files):
    """A file of that very moment is in it."""
    assert len(pages(file(settled=settled), since=NOON + timedelta(seconds=10)).files) == files


def test_tasks_are_added_up_apart():
    """A page of all tasks shows which one is dirty."""
    found = pages(file("a"), file("b", task="toxicity"))
    assert [(task, figures.rows_in) for task, figures in found.by_task] == [("news_category", 10), ("toxicity", 10)]
