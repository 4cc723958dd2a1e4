"""The environment as a frozen record, read on the first call and never while a module is imported."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class MissingSettingError(RuntimeError):
    """A function needs an environment variable that its stanza in template.yaml does not give."""


@dataclass(frozen=True)
class Settings:
    """Every variable that product code reads; field `data_bucket` is variable DATA_BUCKET. Empty means not given."""

    uploads_bucket: str = ""
    """Bucket that editors write to."""
    data_bucket: str = ""
    """Bucket of parts, datasets, reports, rejects and quarantine."""
    models_bucket: str = ""
    """Bucket of training code, runs and bundles."""
    models_table: str = ""
    """DynamoDB table of registered models (key: task, version)."""
    rollouts_table: str = ""
    """DynamoDB table of rollouts (key: task, item)."""
    predictions_table: str = ""
    """DynamoDB table of answers remembered under their prediction id (key: id)."""
    observations_table: str = ""
    """DynamoDB table of what versions answered and which labels came later (key: prediction, item)."""
    shadow_queue_url: str = ""
    """Queue of questions whose copies go to a candidate."""
    predict_function_prefix: str = ""
    """Name of a task's predict function less the task's name."""
    training_state_machine_arn: str = ""
    """State machine that trains a candidate."""
    rollout_state_machine_arn: str = ""
    """State machine that brings a candidate in."""
    batch_state_machine_arn: str = ""
    """State machine that answers a file of rows."""
    ingest_state_machine_arn: str = ""
    """State machine that takes a large labelled file into its dataset."""
    distribute_from: str = ""
    """Bytes from which on a labelled file goes through that state machine."""
    section_bytes: str = ""
    """Bytes of a labelled file that make one section; "" takes the default."""
    take_back_function_arn: str = ""
    """Function that alarms call."""
    rollout_plan: str = ""
    """JSON of a Plan that replaces every task's own one; "" leaves each task its own."""
    provisioned_concurrency: str = ""
    """Environments that are kept ready of each version with traffic; "" leaves as many as there are."""
    training_role_arn: str = ""
    """Role that SageMaker jobs assume."""
    training_image_uri: str = ""
    """Image of training jobs."""
    processing_image_uri: str = ""
    """Image of processing jobs."""
    training_instance_type: str = ""
    """Instance type of training jobs."""
    processing_instance_type: str = ""
    """Instance type of processing jobs."""
    training_profile: str = ""
    """Profile of the tasks' training configuration: "gpu" or "cpu"."""
    training_max_seconds: str = ""
    """Longest run of one job."""
    training_spot: str = ""
    """"true" trains on spot instances, unless an order says otherwise."""
    training_max_wait_seconds: str = ""
    """Longest that a spot training may take, interruptions and waiting included."""
    load_test_seconds: str = ""
    """How long a candidate is asked by many at once."""
    load_test_users: str = ""
    """How many they are."""
    mlflow_tracking_uri: str = ""
    """MLflow server that training jobs tell their runs to; "" tells none."""
    base_model: str = ""
    """Hub id or directory of a pretrained encoder; "" takes the profile's own."""
    task: str = ""
    """The task that a predict function serves."""
    bundle_uri: str = ""
    """s3://bucket/prefix/ of the bundle that a published version pins; "" before the first registration."""
    bundle_digest: str = ""
    """Digest of that bundle."""
    run_id: str = ""
    """Training run of that bundle."""
    dataset_id: str = ""
    """Dataset of that run."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables that are given."""
        return cls(**{field.name: env.get(field.name.upper(), "") for field in fields(cls)})

    def need(self, name: str) -> str:
        """Value of one setting.

        Raises:
            MissingSettingError: it is not given; the message names the variable.
        """
        value: str = getattr(self, name)
        if not value:
            raise MissingSettingError(f"environment variable {name.upper()} is not set; see template.yaml")
        return value


@functools.cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.from_env(os.environ)
