"""Prepares a training run: refuses what is not worth training, and builds the requests of its three SageMaker jobs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from infolens import code, codec
from infolens.aws.objects import ObjectMissingError
from infolens.contracts import keys
from infolens.contracts.dataset import DatasetManifest
from infolens.contracts.training_run import TrainedModel
from infolens.ml.metric_lines import METRIC_DEFINITIONS
from infolens.tasks import UnknownTaskError, part_of
from infolens.usecases import tuning
from infolens.usecases.training_order import TrainingRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infolens.aws.objects import ObjectStore
    from infolens.aws.registry import ModelRegistry
    from infolens.contracts.model import ModelRecord
    from infolens.contracts.task import Search
    from infolens.settings import Settings
    from infolens.usecases.prediction import ReadsAlias
    from infolens.usecases.training_order import Order

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"

# The files of the code channel arrive packed. What follows the script in ContainerArguments becomes "$0" and "$@", so
# no argument is ever read by the shell. The image lacks what requirements.txt names, as in script mode.
_RUN_SCRIPT = (
    f"mkdir -p /opt/ml/code && tar -xzf {_INPUT}/code/sourcedir.tar.gz -C /opt/ml/code && cd /opt/ml/code"
    ' && python3 -m pip install -q --disable-pip-version-check -r requirements.txt && exec python3 "$0" "$@"'
)

_VOLUME_GB = 30
"""The largest data set of S0 has 0.3 GB and the largest checkpoint 0.6 GB; the rest is room for the image's caches."""

_WAIT_SECONDS = 1800
"""What a job may need beyond its own limit: waiting for an instance, pulling the image, uploading."""

SEED = 20


class UnregisteredChampionError(RuntimeError):
    """The alias serves a version that the registry does not know, so a candidate could not be compared with it."""


@dataclass(frozen=True)
class Ports:
    """What preparing reads and writes."""

    objects: ObjectStore
    registry: ModelRegistry
    alias: ReadsAlias
    settings: Settings


def prepare(order: Order, sources: Mapping[str, bytes], ports: Ports) -> dict[str, object]:
    """Check that the run is worth its money, upload its code once, and return what the state machine goes on with.

    Args:
        order: what is to be trained.
        sources: the code, see `infolens.code.sources`.
        ports: places and settings.

    Raises:
        TrainingRefusedError: unknown task or dataset, fewer rows than the task's MIN_ROWS, a search that cannot be run,
            or a run to resume that has no trained model of this dataset and this code.
        UnregisteredChampionError: nobody knows what serves at present.
    """
    settings = ports.settings
    check_dataset(order, ports.objects, settings.need("data_bucket"))
    version = code.version_of(dict(sources))
    code_key = keys.training_code(version)
    models_bucket = settings.need("models_bucket")
    ports.objects.create(models_bucket, code_key, code.archive(dict(sources)), "application/gzip")
    resumed = resumed_model(order, version, ports) if order.resume else None
    champion = champion_of(order.task, ports)
    run = Run(order, version, f"s3://{models_bucket}/{code_key}", settings)
    trained = training_part(run)
    return {
        "task": order.task,
        "how": "resume" if resumed else "tune" if order.tuning else "train",
        "run_id": run.run_id,
        "dataset_id": order.dataset_id,
        "code_version": version,
        "prefix": f"s3://{models_bucket}/{keys.run_prefix(order.task, run.run_id)}",
        "note": {"bucket": models_bucket, "key": keys.run_trained(order.task, run.run_id)},
        "origin": {
            "task": order.task,
            "run_id": run.run_id,
            "dataset_id": order.dataset_id,
            "code_version": version,
        },
        "trained": codec.to_dict(resumed) if resumed else None,
        "champion": _champion_part(champion),
        "train": trained,
        "tune": tuning_part(run, trained) if order.tuning else None,
        "export": export_part(run),
        "evaluate": evaluation_part(run, champion),
        "rollout": {"task": order.task, "forced": False, "who": "state-machine"}
        | ({"plan": order.plan} if order.plan is not None else {}),
    }


def champion_of(task: str, ports: Ports) -> ModelRecord | None:
    """Find who serves: alias -> version -> record; None when nobody does.

    Raises:
        UnregisteredChampionError: the alias points to a version without a record.
    """
    state = ports.alias.read(f"{ports.settings.need('predict_function_prefix')}{task}")
    if state is None:
        return None
    record = ports.registry.get(task, state.champion)
    if record is None:
        raise UnregisteredChampionError(f"{task} is served by version {state.champion}, which is not in the registry")
    return record


