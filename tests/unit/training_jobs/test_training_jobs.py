"""The three jobs do a whole run over a folder shaped like /opt/ml, and say why when they cannot."""

import io
import json
import re
import runpy
import subprocess
import sys
import tarfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from infolens import codec
from infolens.contracts.evaluation import EvaluationReport
from infolens.ml.bundle import digest_of, verify
from infolens.tasks.news_category import train as task_train
from ml_fakes import TINY, sample_dataset, write_part

JOBS = Path(__file__).parents[3] / "training_jobs"
TRAIN = (
    "--task",
    "news_category",
    "--profile",
    "cpu",
    "--run-id",
    "run-1",
    "--dataset-id",
    "d-1",
    "--code-version",
    "c-1",
)
RUN = ("--task", "news_category", "--run-id", "run-1", "--dataset-id", "d-1")


@dataclass(frozen=True)
class Done:
    """How a job ended."""

    returncode: int
    stdout: str
    stderr: str


def run(job: str, root: Path, *arguments: str | Path) -> Done:
    """Run a job's script from its first line to its last, with the toolkit's variables, in this process.

    tests/integration/test_training_processes.py starts it as SageMaker does; torch takes seconds to load.
    """
    env = {
        "SM_MODEL_DIR": str(root / "model"),
        "SM_CHANNEL_DATASET": str(root / "input/data/dataset"),
        "SM_OUTPUT_DIR": str(root / "output"),
    }
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", [f"{job}.py", *map(str, arguments)])
        patch.setitem(task_train.PROFILES, "cpu", TINY)
        try:
            runpy.run_path(str(JOBS / f"{job}.py"), run_name="__main__")
        except SystemExit as end:
            status = int(end.code or 0)
    return Done(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder like /opt/ml after a training and an export on 260 sample rows."""
    root = tmp_path_factory.mktemp("ml")
    write_part(root / "input/data/dataset", sample_dataset(260))
    trained = run("train", root, *TRAIN)
    assert trained.returncode == 0, trained.stderr
    assert re.search(r"validation_accuracy=0\.\d+", trained.stdout)
    (root / "processing/input/model").mkdir(parents=True)
    with tarfile.open(root / "processing/input/model/model.tar.gz", "w:gz") as archive:
        for path in (root / "model").iterdir():
            archive.add(path, path.name)
    exported = run("export", root, *export_arguments(root))
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.strip().endswith(f"bundle_digest={digest_of(root / 'processing/output/bundle')}")
    return root


def export_arguments(root: Path) -> tuple[str | Path, ...]:
    """Options of the export job."""
    folder = root / "processing"
    return (
        *("--task", "news_category", "--model", folder / "input/model"),
        *("--dataset", root / "input/data/dataset", "--output", folder / "output"),
    )


def evaluated(root: Path, name: str, *more: str | Path) -> EvaluationReport:
    """Run the evaluation job into a folder of its own and read its report."""
    output = root / "processing" / name
    options = (
        "--bundle",
        root / "processing/output/bundle",
        "--exact",
        root / "processing/output/exact",
        "--dataset",
        root / "input/data/dataset",
        "--output",
        output,
    )
    done = run("evaluate", root, *RUN, *options, *more)
    assert done.returncode == 0, done.stderr
    return codec.from_json(EvaluationReport, (output / "report.json").read_bytes())


def test_bundle(root):
    """The exported bundle names its run, dataset and code, and carries the validation metrics."""
    bundle = root / "processing/output/bundle"
    manifest = verify(bundle, digest_of(bundle))
    assert (manifest.run_id, manifest.dataset_id, manifest.code_version) == ("run-1", "d-1", "c-1")
    assert set(manifest.metrics) == {"validation_loss", "validation_accuracy", "validation_macro_f1"}
    assert json.loads((root / "processing/output/reference.json").read_text())["inputs"]


def test_checkpoints_lie_beside_the_model(root):
    """SageMaker keeps /opt/ml/checkpoints; it is found without being told."""
    assert list((root / "checkpoints").glob("*.pt"))


def test_first_report(root):
    """Without a champion the report holds the candidate's metrics alone."""
    report = evaluated(root, "first")
    assert report.bundle_digest == digest_of(root / "processing/output/bundle")
    assert report.rows > 0
    assert set(report.metrics) == {"accuracy", "macro_f1"}
    assert (report.champion_digest, report.champion_metrics) == ("", {})
    assert sum(values["rows"] for values in report.slices.values()) == report.rows


def test_report_beside_a_champion(root):
    """The champion is measured on the same rows: the very same bundle has the very same metrics."""
    bundle = root / "processing/output/bundle"
    report = evaluated(root, "second", "--champion", bundle, "--champion-digest", digest_of(bundle))
    assert report.champion_digest == report.bundle_digest
    assert report.champion_metrics == report.metrics


@pytest.mark.parametrize("option", ["--digest", "--champion-digest"])
def test_evaluation_refuses_another_digest(root, option):
    """A bundle that is not what its digest says is not evaluated; the reason becomes the job's exit message."""
    bundle = root / "processing/output/bundle"
    options = ("--bundle", bundle, "--champion", bundle, "--dataset", root / "input/data/dataset")
    done = run("evaluate", root, *RUN, *options, "--output", root / "processing/third", option, "0" * 64)
    assert done.returncode == 1
    assert "DigestMismatchError: manifest.json" in (root / "output/message").read_text()


def test_training_that_fails_says_why(root, tmp_path):
    """The reason is in /opt/ml/output/failure and in the last line of the log."""
    write_part(tmp_path / "input/data/dataset", [{"text": "x", "label": "Gardening", "split": "train"}])
    done = run("train", tmp_path, *TRAIN)
    assert done.returncode == 1
    reason = (tmp_path / "output/failure").read_text()
    assert reason.startswith("TrainingError: dataset: label 'Gardening' is none of Business")
    assert done.stderr.strip().endswith(reason)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("--profile", "tpu"), "profile: 'tpu' is none of cpu, gpu"),
        (("--task", "horoscope"), "unknown task 'horoscope'"),
        (("--base-model", "/nowhere"), "base-model: no config.json in /nowhere"),
    ],
)
def test_wrong_hyperparameters(root, tmp_path, changes, says):
    """A hyperparameter that names nothing fails with the names that would do."""
    (tmp_path / "input/data").mkdir(parents=True)
    (tmp_path / "input/data/dataset").symlink_to(root / "input/data/dataset")
    assert run("train", tmp_path, *TRAIN, *changes).returncode == 1
    assert says in (tmp_path / "output/failure").read_text()


