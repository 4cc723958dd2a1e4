"""The code version follows the sources, and the archive is the same bytes twice."""

import io
import os
import re
import tarfile

import pytest

from infolens import code

SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@pytest.fixture
def tree(tmp_path):
    """Lay out a small package and its jobs."""
    package, jobs = tmp_path / "infolens", tmp_path / "training_jobs"
    (package / "tasks" / "news").mkdir(parents=True)
    jobs.mkdir()
    (package / "__init__.py").write_text('"""Package."""\n')
    (package / "tasks" / "news" / "train.py").write_text("EPOCHS = 3\n")
    for name in ("train.py", "export.py", "evaluate.py"):
        (jobs / name).write_text(f"# {name}\n")
    (jobs / "requirements.txt").write_text("torch\n")
    return package, jobs


def test_sources_lie_as_script_mode_wants_them(tree):
    """The scripts are at the root and the package is beside them."""
    assert list(code.sources(*tree)) == [
        "evaluate.py",
        "export.py",
        "infolens/__init__.py",
        "infolens/tasks/news/train.py",
        "requirements.txt",
        "train.py",
    ]


def test_version_follows_content(tree):
    """One changed character makes another version."""
    before = code.version_of(code.sources(*tree))
    (tree[0] / "tasks" / "news" / "train.py").write_text("EPOCHS = 4\n")
    assert code.version_of(code.sources(*tree)) != before
    assert re.fullmatch("[0-9a-f]{12}", before)


def test_version_follows_names(tree):
    """The same bytes under another name are another version, and so are bytes that moved between two files."""
    before = code.version_of(code.sources(*tree))
    (tree[1] / "export.py").rename(tree[1] / "exported.py")
    assert code.version_of(code.sources(*tree)) != before
    assert code.version_of({"a": b"", "ab": b""}) != code.version_of({"a": b"ab"})


def test_version_ignores_what_is_no_source(tree):
    """Bytecode, caches, hidden files, prose and file times change nothing."""
    package, jobs = tree
    before = code.version_of(code.sources(package, jobs))
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"1")
    (package / "tasks" / "news" / "README.md").write_text("Read me")
    (package / ".DS_Store").write_bytes(b"1")
    (jobs / "notes.txt").write_text("1")
    os.utime(jobs / "train.py", (1, 1))
    assert code.version_of(code.sources(package, jobs)) == before


def test_archive_is_the_same_bytes_twice(tree):
    """Packing later, from files with other times, gives the same bytes."""
    first = code.archive(code.sources(*tree))
    os.utime(tree[1] / "train.py", (1, 1))
    assert code.archive(code.sources(*tree)) == first


def test_archive_unpacks_to_the_sources(tree):
    """What a job unpacks is what was packed."""
    files = code.sources(*tree)
    with tarfile.open(fileobj=io.BytesIO(code.archive(files))) as tar:
        unpacked = {entry.name: tar.extractfile(entry).read() for entry in tar}
        assert {entry.mtime for entry in tar} == {0}
    assert unpacked == files


def test_real_sources_of_the_checkout():
    """The checkout's own sources hold every part that a job imports."""
    files = code.sources(*code.places()) if _jobs_are_there() else pytest.skip("training_jobs/train.py is missing")
    assert {"train.py", "export.py", "evaluate.py", "requirements.txt", "infolens/code.py"} <= set(files)
    assert code.code_version() == code.version_of(files)


def _jobs_are_there() -> bool:
    try:
        code.places()
    except code.SourcesMissingError:
        return False
    return True


def test_places_in_the_layer(tree, monkeypatch):
    """In the Lambda layer the jobs lie beside the package."""
    package, jobs = tree
    monkeypatch.setattr(code.infolens, "__file__", str(package / "__init__.py"))
    assert code.places() == (package, jobs)


def test_places_missing(tree, monkeypatch):
    """Without the jobs' sources there is a clear error that names where they were looked for."""
    package, jobs = tree
    monkeypatch.setattr(code.infolens, "__file__", str(package / "__init__.py"))
    (jobs / "train.py").unlink()
    with pytest.raises(code.SourcesMissingError, match=re.escape(str(jobs))):
        code.places()


def test_training_name_is_pure_and_short():
    """The longest task's name leaves room for the suffixes of its jobs."""
    name = code.training_name("movie_recommendation", "d" * 64, "c" * 12)
    assert name == "movie_recommendation-dddddddddddd-cccccccccccc"
    assert len(code.training_name("movie_recommendation", "d" * 64, "c" * 12, again="x" * 9)) == code.MAX_RUN_NAME


def test_training_name_says_another_run():
    """An operator who trains the same pair once more gets another name."""
    assert code.training_name("t", "d1", "c1", again="k3") == "t-d1-c1-k3"


@pytest.mark.parametrize(
    "run_id",
    ["movie_recommendation-dddddddddddd-cccccccccccc-zzzz", "a", "_", "x" * 80, "-a__b--c-", "0f" * 18, "a." * 40],
)
def test_job_names_are_names_for_sagemaker(run_id):
    """Whatever a run is called, its longest job name is one that SageMaker takes."""
    assert SAGEMAKER_NAME.fullmatch(f"{code.job_name(run_id)}-evaluate-10")
    assert len(f"{code.job_name(run_id)}-evaluate-10") <= 63


def test_job_names_of_long_runs_differ():
    """Cut names keep apart what differs only behind the cut."""
    assert code.job_name("x" * 79 + "1") != code.job_name("x" * 79 + "2")
