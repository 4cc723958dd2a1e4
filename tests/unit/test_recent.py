"""What was read some seconds ago."""

import pytest

from infolens.recent import Recent


def test_a_value_holds_for_its_seconds():
    """Just before its seconds are over it is not read again, at that moment it is; each key for itself."""
    reads, now = [], [0.0]
    recent = Recent(lambda key: (reads.append(key), len(reads))[1], 5.0, lambda: now[0])
    assert recent.get("a") == 1
    now[0] = 4.9
    assert recent.get("a") == 1
    assert recent.get("b") == 2
    now[0] = 5.0
    assert recent.get("a") == 3
    assert reads == ["a", "b", "a"]


def test_nothing_is_kept_of_an_error():
    """What could not be read is read again the next time."""
    answers = [OSError("away"), 1]

    def read(_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    recent = Recent(read, 5.0, lambda: 0.0)
    with pytest.raises(OSError, match="away"):
        recent.get("a")
    assert recent.get("a") == 1


def test_nothing_found_is_kept_too():
    """None is an answer like others."""
    reads = []
    recent = Recent(reads.append, 5.0, lambda: 0.0)
    assert recent.get("a") is None
    assert recent.get("a") is None
    assert reads == ["a"]
