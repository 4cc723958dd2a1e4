"""SageMaker tuning jobs in the embedded cloud: trials are training jobs, the best is told, stops and limits hold."""

import json

import pytest

from cloud_parts import ROLE, make_bucket, tarball_of, unique, until

pytestmark = pytest.mark.cloud

TRAIN = """
import os, pathlib, sys, time
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options.pop("--_tuning_objective_metric") == "validation_accuracy"
if options["--do"] == "fail": raise ValueError("bad labels")
if options["--do"] == "sleep": print("sleeping", flush=True); time.sleep(600)
for epoch in range(2):
    print(f"validation_accuracy={float(options['--quality']) + epoch / 100}", flush=True)
if options["--do"] == "linger" and options["--quality"] == "0.1": time.sleep(600)
pathlib.Path(os.environ["SM_MODEL_DIR"], "quality").write_text(options["--quality"])
"""
ENDED = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def bucket(cloud):
    """A bucket with code and data for the trials."""
    name = make_bucket(cloud)
    s3 = cloud.client("s3")
    s3.put_object(Bucket=name, Key="sourcedir.tar.gz", Body=tarball_of({"train.py": TRAIN}))
    return name


def tune(cloud, bucket, *, do="work", values=("0.2", "0.9", "0.5"), parallel=2, early="Off", **limits):
    """Start a tuning job over `quality` and return its name."""
    name = unique("tune")
    static = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{bucket}/sourcedir.tar.gz"}
    cloud.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Grid",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation_accuracy"},
            "ResourceLimits": {"MaxParallelTrainingJobs": parallel, **limits},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "quality", "Values": list(values)}]},
            "TrainingJobEarlyStoppingType": early,
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {
                "TrainingImage": "any",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation_accuracy", "Regex": "validation_accuracy=([0-9.]+)"}],
            },
            "RoleArn": ROLE,
            "StaticHyperParameters": static | {"do": json.dumps(do)},
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 100},
        },
    )
    return name


def described(cloud, name):
    """Describe a tuning job."""
    return cloud.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def tuned(cloud, name):
    """Wait for the end of a tuning job and describe it."""
    return until(lambda: (seen := described(cloud, name))["HyperParameterTuningJobStatus"] in ENDED and seen, every=0.1)


def trials(cloud, name):
    """The training jobs of a tuning job, in the order of their start."""
    answer = cloud.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name
    )
    return answer["TrainingJobSummaries"]


def test_best_trial_is_told_with_its_values(cloud, bucket):
    """Every combination is a training job; the best is named with its values, and its model lies where jobs put it."""
    name = tune(cloud, bucket)
    seen = tuned(cloud, name)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert seen["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    best = seen["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"quality": "0.9"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"] == "validation_accuracy"
    assert round(best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], 3) == 0.91
    assert best["TrainingJobName"].startswith(f"{name}-002-")
    job = cloud.client("sagemaker").describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert (
        job["ModelArtifacts"]["S3ModelArtifacts"]
        == f"s3://{bucket}/models/{best['TrainingJobName']}/output/model.tar.gz"
    )
    assert job["TuningJobArn"] == seen["HyperParameterTuningJobArn"]
    listed = cloud.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains=name)
    assert [each["Strategy"] for each in listed["HyperParameterTuningJobSummaries"]] == ["Grid"]


def test_no_more_trials_at_once_than_allowed_and_a_stop_ends_all(cloud, bucket):
    """MaxParallelTrainingJobs holds; StopHyperParameterTuningJob ends what runs and starts nothing more."""
    name = tune(cloud, bucket, do="sleep")
    until(lambda: described(cloud, name)["TrainingJobStatusCounters"]["InProgress"] == 2)
    cloud.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert tuned(cloud, name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert [each["TrainingJobStatus"] for each in trials(cloud, name)] == ["Stopped", "Stopped"]


def test_hopeless_trial_is_stopped_early(cloud, bucket):
    """With Auto, a trial that is worse than the median of those before it does not run to its end."""
    seen = tuned(cloud, tune(cloud, bucket, do="linger", values=("0.8", "0.9", "0.1"), parallel=1, early="Auto"))
    assert seen["HyperParameterTuningJobStatus"] == "Completed"
    assert (seen["TrainingJobStatusCounters"]["Completed"], seen["TrainingJobStatusCounters"]["Stopped"]) == (2, 1)
    assert seen["BestTrainingJob"]["TunedHyperParameters"] == {"quality": "0.9"}


def test_tuning_fails_when_all_trials_fail(cloud, bucket):
    """Without one trial that succeeded there is no best one."""
    seen = tuned(cloud, tune(cloud, bucket, do="fail", values=("0.1", "0.2")))
    assert seen["HyperParameterTuningJobStatus"] == "Failed"
    assert seen["FailureReason"].startswith("No training job succeeded after 2 attempts.")
    assert "BestTrainingJob" not in seen


def test_impossible_grids_are_refused(cloud, bucket):
    """What SageMaker refuses at once is refused at once."""
    client = cloud.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError, match="combinations, 3"):
        tune(cloud, bucket, MaxNumberOfTrainingJobs=2)
