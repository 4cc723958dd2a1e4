"""Steps on a screen that is no terminal."""

import pytest

from cli_fakes import Clock, screen


def test_a_step_says_when_it_begins_and_how_long_it_took():
    """A CI log shows what is under way, not only what is done."""
    clock = Clock()
    page, text = screen(clock)
    with page.step("Deploying"):
        clock.pause(72.14)
    assert text.getvalue().splitlines() == ["… Deploying", "✓ Deploying (72.1 s)"]


def test_a_failed_step_is_marked():
    """The cross stands where the tick would."""
    page, text = screen()
    with pytest.raises(ValueError, match="broken"), page.step("Deploying"):
        raise ValueError("broken")
    assert text.getvalue().splitlines()[-1] == "✗ Deploying (0.0 s)"


def test_notes_come_no_more_often_than_every_ten_seconds():
    """A step that changes its note each second fills no log."""
    clock = Clock()
    page, text = screen(clock)
    with page.step("Training") as step:
        for second in range(21):
            clock.now = float(second)
            step.note(f"second {second}")
    assert [line.strip() for line in text.getvalue().splitlines()[1:-1]] == ["second 10", "second 20"]


def test_the_same_note_is_not_repeated():
    """Waiting longer is no news."""
    clock = Clock()
    page, text = screen(clock)
    with page.step("Training") as step:
        for second in (11, 22, 33):
            clock.now = float(second)
            step.note("Train")
    assert text.getvalue().count("Train\n") == 1


def test_text_of_users_is_not_taken_for_markup():
    """A title with square brackets is printed as it is."""
    page, text = screen()
    with page.step("Uploading [red].csv"):
        pass
    assert "[red].csv" in text.getvalue()


def test_a_line_to_copy_is_left_alone():
    """A curl line longer than the screen stays one line, brackets and all."""
    page, text = screen()
    page.verbatim("curl [x] " + "y" * 500)
    assert text.getvalue() == "curl [x] " + "y" * 500 + "\n"
