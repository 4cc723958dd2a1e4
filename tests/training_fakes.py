"""A dataset, settings and ports for preparing a training run."""

from infolens import codec
from infolens.contracts.dataset import DatasetManifest
from infolens.contracts.model import ModelRecord
from infolens.contracts.rollout import AliasState
from infolens.settings import Settings
from infolens.tasks.news_category.gates import MIN_ROWS
from infolens.usecases.training import Ports
from infolens.usecases.training_order import Order
from serving_fakes import FakeAlias, FakeObjects, FakeRegistry

SETTINGS = Settings(
    data_bucket="data",
    models_bucket="models",
    predict_function_prefix="infolens-predict-",
    training_role_arn="arn:aws:iam::123456789012:role/infolens-training",
    training_image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1",
    processing_image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/processing:1",
    training_instance_type="ml.g5.xlarge",
    processing_instance_type="ml.m5.xlarge",
    training_profile="cpu",
    training_max_seconds="3600",
)
SOURCES = {"train.py": b"pass\n", "requirements.txt": b"torch\n", "infolens/__init__.py": b""}
DATASET = DatasetManifest(
    dataset_id="12e456789012",
    task="news_category",
    schema_version=1,
    parent="",
    sources=(),
    rows=MIN_ROWS,
    split_counts={"train": 320, "validation": 40, "test": 40},
    label_counts={},
    created_at="2026-11-20T10:00:00+00:00",
    code_version="c0de",
)
RUN = "news_category-12e456789012-c0dec0dec0de"
ORDER = Order("news_category", "12e456789012", RUN, reason="a new upload made a new dataset")
CHAMPION = ModelRecord(
    task="news_category",
    version="4",
    bundle_uri="s3://models/bundles/news_category/dddd/",
    bundle_digest="d" * 64,
    run_id="run-0",
    dataset_id="data-0",
    code_version="c0de",
    metrics={"accuracy": 0.8},
    verdict_passed=True,
    verdict_reasons=(),
    registered_at="2026-11-19T10:00:00+00:00",
    registered_by="state-machine",
)
SERVED = AliasState(champion="4", candidate="", weight=0, revision_id="r")


def training_ports(dataset=DATASET, alias=None, records=(), settings=SETTINGS) -> Ports:
    """Ports over fakes, with one dataset in the data bucket."""
    objects = FakeObjects()
    if dataset is not None:
        key = f"datasets/{dataset.task}/{dataset.dataset_id}/manifest.json"
        objects.data["data", key] = codec.to_json(dataset)
    return Ports(objects, FakeRegistry(*records), FakeAlias(alias), settings)
