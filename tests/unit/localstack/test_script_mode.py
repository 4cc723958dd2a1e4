"""Script mode as the sagemaker-training toolkit does it."""

import json
from pathlib import Path

from infolens_localstack.jobs import script_mode
from infolens_localstack.jobs.folder import _relative, local, split_uri


def test_hyperparameters_are_decoded_where_they_are_json():
    """The SDK's JSON values are decoded, plain text stays text."""
    given = {"epochs": "3", "name": '"bart"', "note": "as it is", "list": "[1, 2]", "flag": "true"}
    decoded = {"epochs": 3, "name": "bart", "note": "as it is", "list": [1, 2], "flag": True}
    assert script_mode.decoded(given) == decoded


def test_arguments_are_sorted_and_those_of_the_toolkit_left_out():
    """Each hyperparameter is --name value, one-letter names -n value."""
    given = script_mode.user_hyperparameters({"sagemaker_program": "train.py", "lr": 0.1, "e": 3, "name": "a b"})
    assert script_mode.arguments(given) == ["-e", "3", "--lr", "0.1", "--name", "a b"]


def test_variables_tell_channels_folders_and_hyperparameters():
    """The SM_* variables are those that training scripts read."""
    seen = script_mode.variables(
        Path("/job/ml"),
        job_name="run-1",
        program="train.py",
        hyperparameters={"epochs": 3},
        channels={"dataset": {"TrainingInputMode": "File"}},
        module_uri="s3://b/code.tar.gz",
        gpus=2,
    )
    assert seen["SM_CHANNEL_DATASET"] == "/job/ml/input/data/dataset"
    assert seen["SM_MODEL_DIR"] == "/job/ml/model"
    assert seen["SM_OUTPUT_DATA_DIR"] == "/job/ml/output/data"
    assert json.loads(seen["SM_CHANNELS"]) == ["dataset"]
    assert json.loads(seen["SM_HPS"]) == {"epochs": 3}
    assert (seen["SM_HP_EPOCHS"], seen["SM_NUM_GPUS"], seen["SM_CURRENT_HOST"]) == ("3", "2", "algo-1")
    assert json.loads(seen["SM_TRAINING_ENV"])["job_name"] == "run-1"


def test_failure_has_the_last_trace():
    """The failure text carries the exit code, the last trace and the command."""
    lines = ["Traceback (most recent call last):", "first", "loss=1", "Traceback (most recent call last):", "Boom: x"]
    text = script_mode.failure_text(["python3", "train.py", "--name", "a b"], 1, lines)
    assert text == (
        'ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback (most recent call last):\nBoom: x"\n'
        "Command \"python3 train.py --name 'a b'\""
    )


def test_opt_ml_is_the_jobs_folder():
    """Every /opt/ml in a text is the job's own folder."""
    script = "cd /opt/ml/code && cat /opt/ml/model/x"
    assert local(script, Path("/jobs/1/ml")) == "cd /jobs/1/ml/code && cat /jobs/1/ml/model/x"


def test_uri_is_bucket_and_key():
    """A URI is cut at its first slash."""
    assert split_uri("s3://bucket/a/b.csv") == ("bucket", "a/b.csv")
    assert split_uri("s3://bucket") == ("bucket", "")


def test_paths_below_a_prefix():
    """A key's place in the channel: below a folder prefix, itself, or past a prefix that ends inside a name."""
    cases = [
        ("data/a/b.csv", "data/", "a/b.csv"),
        ("data/a/b.csv", "data", "a/b.csv"),
        ("data/b.csv", "data/b.csv", "b.csv"),
        ("data/part-1.csv", "data/part-", "part-1.csv"),
        ("x.csv", "", "x.csv"),
    ]
    assert [_relative(key, prefix) for key, prefix, _ in cases] == [expected for _, _, expected in cases]
