"""What the embedded cloud's start and stop say when something is wrong; no LocalStack is needed to see it."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from infolens_cli import cloud


def stand_in(folder, script):
    """Return Interpreters whose cloud is a shell script."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    here = Path(sys.executable)
    return cloud.Interpreters(cloud=program, functions=here, jobs=here)


@pytest.fixture
def port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_death_at_start_shows_the_last_lines(tmp_path, port):
    """A cloud that dies while it starts is reported with its status and the end of its log."""
    programs = stand_in(tmp_path, "echo no module named localstack; exit 3")
    with pytest.raises(cloud.CloudError, match=r"exit status 3\)\. Its last lines:\n  no module named localstack"):
        cloud.start(tmp_path / "state", port, interpreters=programs)
    assert cloud.status(tmp_path / "state") is None


def test_silence_at_start_ends_at_the_limit_and_leaves_no_process(tmp_path, port):
    """A cloud that never answers is ended at the limit."""
    programs = stand_in(tmp_path, "echo thinking; exec sleep 60")
    with pytest.raises(cloud.CloudError, match=r"did not answer within 1 s\. Its last lines:\n  thinking"):
        cloud.start(tmp_path / "state", port, interpreters=programs, limit_seconds=1)
    assert cloud._marked(cloud._mark(tmp_path / "state")) == []


def test_taken_port_names_its_holder_and_the_way_out(tmp_path, port):
    """A port that another process holds is refused with that process and the variable that chooses another."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        told = rf"port {port} is taken by pid {os.getpid()} \(.*; end that, or choose another port with INFOLENS_CLOUD"
        with pytest.raises(cloud.CloudError, match=told):
            cloud.start(tmp_path / "state", port, interpreters=stand_in(tmp_path, "exec sleep 60"))
    assert not (tmp_path / "state").exists()


def test_missing_environment_names_the_command_that_makes_it(tmp_path, port):
    """Without its environments the cloud does not start, and says how they are made."""
    programs = cloud.Interpreters(cloud=tmp_path / "absent")
    with pytest.raises(cloud.CloudError, match=r"absent is missing: `make setup`"):
        cloud.start(tmp_path / "state", port, interpreters=programs)


def test_folder_with_other_files_is_left_alone(tmp_path, port):
    """A folder that is no cloud's is neither used nor removed."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(cloud.CloudError, match="holds other files"):
        cloud.start(tmp_path, port, interpreters=stand_in(tmp_path, "exit 1"))
    assert cloud.stop(tmp_path) is False
    assert (tmp_path / "thesis.txt").exists()


def test_stale_record_counts_as_not_running(tmp_path):
    """A record whose number now belongs to a later process is no running cloud."""
    record = cloud.Running(os.getpid(), "another time", 4566, str(tmp_path))
    (tmp_path / "cloud.json").write_text(json.dumps(asdict(record)))
    assert cloud.status(tmp_path) is None
    truth = cloud.Running(os.getpid(), cloud._born(os.getpid()), 4566, str(tmp_path))
    (tmp_path / "cloud.json").write_text(json.dumps(asdict(truth)))
    assert cloud.status(tmp_path) == truth


def test_broken_record_counts_as_not_running(tmp_path):
    """A record that cannot be read is no running cloud."""
    (tmp_path / "cloud.json").write_text('{"pid": 1')
    assert cloud.status(tmp_path) is None


def test_stop_ends_what_carries_the_mark_and_nothing_else(tmp_path):
    """Only processes with this folder's mark are ended."""
    state = tmp_path / "state"
    mine = subprocess.Popen(["sleep", "60"], env={**os.environ, "INFOLENS_CLOUD_MARK": cloud._mark(state)})
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, "INFOLENS_CLOUD_MARK": "of another"})
    try:
        assert cloud.stop(state) is True
        assert mine.wait(5) != 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["80", "65536", "45 66", "http"])
def test_port_that_is_none_is_refused(text):
    """A wrong INFOLENS_CLOUD_PORT is refused with what it must be."""
    with pytest.raises(cloud.CloudError, match="must be a number from 1024 to 65535"):
        cloud.chosen_port({"INFOLENS_CLOUD_PORT": text})


@pytest.mark.parametrize(("env", "expected"), [({}, 4566), ({"INFOLENS_CLOUD_PORT": "1024"}, 1024)])
def test_port_of_the_environment_or_the_usual_one(env, expected):
    """The port is 4566 unless the environment says otherwise."""
    assert cloud.chosen_port(env) == expected
