"""Engines run as processes that are treated alike and told apart when they fail."""

import errno
import platform
import sys
from pathlib import Path

import pytest

from serving_benchmark import cases, models, workers

TOY = """
import ctypes
import os


class Engine:
    def __init__(self, variant, model, folder, threads):
        if variant == "broken":
            raise OSError("no such model")
        self.files, self.versions = [], {"toy": "1"}
        print("libraries print what they like")

    def answer(self, item):
        if item["text"] == "bad":
            raise KeyError("text")

    def outcome(self, item):
        if item["text"] == "amx":  # arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
            libc = ctypes.CDLL(None, use_errno=True)
            return [float(libc.syscall(158, 0x1023, 18) and ctypes.get_errno())]
        return [float(os.environ["OMP_NUM_THREADS"])]
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Put an engine of our own in place of the real ones."""
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines" / "toy.py").write_text(TOY)
    (tmp_path / "worker.py").write_text(workers.WORKER.read_text())
    monkeypatch.setattr(workers, "WORKER", tmp_path / "worker.py")
    monkeypatch.setattr(cases.Engine, "python", Path(sys.executable))
    return tmp_path


def test_a_worker_answers(toy):
    """It takes the time of each counted item, says what it holds, and has as many threads as it is told."""
    with workers.Worker(cases.Engine("toy", "toy"), "model", toy, 3) as worker:
        assert worker.loaded["versions"] == {"toy": "1"}
        said = worker.ask({"ask": "answer", "items": [{"text": "a"}, {"text": "b"}], "warm": [{"text": "a"}]})
        assert len(said["seconds"]) == 2
        assert said["resident_mb"] > 1
        assert worker.ask({"ask": "outcome", "items": [{"text": "a"}]})["outcome"] == [3.0]
        with pytest.raises(workers.EngineFailedError, match="KeyError"):
            worker.ask({"ask": "answer", "items": [{"text": "bad"}], "warm": []})
        assert worker.ask({"ask": "answer", "items": [{"text": "a"}], "warm": []})["seconds"]


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="only there AMX is asked for")
@pytest.mark.parametrize(("amx", "refused"), [(True, {0, errno.EINVAL, errno.ENOTSUP}), (False, {errno.EPERM})])
def test_amx_is_asked_for_in_vain_when_it_is_hidden(toy, amx, refused):
    """The kernel's own answer to the call by which every library asks; a processor without AMX does for it, too."""
    with workers.Worker(cases.Engine("toy", "toy"), "model", toy, 1, amx=amx) as worker:
        assert worker.ask({"ask": "outcome", "items": [{"text": "amx"}]})["outcome"][0] in refused


def test_an_engine_that_cannot_be_loaded(toy):
    """Its reason is told, and no process is left."""
    with pytest.raises(workers.EngineFailedError, match="OSError: no such model"):
        workers.Worker(cases.Engine("toy", "toy", "broken"), "model", toy, 1)


def test_an_engine_without_its_environment(tmp_path):
    """It says how to install it."""
    with pytest.raises(workers.EngineFailedError, match="make bench-peers"):
        workers.Worker(cases.Engine("toy", "toy", environment="nowhere"), "model", tmp_path, 1)


def test_all_get_the_same_threads_and_only_ours_the_project():
    """A peer sees none of the project's code; every library's own number of threads is the same."""
    outside = {"PYTHONPATH": "/somewhere", "OMP_NUM_THREADS": "9", "PATH": "/bin"}
    peer = workers.environment(cases.Engine("it", "it", environment="openvino"), 2, outside)
    ours = workers.environment(cases.Engine("we", "we"), 2, outside)
    assert "PYTHONPATH" not in peer
    assert ours["PYTHONPATH"].endswith("layers/platform")
    assert {peer["OMP_NUM_THREADS"], ours["OMP_NUM_THREADS"], peer["MKL_NUM_THREADS"]} == {"2"}


@pytest.mark.parametrize("wanted", [1, 7, 40])
def test_texts_have_exactly_so_many_tokens(wanted):
    """So no engine pads or cuts; words of several tokens are passed over where they do not fit."""
    corpus = ["one two-two three", "four-four-four five"] * 30
    text = models.text_of(lambda text: len(text.replace("-", " ").split()), corpus, wanted, seed=1)
    assert len(text.replace("-", " ").split()) == wanted


def test_no_text_fits():
    """A corpus that cannot fill the last place is refused."""
    with pytest.raises(ValueError, match="no text of 3 tokens"):
        models.text_of(lambda text: 2 * len(text.split()), ["a b c"], 3, seed=1)