def resumed_model(order: Order, code_version: str, ports: Ports) -> TrainedModel:
    """Find the trained model of the run that is to go on.

    Raises:
        TrainingRefusedError: the run has none, it was trained on another dataset or by other code, or it is gone.
    """
    bucket = ports.settings.need("models_bucket")
    again = "train again instead"
    try:
        data = ports.objects.read(bucket, keys.run_trained(order.task, order.resume)).data
    except ObjectMissingError as error:
        raise TrainingRefusedError(f"run {order.resume} of {order.task} has no trained model; {again}") from error
    model = codec.from_json(TrainedModel, data)
    for what, its, ours in (
        ("on dataset", model.dataset_id, order.dataset_id),
        ("by code", model.code_version, code_version),
    ):
        if its != ours:
            raise TrainingRefusedError(f"run {order.resume} was trained {what} {its}, not {ours}; {again}")
    _, _, key = model.model_uri.removeprefix("s3://").partition("/")
    if key not in set(ports.objects.keys(bucket, key)):
        raise TrainingRefusedError(f"the model of run {order.resume} is gone from {model.model_uri}; {again}")
    return model


def check_dataset(order: Order, objects: ObjectStore, data_bucket: str) -> None:
    """Look whether there is something to train on.

    Raises:
        TrainingRefusedError: unknown task or dataset, or fewer rows than the task's MIN_ROWS.
    """
    try:
        least = int(part_of(order.task, "gates").MIN_ROWS)
    except UnknownTaskError as error:
        raise TrainingRefusedError(str(error)) from error
    key = keys.dataset_manifest(order.task, order.dataset_id)
    try:
        data = objects.read(data_bucket, key).data
    except ObjectMissingError as error:
        raise TrainingRefusedError(f"{order.task} has no dataset {order.dataset_id}") from error
    rows = codec.from_json(DatasetManifest, data).rows
    if rows < least:
        raise TrainingRefusedError(
            f"dataset {order.dataset_id} has {rows} rows; {order.task} is worth training from {least}"
        )


@dataclass(frozen=True)
class Run:
    """What the requests of one run have in common."""

    order: Order
    code_version: str
    code_uri: str
    """s3:// of sourcedir.tar.gz."""
    settings: Settings

    @property
    def run_id(self) -> str:
        """Run that everything is written under: the execution's own, or the one that it resumes."""
        return self.order.resume or self.order.run_id

    @property
    def max_seconds(self) -> int:
        """Limit of each job."""
        return self.order.max_seconds or int(self.settings.need("training_max_seconds"))

    @property
    def spot(self) -> bool:
        """Whether the training job runs on spot instances."""
        given = self.order.spot
        return self.settings.training_spot == "true" if given is None else given

    @property
    def training_limits(self) -> dict[str, object]:
        """Fields of the training request that say how long it may run and, on spot instances, wait."""
        if not self.spot:
            return {}
        wait = max(self.max_seconds, int(self.settings.training_max_wait_seconds or 0))
        return {
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_seconds, "MaxWaitTimeInSeconds": wait},
            "timeout_seconds": wait + _WAIT_SECONDS,
        }

    @property
    def dataset_uri(self) -> str:
        """ManifestFile of the dataset's parts."""
        key = keys.dataset_channel(self.order.task, self.order.dataset_id)
        return f"s3://{self.settings.need('data_bucket')}/{key}"

    def model_uri(self, key: str) -> str:
        """Name an object of the models bucket."""
        return f"s3://{self.settings.need('models_bucket')}/{key}"

    def common(self, step: str) -> dict[str, object]:
        """Give the parts of a request that all three jobs have; `job` is the name without its attempt."""
        return {
            "job": f"{code.job_name(self.order.run_id)}-{step}",
            "RoleArn": self.settings.need("training_role_arn"),
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_seconds},
            "timeout_seconds": self.max_seconds + _WAIT_SECONDS,
        }


def training_part(run: Run) -> dict[str, object]:
    """Build the request of the training job (script mode), less its name."""
    order, settings = run.order, run.settings
    base_model = {"base-model": settings.base_model} if settings.base_model else {}
    given: dict[str, object] = {
        "seed": SEED,
        **base_model,
        **order.hyperparameters,
        "task": order.task,
        "profile": order.profile or settings.need("training_profile"),
        "run-id": order.run_id,
        "dataset-id": order.dataset_id,
        "code-version": run.code_version,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": run.code_uri,
    }
    return {
        **run.common("train"),
        **run.training_limits,
        "EnableManagedSpotTraining": run.spot,
        "AlgorithmSpecification": {
            "TrainingImage": settings.need("training_image_uri"),
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(one) for one in METRIC_DEFINITIONS],
        },
        # Each value as JSON, as the SageMaker SDK does it: the container decodes them, and an id such as 12e456789012
        # would arrive as infinity if it were not quoted.
        "HyperParameters": {name: json.dumps(value) for name, value in given.items()},
        "InputDataConfig": [
            {
                "ChannelName": "dataset",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "ManifestFile",
                        "S3Uri": run.dataset_uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "InputMode": "File",
            }
        ],
        # The retry of a job that was interrupted goes on from its last checkpoint.
        "CheckpointConfig": {
            "S3Uri": run.model_uri(f"{keys.run_prefix(order.task, order.run_id)}checkpoints"),
            "LocalPath": "/opt/ml/checkpoints",
        },
        "Environment": {"MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri} if settings.mlflow_tracking_uri else {},
        "OutputDataConfig": {"S3OutputPath": run.model_uri(f"{keys.run_prefix(order.task, order.run_id)}train")},
        "ResourceConfig": {
            "InstanceType": settings.need("training_instance_type"),
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GB,
        },
    }


