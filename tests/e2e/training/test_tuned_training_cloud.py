"""A search over a real task tries its values with the real training, and the hopeless one loses."""

import json
from dataclasses import replace

import pytest

from cloud_parts import ROLE, make_bucket, until
from infolens import code, codec
from infolens.aws.objects import S3Objects
from infolens.ml.training.rehearsal import take_files
from infolens.tasks import part_of
from infolens.tasks.crash_risk import sample
from infolens.usecases.training import prepare
from infolens.usecases.training_order import Order, Tuning
from training_fakes import DATASET, SETTINGS, training_ports

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(300)]


def test_grid_finds_the_learning_rate_that_learns(cloud, tmp_path):
    """The request of prepare_training as it is: one rate learns in three epochs, the other as good as not at all."""
    sample.write_csv(tmp_path / "crashes.csv", sample.rows(15_000, 3))
    take_files("crash_risk", [tmp_path / "crashes.csv"], tmp_path / "parts")
    bucket = make_bucket(cloud)
    store = S3Objects(cloud.client("s3"))
    (part,) = (tmp_path / "parts").iterdir()
    store.write(bucket, f"parts/{part.name}", part.read_bytes())
    folder = "datasets/crash_risk/12e456789012"
    manifest = replace(DATASET, task="crash_risk", rows=part_of("crash_risk", "gates").MIN_ROWS)
    store.write(bucket, f"{folder}/manifest.json", codec.to_json(manifest))
    channel = [{"prefix": f"s3://{bucket}/parts/"}, part.name]
    store.write(bucket, f"{folder}/channel.manifest", json.dumps(channel).encode())
    settings = replace(SETTINGS, data_bucket=bucket, models_bucket=bucket, training_role_arn=ROLE)
    order = Order(
        "crash_risk",
        "12e456789012",
        "searched",
        hyperparameters={"epochs": 3},
        tuning=Tuning("Grid", parameters={"lr": [1e-9, 0.003]}),
    )
    ports = replace(training_ports(settings=settings), objects=store)
    tune = prepare(order, code.sources(*code.places()), ports)["tune"]
    client, name = cloud.client("sagemaker"), f"{tune['job']}-0"
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=tune["HyperParameterTuningJobConfig"],
        TrainingJobDefinition=tune["TrainingJobDefinition"],
    )

    def ended():
        seen = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return seen if seen["HyperParameterTuningJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    seen = until(ended, every=0.2)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["ObjectiveStatusCounters"]["Succeeded"] == 2
    assert seen["BestTrainingJob"]["TunedHyperParameters"] == {"lr": "0.003"}
