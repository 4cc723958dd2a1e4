"""Where the embedded cloud is not AWS: each test pins one row of infra/localstack/GAPS.md, and fails when it closes."""

import json
import os
import platform
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cloud_parts import (
    ROLE,
    files_in,
    invoke,
    log_lines,
    make_bucket,
    make_function,
    run_machine,
    tarball_of,
    unique,
    until,
    zip_of,
)

pytestmark = pytest.mark.cloud

LOOK = """
import os, pathlib, platform, sys, tempfile
here = pathlib.Path(__file__).parent
def handler(event, context):
    (here / "written.txt").write_text("x")
    return {
        "task": str(here), "opt": os.path.isdir("/opt/python"), "temporary": tempfile.gettempdir(),
        "cores": os.cpu_count(), "python": list(sys.version_info[:2]), "machine": platform.machine(),
    }
"""


@pytest.fixture(scope="module")
def seen(cloud):
    """What a function for Python 3.12 on arm64 sees of its surroundings."""
    name = make_function(cloud, LOOK, Runtime="python3.12", Architectures=["arm64"], MemorySize=128)
    return invoke(cloud, name)[1]


def refusal_of(call, **arguments):
    """Return code and message of the error that a call must raise."""
    with pytest.raises(call.__self__.exceptions.ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def train(cloud, bucket, files, **more):
    """Run a small training job to its end; return its description and the files of its model."""
    s3, client, name = cloud.client("s3"), cloud.client("sagemaker"), unique("gap")
    s3.put_object(Bucket=bucket, Key=f"{name}.tar.gz", Body=tarball_of(files))
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "no/such/image:1", "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{bucket}/{name}.tar.gz",
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 4, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 500},
        **more,
    }
    client.create_training_job(**request)

    def ended():
        described = client.describe_training_job(TrainingJobName=name)
        return described if described["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    described = until(ended)
    key = f"models/{name}/output/model.tar.gz"
    packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read() if "ModelArtifacts" in described else None
    return described, files_in(packed) if packed else {}


def test_permissions_are_not_enforced(cloud):
    """A function whose role allows nothing writes any bucket, and the role need not even exist."""
    bucket = make_bucket(cloud)
    source = f"""
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket={bucket!r}, Key="k", Body=b"x")
"""
    assert invoke(cloud, make_function(cloud, source, Role="arn:aws:iam::000000000000:role/no-such"))[0] is None


def test_code_folder_is_neither_var_task_nor_read_only(cloud, seen):
    """Code lies in a folder of the cloud's state and can be written to; nothing lies in /opt."""
    assert Path(seen["task"]).is_relative_to(cloud.state_dir)
    assert (Path(seen["task"]) / "written.txt").exists()
    assert seen["opt"] is False


def test_slash_tmp_is_shared_and_only_tmpdir_is_private(cloud, seen):
    """TMPDIR is the environment's own folder; the literal /tmp is this machine's."""
    assert Path(seen["temporary"]).is_relative_to(cloud.state_dir)
    source = "import os\ndef handler(event, context): return os.path.exists(event['path'])\n"
    shared = Path("/tmp") / unique("infolens-gap")
    shared.write_text("x")
    try:
        assert invoke(cloud, make_function(cloud, source), {"path": str(shared)}) == (None, True)
    finally:
        shared.unlink()


def test_processor_share_does_not_follow_the_memory_setting(seen):
    """A function of 128 MB sees all cores of the machine."""
    assert seen["cores"] == os.cpu_count()


def test_runtime_and_architecture_do_not_choose_the_interpreter(seen):
    """Every Python runtime and architecture runs with the one interpreter there is, on this machine."""
    assert seen["python"] == [3, 11]
    assert seen["machine"] == platform.machine()


def test_snapshots_are_not_taken(cloud):
    """A version with SnapStart starts as any other; on AWS its init phase ran when it was published."""
    source = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    name = make_function(cloud, source, Runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    published = cloud.client("lambda").publish_version(FunctionName=name)
    assert published["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    cloud.client("lambda").get_waiter("function_active").wait(FunctionName=name, Qualifier=published["Version"])
    assert invoke(cloud, f"{name}:{published['Version']}")[1] == "on-demand"


def test_container_image_functions_do_not_run(cloud):
    """A function from a container image ends as Failed."""
    function, name = cloud.client("lambda"), unique("image")
    function.create_function(FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": "any:1"})
    until(lambda: function.get_function_configuration(FunctionName=name)["State"] == "Failed")


def test_code_past_250_megabytes_fails_late(cloud):
    """Code and layers past 250 MB are accepted at first; the function then ends as Failed with Lambda's words."""
    function = cloud.client("lambda")
    half = zip_of({"python/half": "0" * 131_200_000})
    layers = [
        function.publish_layer_version(LayerName=unique("half"), Content={"ZipFile": half})["LayerVersionArn"]
        for _ in range(2)
    ]
    name = unique("fn")
    code = {"ZipFile": zip_of({"index.py": "handler = None"})}
    function.create_function(
        FunctionName=name, Runtime="python3.11", Handler="index.handler", Role=ROLE, Code=code, Layers=layers
    )

    def failed():
        described = function.get_function_configuration(FunctionName=name)
        return described if described["State"] == "Failed" else None

    assert "Unzipped size must be smaller than 262144000 bytes" in until(failed)["StateReason"]


def test_traces_are_not_collected(cloud):
    """X-Ray is not there: functions get a trace header, and what they send goes nowhere."""
    xray = cloud.client("xray")
    assert refusal_of(xray.get_trace_summaries, StartTime=0, EndTime=1)[0] == "InternalFailure"


@pytest.mark.parametrize(("service", "operation"), [("apigatewayv2", "get_apis"), ("codedeploy", "list_applications")])
def test_http_apis_and_codedeploy_are_not_there(cloud, service, operation):
    """HTTP APIs and CodeDeploy answer that they are not there."""
    assert refusal_of(getattr(cloud.client(service), operation))[0] == "InternalFailure"


def test_jsonata_is_refused(cloud):
    """A state in JSONata fails when it runs, with the way out."""
    state = {"Type": "Pass", "Output": "{% 1 + 1 %}", "End": True}
    ended = run_machine(cloud, {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}})
    assert ended["status"] == "FAILED"
    assert "JSONPath" in ended["cause"]


def test_tolerated_failures_are_written_with_a_fraction(cloud):
    """The parser refuses `100` and takes `100.0`."""
    inner = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "B"}
    inner["States"] = {"B": {"Type": "Succeed"}}
    state = {"Type": "Map", "ItemProcessor": inner, "End": True}
    definition = json.dumps({"StartAt": "A", "States": {"A": {**state, "ToleratedFailurePercentage": 100}}})
    create = cloud.client("stepfunctions").create_state_machine
    code, message = refusal_of(create, name=unique("machine"), definition=definition, roleArn=ROLE)
    assert (code, "ToleratedFailurePercentage" in message) == ("InvalidDefinition", True)
    assert create(name=unique("machine"), definition=definition.replace(": 100}", ": 100.0}"), roleArn=ROLE)


def test_other_filter_patterns_take_every_line(cloud):
    """A search for a word finds lines without it."""
    logs, group = cloud.client("logs"), unique("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in ("apples", '{"ripe": true}')]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    def found(pattern):
        return [line["message"] for line in logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]]

    assert found("{ $.ripe IS TRUE }") == ['{"ripe": true}']
    assert found("pears") == ["apples", '{"ripe": true}']


def test_metric_math_is_refused(cloud):
    """GetMetricData and PutMetricAlarm refuse expressions."""
    cloudwatch = cloud.client("cloudwatch")
    queries = [{"Id": "e", "Expression": "1 + 1"}]
    code, message = refusal_of(
        cloudwatch.get_metric_data, MetricDataQueries=queries, StartTime=0, EndTime=int(time.time())
    )
    assert (code, "no metric math" in message) == ("InvalidParameterValue", True)
    code, message = refusal_of(
        cloudwatch.put_metric_alarm,
        AlarmName=unique("math"),
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=queries,
    )
    assert (code, "no metric math" in message) == ("InvalidParameterValue", True)


def test_percentiles_are_exact_and_others_than_percentiles_refused(cloud):
    """Percentiles are the nearest rank over every value; trimmed means and the like are refused."""
    cloudwatch = cloud.client("cloudwatch")
    metric = {"Namespace": unique("Exact"), "MetricName": "M"}
    data = [{"MetricName": "M", "Values": [1.0, 2.0, 3.0, 1000.0]}]
    cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=data)

    def ask(stat):
        query = [{"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}]
        now = int(time.time())
        answer = cloudwatch.get_metric_data(MetricDataQueries=query, StartTime=now - 1800, EndTime=now + 60)
        return answer["MetricDataResults"][0]["Values"]

    assert [ask("p75"), ask("p76")] == [[3.0], [1000.0]]
    with pytest.raises(cloudwatch.exceptions.ClientError, match="tm90"):
        ask("tm90")


def test_throttles_and_quotas_of_usage_plans_are_not_enforced(cloud):
    """A usage plan of one request a day lets five through."""
    api, url, key = make_api(cloud, throttle={"rateLimit": 1.0, "burstLimit": 1}, quota={"limit": 1, "period": "DAY"})
    assert [call(url, key)[0] for _ in range(5)] == [200] * 5
    cloud.client("apigateway").delete_rest_api(restApiId=api)


def test_form_encoded_bodies_arrive_changed(cloud):
    """A body sent as a form (curl's default) does not reach the function as it was sent; one with a JSON type does."""
    api, url, key = make_api(cloud)
    assert json.loads(call(url, key, content_type="application/json")[1]) == '{"a": 1}'
    assert json.loads(call(url, key, content_type="application/x-www-form-urlencoded")[1]) != '{"a": 1}'
    cloud.client("apigateway").delete_rest_api(restApiId=api)


def make_api(cloud, **plan):
    """Create an API that echoes the body, with a key and a usage plan; return its id, URL and key."""
    gateway = cloud.client("apigateway")
    name = make_function(
        cloud, "import json\ndef handler(e, c): return {'statusCode': 200, 'body': json.dumps(e['body'])}"
    )
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    api = gateway.create_rest_api(name=unique("api"))["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**where, authorizationType="NONE", apiKeyRequired=True)
    gateway.put_integration(
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    gateway.create_deployment(restApiId=api, stageName="v1")
    key = gateway.create_api_key(name=unique("key"), enabled=True)
    stages = [{"apiId": api, "stage": "v1"}]
    made = gateway.create_usage_plan(name=unique("plan"), apiStages=stages, **plan)
    gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key["id"], keyType="API_KEY")
    return api, f"{cloud.endpoint_url}/_aws/execute-api/{api}/v1/", key["value"]


def call(url, key, content_type="application/json"):
    """Post a small body; return status and text."""
    headers = {"x-api-key": key, "content-type": content_type}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=b'{"a": 1}', headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_expired_items_stay(cloud):
    """DynamoDB keeps an item whose time to live has passed."""
    dynamodb, table = cloud.client("dynamodb"), unique("ttl")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    dynamodb.put_item(TableName=table, Item={"k": {"S": "a"}, "expires": {"N": "1"}})
    assert "Item" in dynamodb.get_item(TableName=table, Key={"k": {"S": "a"}})


BUCKET_AND_TABLE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      LifecycleConfiguration: {Rules: [{Status: Enabled, ExpirationInDays: 3}]}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: ATTRIBUTE, Enabled: true}
"""


@pytest.fixture(scope="module")
def deployed_twice(cloud):
    """A stack of a bucket and a table, deployed with one time-to-live attribute and then with another."""
    formation, name = cloud.client("cloudformation"), unique("stack")
    formation.create_stack(StackName=name, TemplateBody=BUCKET_AND_TABLE.replace("ATTRIBUTE", "first"))

    def status():
        return formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

    until(lambda: status() == "CREATE_COMPLETE")
    formation.update_stack(StackName=name, TemplateBody=BUCKET_AND_TABLE.replace("ATTRIBUTE", "second"))
    until(lambda: status() == "UPDATE_COMPLETE")
    found = formation.describe_stack_resources(StackName=name)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def test_stack_updates_leave_tables_as_they_were(cloud, deployed_twice):
    """A second deployment says it is complete and has not changed the table."""
    described = cloud.client("dynamodb").describe_time_to_live(TableName=deployed_twice["Table"])
    assert described["TimeToLiveDescription"]["AttributeName"] == "first"


def test_lifecycle_rules_of_a_template_are_dropped(cloud, deployed_twice):
    """A bucket from a template has no lifecycle rules."""
    s3 = cloud.client("s3")
    code, _ = refusal_of(s3.get_bucket_lifecycle_configuration, Bucket=deployed_twice["Bucket"])
    assert code == "NoSuchLifecycleConfiguration"


def test_images_instances_and_requirements_of_jobs_are_ignored(cloud):
    """A job runs as one process with the cloud's interpreter, whatever image, instances and requirements it names."""
    script = "import json, os\nopen(os.environ['SM_MODEL_DIR'] + '/h', 'w').write(os.environ['SM_HOSTS'])\n"
    files = {"train.py": script, "requirements.txt": "no-such-package-anywhere==1.0\n"}
    described, model = train(cloud, make_bucket(cloud), files)
    assert described["TrainingJobStatus"] == "Completed"
    assert json.loads(model["h"]) == ["algo-1"]


def test_opt_ml_is_rewritten_in_requests_but_not_in_code(cloud):
    """/opt/ml in a request means the job's folder; /opt/ml in a script's own text is the machine's."""
    script = """
import json, os, pathlib
told = {"variable": os.environ["WHERE"], "literal": os.path.isdir("/opt/ml/model")}
pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
"""
    _, model = train(cloud, make_bucket(cloud), {"train.py": script}, Environment={"WHERE": "/opt/ml/model"})
    told = json.loads(model["told.json"])
    assert told["variable"].endswith("/ml/model")
    assert told["variable"] != "/opt/ml/model"
    assert told["literal"] is False


@pytest.mark.parametrize(
    ("change", "said"),
    [({"S3DataType": "AugmentedManifestFile"}, "S3Prefix or ManifestFile"), ({"S3InputMode": "Pipe"}, "File mode")],
)
def test_other_input_modes_are_refused(cloud, change, said):
    """A processing input that the embedded cloud would read wrongly is refused at once."""
    source = {"S3Uri": "s3://any/x", "LocalPath": "/opt/ml/processing/x", "S3DataType": "S3Prefix", **change}
    code, message = refusal_of(
        cloud.client("sagemaker").create_processing_job,
        ProcessingJobName=unique("step"),
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "any", "ContainerEntrypoint": ["true"]},
        ProcessingInputs=[{"InputName": "x", "S3Input": {"S3InputMode": "File", **source}}],
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    assert (code, said in message) == ("ValidationException", True)


def test_transform_and_endpoints_are_refused(cloud):
    """What would only seem to run (transform, endpoints) is refused at once."""
    code, message = refusal_of(
        cloud.client("sagemaker").create_endpoint, EndpointName=unique("end"), EndpointConfigName="any"
    )
    assert (code, "training, processing and tuning jobs only" in message) == ("ValidationException", True)


def test_other_tuning_is_refused(cloud):
    """A Bayesian search, which could not be done as SageMaker does it, is refused at once."""
    code, message = refusal_of(
        cloud.client("sagemaker").create_hyper_parameter_tuning_job,
        HyperParameterTuningJobName=unique("tune"),
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "lr", "Values": ["1", "2"]}]},
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://any/models"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    )
    assert (code, "Grid and Random only" in message) == ("ValidationException", True)


def test_extensions_are_not_started(cloud):
    """A layer's extension does not run."""
    function = cloud.client("lambda")
    extension = zip_of({"extensions/watch": "#!/bin/sh\necho extension ran\n"})
    layer = function.publish_layer_version(LayerName=unique("ext"), Content={"ZipFile": extension})["LayerVersionArn"]
    name = make_function(cloud, "def handler(e, c): return 1\n", Layers=[layer])
    assert invoke(cloud, name) == (None, 1)
    lines = until(lambda: log_lines(cloud, f"/aws/lambda/{name}"))
    assert not [line for line in lines if "extension" in line]
