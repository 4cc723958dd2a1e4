"""Cutting what a function writes into log records: lines, frames, and both mixed."""

import os

from infolens_localstack.functions.output import LogRecord, OutputPipe, RecordParser


def frame(text, milliseconds):
    """Return a record as awslambdaric frames it."""
    data = text.encode()
    return b"\xa5\x5a\x00\x03" + len(data).to_bytes(4, "big") + (milliseconds * 1000).to_bytes(8, "big") + data


def test_lines_are_records():
    """Each line is a record of the time it came; empty lines are none."""
    assert RecordParser().feed(b"one\n\ntwo\r\n", 5) == [LogRecord(5, "one"), LogRecord(5, "two")]


def test_a_frame_is_one_record_with_its_own_time():
    """A framed record keeps its line breaks and its time; the line before it, which is read later, is no later."""
    seen = RecordParser().feed(b"before\n" + frame("first\nsecond\n", 7) + b"after\n", 9)
    assert seen == [LogRecord(7, "before"), LogRecord(7, "first\nsecond"), LogRecord(9, "after")]


def test_no_record_is_earlier_than_one_before_it():
    """A frame that was made before the line above it was read stands below that line when the log is sorted."""
    parser = RecordParser()
    assert parser.feed(b"a line\n", 9) == [LogRecord(9, "a line")]
    assert parser.feed(frame("a frame", 8), 10) == [LogRecord(9, "a frame")]
    assert parser.flush(10) == []


def test_records_that_come_in_pieces_are_put_together():
    """However the bytes are cut, the records are the same."""
    data = b"a line\n" + frame("a frame", 7) + b"last\n"
    expected = [LogRecord(7, "a line"), LogRecord(7, "a frame"), LogRecord(7, "last")]
    for size in (1, 2, 3, 5, 8, 13):
        parser = RecordParser()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert [record for piece in pieces for record in parser.feed(piece, 7)] == expected


def test_an_unfinished_line_comes_with_the_end():
    """What has no line end is a record when the process has ended."""
    parser = RecordParser()
    assert parser.feed(b"unfinished", 5) == []
    assert parser.flush(6) == [LogRecord(6, "unfinished")]
    assert parser.flush(7) == []


def test_a_line_without_end_is_cut_at_the_largest_event():
    """A line longer than CloudWatch's largest event becomes several records."""
    seen = RecordParser().feed(b"x" * 600_000 + b"\n", 5)
    assert [len(record.text) for record in seen] == [262_118, 262_118, 75_764]


def test_bytes_that_are_no_text_do_not_stop_it():
    """Broken UTF-8 is shown with replacement characters."""
    assert RecordParser().feed(b"\xff\xfe\n", 5) == [LogRecord(5, "\ufffd\ufffd")]


def test_pipe_gives_all_that_was_written_before_it_was_asked():
    """What is in the pipe when `take` is called is in its answer."""
    pipe = OutputPipe()
    writer = os.dup(pipe.write_end)
    pipe.start()
    os.write(writer, b"one\ntwo\n")
    assert [record.text for record in pipe.take()] == ["one", "two"]
    os.write(writer, b"three\n")
    assert [record.text for record in pipe.take()] == ["three"]
    os.close(writer)
