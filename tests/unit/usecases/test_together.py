"""Questions asked together do not wait for each other, and nobody waits longer than was said."""

import threading
import time

from infolens.usecases.together import ask_together


def test_answers_by_name():
    """Each answer stands under its question's name."""
    assert ask_together({"a": lambda: 1, "b": lambda: 2}, 5) == {"a": 1, "b": 2}


def test_nothing_to_ask():
    """No question has no answer."""
    assert ask_together({}, 5) == {}


def test_questions_run_at_the_same_time():
    """Three questions that each wait for the other two all come to an end."""
    meet = threading.Barrier(3, timeout=20)
    seen = ask_together(dict.fromkeys("abc", meet.wait), 20)
    assert sorted(seen.values()) == [0, 1, 2]


def test_an_error_is_its_own_question_s():
    """What one question raises is its result; the others have theirs."""

    def fails():
        raise LookupError("b")

    seen = ask_together({"a": lambda: 1, "b": fails}, 5)
    assert seen["a"] == 1
    assert isinstance(seen["b"], LookupError)


def test_no_answer_in_time():
    """A question that takes longer is left alone, and the others' answers are there in time."""
    over = threading.Event()
    started = time.monotonic()
    seen = ask_together({"a": lambda: 1, "b": lambda: over.wait(20)}, 0.2)
    seconds = time.monotonic() - started
    over.set()
    assert seen["a"] == 1
    assert isinstance(seen["b"], TimeoutError)
    assert str(seen["b"]) == "no answer within 0.2 s"
    assert seconds < 10