def test_an_export_without_a_model(root, tmp_path):
    """An empty model folder fails with its reason."""
    (tmp_path / "processing/input/model").mkdir(parents=True)
    (tmp_path / "input/data").mkdir(parents=True)
    (tmp_path / "input/data/dataset").symlink_to(root / "input/data/dataset")
    assert run("export", tmp_path, *export_arguments(tmp_path)).returncode == 1
    assert "no training.json" in (tmp_path / "output/message").read_text()


def test_requirements_name_what_the_jobs_import():
    """Everything that a job loads from outside the standard library is in requirements.txt, or comes with torch."""
    script = (
        "import sys; before = set(sys.modules)\n"
        "import infolens.tasks.news_category.train, infolens.tasks.news_category.export, infolens.tasks.evaluation\n"
        "import infolens.codec\n"
        "mine = {n for n, m in sys.modules.items() if n.startswith('infolens') and getattr(m, '__file__', None)}\n"
        "import ast, pathlib\n"
        "found = set()\n"
        "for name in mine:\n"
        "    for node in ast.walk(ast.parse(pathlib.Path(sys.modules[name].__file__).read_text())):\n"
        "        if isinstance(node, ast.Import): found |= {a.name.split('.')[0] for a in node.names}\n"
        "        if isinstance(node, ast.ImportFrom) and node.module: found.add(node.module.split('.')[0])\n"
        "print(*sorted(found - set(sys.stdlib_module_names) - {'infolens'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    lines = (JOBS / "requirements.txt").read_text().splitlines()
    named = {re.split(r"[<>=]", line)[0].replace("-", "_") for line in lines if line and not line.startswith("#")}
    given = named | {
        "torch",
        "sklearn",
        "scipy",
        "_typeshed",
        "infolens_kernels",
    }  # the image's; scikit-learn and what it brings; types only; the inference layer's, which jobs do without
    assert set(done.stdout.split()) <= given
