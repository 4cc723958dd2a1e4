"""CloudFormation with the SAM transform in the embedded cloud: first and second deployments, the API and its keys."""

import json
import urllib.error
import urllib.request

import pytest

from cloud_parts import log_lines, make_bucket, unique, until, zip_of

pytestmark = pytest.mark.cloud

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  CodeBucket: {Type: String}
  CodeKey: {Type: String}
  Threshold: {Type: Number}
  Suffix: {Type: String}
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Queue.Arn
            Filter: {S3Key: {Rules: [{Name: suffix, Value: !Ref Suffix}]}}
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30}}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: task, AttributeType: S}, {AttributeName: version, AttributeType: N}]
      KeySchema: [{AttributeName: task, KeyType: HASH}, {AttributeName: version, KeyType: RANGE}]
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
      SSESpecification: {SSEEnabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth:
        ApiKeyRequired: true
        UsagePlan:
          CreateUsagePlan: PER_API
          Throttle: {RateLimit: 50, BurstLimit: 100}
          Quota: {Limit: 10000, Period: DAY}
      GatewayResponses:
        INVALID_API_KEY:
          StatusCode: 403
          ResponseTemplates: {application/json: '{"detail":"no valid x-api-key","said":$context.error.messageString}'}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Timeout: 30
      CodeUri: {Bucket: !Ref CodeBucket, Key: !Ref CodeKey}
      Environment: {Variables: {TABLE: !Ref Table}}
      Events:
        Ask: {Type: Api, Properties: {RestApiId: !Ref Api, Path: $PATH, Method: post}}
        Queued:
          Type: SQS
          Properties: {Queue: !GetAtt Queue.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: N
      MetricName: M
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: !Ref Threshold
      ComparisonOperator: GreaterThanThreshold
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionSubstitutions: {Threshold: !Ref Threshold}
      Definition: {StartAt: A, States: {A: {Type: Pass, Result: "${Threshold}", End: true}}}
Outputs:
  ApiId: {Value: !Ref Api}
  KeyId: {Value: !Ref ApiApiKey}
  Function: {Value: !Ref Function}
  Alarm: {Value: !Ref Alarm}
  Machine: {Value: !Ref Machine}
  Table: {Value: !Ref Table}
  Uploads: {Value: !Ref Uploads}
"""

SOURCE = """
import json, os
def handler(event, context):
    if "Records" in event:
        print("queued", [json.loads(r["body"]).get("Event") or "upload" for r in event["Records"]])
        return {"batchItemFailures": []}
    asked = json.loads(event["body"])
    return {"statusCode": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps({"mark": MARK, "asked": asked, "table": os.environ["TABLE"]})}
"""


def deploy(cloud, stack, bucket, mark, path, **parameters):
    """Deploy the template through a change set, as `sam deploy` does, and return the outputs."""
    formation, s3 = cloud.client("cloudformation"), cloud.client("s3")
    key = f"{mark}.zip"
    s3.put_object(Bucket=bucket, Key=key, Body=zip_of({"index.py": f"MARK = {mark!r}\n{SOURCE}"}))
    given = {"CodeBucket": bucket, "CodeKey": key, **parameters}
    try:
        formation.describe_stacks(StackName=stack)
        kind = "UPDATE"
    except formation.exceptions.ClientError:
        kind = "CREATE"
    change = formation.create_change_set(
        StackName=stack,
        ChangeSetName=unique("change"),
        ChangeSetType=kind,
        TemplateBody=TEMPLATE.replace("$PATH", path),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )["Id"]

    def planned():
        seen = formation.describe_change_set(ChangeSetName=change)
        assert seen["Status"] != "FAILED", seen.get("StatusReason")
        return seen["Status"] == "CREATE_COMPLETE"

    until(planned)
    formation.execute_change_set(ChangeSetName=change)

    def ended():
        seen = formation.describe_stacks(StackName=stack)["Stacks"][0]
        # LocalStack says COMPLETE a moment before the outputs are there.
        done = "Outputs" in seen or seen["StackStatus"] != f"{kind}_COMPLETE"
        return None if seen["StackStatus"].endswith("IN_PROGRESS") or not done else seen

    seen = until(ended)
    assert seen["StackStatus"] == f"{kind}_COMPLETE", seen
    return {output["OutputKey"]: output["OutputValue"] for output in seen["Outputs"]}


def post(cloud, outputs, path, key=None):
    """Post to the API; return status and decoded body."""
    url = f"{cloud.endpoint_url}/_aws/execute-api/{outputs['ApiId']}/v1{path}"
    headers = {"content-type": "application/json"} | ({"x-api-key": key} if key else {})
    request = urllib.request.Request(url, data=b'{"text": "hello"}', headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


@pytest.fixture(scope="module")
def deployed(cloud):
    """A stack that was deployed once: its name, its code bucket and its outputs."""
    stack, bucket = unique("stack"), make_bucket(cloud)
    outputs = deploy(cloud, stack, bucket, "first", "/predict", Threshold="1", Suffix=".csv")
    key = cloud.client("apigateway").get_api_key(apiKey=outputs["KeyId"], includeValue=True)["value"]
    return stack, bucket, outputs, key


def test_api_wants_its_key(cloud, deployed):
    """The API answers with its key; without one or with a wrong one it refuses in the words of the template."""
    _, _, outputs, key = deployed
    status, body = post(cloud, outputs, "/predict", key)
    assert (status, body["mark"], body["asked"]) == (200, "first", {"text": "hello"})
    assert body["table"] == outputs["Table"]
    refusal = {"detail": "no valid x-api-key", "said": "Forbidden"}
    assert post(cloud, outputs, "/predict") == (403, refusal)
    assert post(cloud, outputs, "/predict", "x" * 40) == (403, refusal)


def test_unknown_path_is_refused(cloud, deployed):
    """A path the API does not have is refused as API Gateway refuses it."""
    _, _, outputs, key = deployed
    assert post(cloud, outputs, "/other", key)[0] == 403


def test_table_of_a_stack_keeps_items_and_its_time_to_live(cloud, deployed):
    """A table from a template works and has its time to live."""
    dynamodb, name = cloud.client("dynamodb"), deployed[2]["Table"]
    dynamodb.put_item(TableName=name, Item={"task": {"S": "a"}, "version": {"N": "1"}})
    assert dynamodb.get_item(TableName=name, Key={"task": {"S": "a"}, "version": {"N": "1"}})["Item"]
    described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_upload_to_a_bucket_of_the_stack_reaches_the_function(cloud, deployed):
    """Bucket, queue, policy and event source of a template work together."""
    outputs = deployed[2]
    cloud.client("s3").put_object(Bucket=outputs["Uploads"], Key="rows.csv", Body=b"1")
    group = f"/aws/lambda/{outputs['Function']}"
    until(lambda: any(line.startswith("queued") and "upload" in line for line in log_lines(cloud, group)))


def test_second_deployment_changes_what_it_names(cloud, deployed):
    """Code, routes, alarms, machines and notifications follow a second deployment; an alias made by hand stays."""
    stack, bucket, before, key = deployed
    function = cloud.client("lambda")
    version = function.publish_version(FunctionName=before["Function"])["Version"]
    function.create_alias(FunctionName=before["Function"], Name="live", FunctionVersion=version)
    after = deploy(cloud, stack, bucket, "second", "/tasks/news/predictions", Threshold="5", Suffix=".tsv")
    assert after == before
    _, body = until(lambda: (seen := post(cloud, after, "/tasks/news/predictions", key))[0] == 200 and seen)
    assert body["mark"] == "second"
    alarm = cloud.client("cloudwatch").describe_alarms(AlarmNames=[after["Alarm"]])["MetricAlarms"][0]
    assert alarm["Threshold"] == 5.0
    machine = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=after["Machine"])
    assert '"5"' in machine["definition"]
    notified = cloud.client("s3").get_bucket_notification_configuration(Bucket=after["Uploads"])
    rule = notified["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"][0]
    assert rule["Value"] == ".tsv"
    assert function.get_alias(FunctionName=after["Function"], Name="live")["FunctionVersion"] == version


def test_deleted_stack_is_gone(cloud):
    """A stack can be deleted with all its resources."""
    stack, bucket = unique("stack"), make_bucket(cloud)
    outputs = deploy(cloud, stack, bucket, "only", "/predict", Threshold="1", Suffix=".csv")
    formation = cloud.client("cloudformation")
    formation.delete_stack(StackName=stack)

    def gone():
        try:
            return formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
        except formation.exceptions.ClientError:
            return True

    until(gone)
    function = cloud.client("lambda")
    with pytest.raises(function.exceptions.ResourceNotFoundException):
        function.get_function(FunctionName=outputs["Function"])