def tuning_part(run: Run, trained: Mapping[str, object]) -> dict[str, object]:
    """Build the request of the tuning job, less its name: the training job's, once for each trial.

    Raises:
        TrainingRefusedError: the search asked for cannot be run.
    """
    order = run.order
    assert order.tuning is not None
    search: Search = part_of(order.task, "search").SEARCH
    ranges = tuning.ranges_of(order.tuning, search, order.hyperparameters)
    rounds = math.ceil(tuning.trainings(order.tuning, ranges) / order.tuning.parallel)
    alike = ("RoleArn", "AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "ResourceConfig")
    how = ("StoppingCondition", "EnableManagedSpotTraining", "CheckpointConfig", "Environment")
    return {
        "job": tuning.job_name(order.task, order.run_id),
        "timeout_seconds": rounds * cast("int", trained["timeout_seconds"]),
        "HyperParameterTuningJobConfig": tuning.configuration(order.tuning, search, ranges, SEED),
        "TrainingJobDefinition": {name: trained[name] for name in (*alike, *how)}
        | {"StaticHyperParameters": trained["HyperParameters"]},
    }


def export_part(run: Run) -> dict[str, object]:
    """Build the request of the export job, less its name and its `model` input, which the training job names."""
    order = run.order
    # Run, dataset and code version travel inside the trained model, so that an export cannot be given another's.
    options = {"task": order.task, "model": f"{_INPUT}/model", "dataset": f"{_INPUT}/dataset", "output": _OUTPUT}
    output_uri = run.model_uri(keys.run_export(order.task, run.run_id))
    return {
        **_processing(run, "export", ["export.py", *_words(options)], output_uri),
        "model_path": f"{_INPUT}/model",
        "ProcessingInputs": _inputs(code=_s3_prefix(run.code_uri), dataset=_s3_manifest(run.dataset_uri)),
    }


def evaluation_part(run: Run, champion: ModelRecord | None) -> dict[str, object]:
    """Build the request of the evaluation job, less its name; it measures the champion on the very same rows."""
    order = run.order
    inputs = {
        "code": _s3_prefix(run.code_uri),
        "dataset": _s3_manifest(run.dataset_uri),
        "bundle": _s3_prefix(run.model_uri(keys.run_bundle(order.task, run.run_id))),
        "exact": _s3_prefix(run.model_uri(keys.run_exact(order.task, run.run_id))),
    }
    options = {
        "task": order.task,
        "run-id": run.run_id,
        "dataset-id": order.dataset_id,
        "bundle": f"{_INPUT}/bundle",
        "exact": f"{_INPUT}/exact",
        "dataset": f"{_INPUT}/dataset",
        "output": _OUTPUT,
    }
    if champion is not None:
        inputs["champion"] = _s3_prefix(champion.bundle_uri)
        options |= {"champion": f"{_INPUT}/champion", "champion-digest": champion.bundle_digest}
    output_uri = run.model_uri(keys.run_evaluation(order.task, run.run_id))
    return {
        **_processing(run, "evaluate", ["evaluate.py", *_words(options)], output_uri),
        "ProcessingInputs": _inputs(**inputs),
    }


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _processing(run: Run, step: str, arguments: list[str], output_uri: str) -> dict[str, object]:
    settings = run.settings
    return {
        **run.common(step),
        "AppSpecification": {
            "ImageUri": settings.need("processing_image_uri"),
            "ContainerEntrypoint": ["bash", "-c", _RUN_SCRIPT],
            "ContainerArguments": arguments,
        },
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "output",
                    "S3Output": {"S3Uri": output_uri, "LocalPath": _OUTPUT, "S3UploadMode": "EndOfJob"},
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": settings.need("processing_instance_type"),
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GB,
            }
        },
    }


def _inputs(**by_name: dict[str, str]) -> list[dict[str, object]]:
    return [
        {"InputName": name, "S3Input": {**source, "LocalPath": f"{_INPUT}/{name}", "S3InputMode": "File"}}
        for name, source in by_name.items()
    ]


def _s3_prefix(uri: str) -> dict[str, str]:
    return {"S3Uri": uri, "S3DataType": "S3Prefix"}


def _s3_manifest(uri: str) -> dict[str, str]:
    return {"S3Uri": uri, "S3DataType": "ManifestFile"}


def _champion_part(champion: ModelRecord | None) -> dict[str, str] | None:
    if champion is None:
        return None
    return {
        "version": champion.version,
        "bundle_uri": champion.bundle_uri,
        "bundle_digest": champion.bundle_digest,
    }
