"""Lambda in the embedded cloud: execution environments, their limits and their ways to fail, as on AWS."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from cloud_parts import invoke, log_lines, make_function, unique, until, wait_for_function, zip_of

pytestmark = pytest.mark.cloud

SEE_ENVIRONMENT = """
import os, sys
print("initialised")
def handler(event, context):
    return {
        "env": dict(os.environ), "path": sys.path, "cwd": os.getcwd(), "pid": os.getpid(),
        "version": context.function_version, "arn": context.invoked_function_arn,
        "left": context.get_remaining_time_in_millis(), "memory": context.memory_limit_in_mb,
    }
"""

MISBEHAVE = """
import os, sys, time
def handler(event, context):
    match event.get("do"):
        case "raise": raise ValueError("no such thing")
        case "exit": os._exit(3)
        case "sleep": time.sleep(60)
        case "memory": held = bytearray(event["mb"] * 1024 * 1024); time.sleep(1)
        case "long": return "x" * 7_000_000
    return {"pid": os.getpid()}
"""


@pytest.fixture(scope="module")
def seer(cloud):
    """A function that tells what it sees."""
    return make_function(cloud, SEE_ENVIRONMENT, Environment={"Variables": {"COLOUR": "green"}}, MemorySize=512)


@pytest.fixture(scope="module")
def misbehaver(cloud):
    """A function that fails in the way it is asked to."""
    return make_function(cloud, MISBEHAVE, Timeout=6, MemorySize=128)


def test_environment_variables_are_lambdas_own_and_the_functions(cloud, seer):
    """A function finds the variables that Lambda sets, its own, and the cloud's endpoint."""
    _, seen = invoke(cloud, seer)
    variables = seen["env"]
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": seer,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{seer}",
        "AWS_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "_HANDLER": "index.handler",
        "LAMBDA_TASK_ROOT": seen["cwd"],
        "COLOUR": "green",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert variables["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} <= variables.keys()


def test_context_tells_version_arn_time_and_memory(cloud, seer):
    """The context object carries what the handler of a real function finds there."""
    _, seen = invoke(cloud, seer)
    assert seen["version"] == "$LATEST"
    assert seen["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{seer}"
    assert 15_000 < seen["left"] <= 30_000
    assert seen["memory"] == "512"


def test_interpreter_has_only_what_lambda_has(cloud):
    """A function that imports a package of this project's own environment fails here as on AWS."""
    name = make_function(cloud, "import pytest\ndef handler(event, context): return 1\n")
    error, payload = invoke(cloud, name)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ImportModuleError"
    assert payload["errorMessage"] == "Unable to import module 'index': No module named 'pytest'"


def test_boto3_is_there_and_talks_to_the_cloud(cloud):
    """A function reaches the cloud's own services without any setting."""
    source = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Account"]
"""
    assert invoke(cloud, make_function(cloud, source)) == (None, "000000000000")


def test_layers_lie_over_each_other_the_later_wins(cloud):
    """Layers are on the path, and a file of a later layer replaces the same file of an earlier one."""
    function = cloud.client("lambda")
    layers = [
        function.publish_layer_version(LayerName=unique("layer"), Content={"ZipFile": zip_of(files)})["LayerVersionArn"]
        for files in (
            {"python/first.py": "WHO = 'first'", "python/both.py": "WHO = 'first'"},
            {"python/both.py": "WHO = 'second'"},
        )
    ]
    source = "import first, both\ndef handler(event, context): return [first.WHO, both.WHO]\n"
    name = make_function(cloud, source, Layers=layers)
    assert invoke(cloud, name) == (None, ["first", "second"])


def test_code_of_the_function_wins_over_its_layers(cloud):
    """A module in the package hides the module of the same name in a layer."""
    function = cloud.client("lambda")
    layer = function.publish_layer_version(
        LayerName=unique("layer"), Content={"ZipFile": zip_of({"python/who.py": "WHO = 'layer'"})}
    )["LayerVersionArn"]
    name = unique("fn")
    function.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/test",
        Layers=[layer],
        Code={
            "ZipFile": zip_of({"index.py": "import who\nhandler = lambda e, c: who.WHO", "who.py": "WHO = 'package'"})
        },
    )
    wait_for_function(function, name)
    assert invoke(cloud, name) == (None, "package")


def test_warm_environment_is_used_again(cloud, seer):
    """Two invocations one after the other run in the same process."""
    assert invoke(cloud, seer)[1]["pid"] == invoke(cloud, seer)[1]["pid"]


def test_concurrent_invocations_run_in_environments_of_their_own(cloud, tmp_path):
    """Three invocations at once are three processes at once: each waits until it has met the two others."""
    source = """
import os, pathlib, time
def handler(event, context):
    meeting = pathlib.Path(event["meeting"])
    (meeting / str(os.getpid())).touch()
    while len(list(meeting.iterdir())) < 3:
        time.sleep(0.05)
    return os.getpid()
"""
    name = make_function(cloud, source, Timeout=120)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: invoke(cloud, name, {"meeting": str(tmp_path)}), range(3)))
    assert [error for error, _ in answers] == [None] * 3
    assert len({pid for _, pid in answers}) == 3


def test_each_published_version_keeps_its_own_code_and_variables(cloud):
    """Two versions of a function answer with what each was published with."""
    function = cloud.client("lambda")
    source = "import os\ndef handler(e, c): return [{0}, os.environ['MARK'], c.function_version]\n"
    name = make_function(cloud, source.replace("{0}", "1"), Environment={"Variables": {"MARK": "one"}})
    first = function.publish_version(FunctionName=name)["Version"]
    function.update_function_code(FunctionName=name, ZipFile=zip_of({"index.py": source.replace("{0}", "2")}))
    wait_for_function(function, name)
    function.update_function_configuration(FunctionName=name, Environment={"Variables": {"MARK": "two"}})
    wait_for_function(function, name)
    second = function.publish_version(FunctionName=name)["Version"]
    assert invoke(cloud, name, Qualifier=first)[1] == [1, "one", first]
    assert invoke(cloud, name, Qualifier=second)[1] == [2, "two", second]


def test_version_published_right_after_an_update_is_active(cloud):
    """The end of the old $LATEST, some time after the update is told to be done, takes no code from a new version."""
    function = cloud.client("lambda")

    def published(_):
        name = make_function(cloud, "def handler(e, c): return c.function_version\n")
        for count in range(25):
            function.update_function_configuration(FunctionName=name, Description=str(count))
            wait_for_function(function, name)
            version = function.publish_version(FunctionName=name)["Version"]
            wait_for_function(function, name, Qualifier=version)
        return invoke(cloud, name, Qualifier=version), version

    with ThreadPoolExecutor(3) as pool:
        for answer, version in pool.map(published, range(3)):
            assert answer == (None, version)


def test_running_version_keeps_its_files_when_the_function_is_updated(cloud):
    """A version that runs still finds what lies beside its code, whatever happens to $LATEST."""
    function = cloud.client("lambda")
    source = "import pathlib\ndef handler(e, c): return pathlib.Path(__file__).with_name('labels.txt').read_text()\n"
    code = zip_of({"index.py": source, "labels.txt": "World"})
    name = make_function(cloud, source, Code={"ZipFile": code})
    version = function.publish_version(FunctionName=name)["Version"]
    assert invoke(cloud, name, Qualifier=version) == (None, "World")
    for count in range(3):
        function.update_function_configuration(FunctionName=name, Description=str(count))
        wait_for_function(function, name)
        assert [invoke(cloud, name, Qualifier=version) for _ in range(20)] == [(None, "World")] * 20


def test_exception_is_an_unhandled_error_with_its_trace(cloud, misbehaver):
    """A handler that raises answers FunctionError with type, message and stack trace, and stays warm."""
    before = invoke(cloud, misbehaver)[1]["pid"]
    error, payload = invoke(cloud, misbehaver, {"do": "raise"})
    assert (error, payload["errorType"], payload["errorMessage"]) == ("Unhandled", "ValueError", "no such thing")
    assert "index.py" in payload["stackTrace"][0]
    assert invoke(cloud, misbehaver)[1]["pid"] == before


def test_process_that_ends_is_an_exit_error_and_the_next_call_starts_afresh(cloud, misbehaver):
    """A function whose process exits reports the status; the next invocation has a new process."""
    before = invoke(cloud, misbehaver)[1]["pid"]
    error, payload = invoke(cloud, misbehaver, {"do": "exit"})
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    after = invoke(cloud, misbehaver)[1]["pid"]
    assert after != before


def test_timeout_kills_the_process_and_says_so(cloud, misbehaver):
    """A function past its timeout is killed, reported and logged; the next invocation has a new process."""
    before = invoke(cloud, misbehaver)[1]["pid"]
    error, payload = invoke(cloud, misbehaver, {"do": "sleep"})
    assert error == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Error: Task timed out after 6.00 seconds")
    assert invoke(cloud, misbehaver)[1]["pid"] != before
    lines = until(lambda: [line for line in log_lines(cloud, f"/aws/lambda/{misbehaver}") if "timed out" in line])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+Z \S+ Task timed out after 6.00 seconds", lines[0])


def test_memory_limit_kills_the_process(cloud, misbehaver):
    """A function that takes more memory than its setting is killed, as Lambda's own memory limit does."""
    error, payload = invoke(cloud, misbehaver, {"do": "memory", "mb": 400})
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")


def test_memory_under_the_limit_is_left_alone(cloud, misbehaver):
    """A function that stays under its memory setting is not killed."""
    assert invoke(cloud, misbehaver, {"do": "memory", "mb": 40})[0] is None


def test_answer_over_six_megabytes_is_refused(cloud, misbehaver):
    """An answer that Lambda would refuse for its size is refused here."""
    error, payload = invoke(cloud, misbehaver, {"do": "long"})
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_failed_initialisation_is_the_answer_of_the_invocation(cloud):
    """A module that raises at import answers with that error, and with it again on the next call."""
    name = make_function(cloud, "raise RuntimeError('not configured')\n")
    for _ in range(2):
        error, payload = invoke(cloud, name)
        assert (error, payload["errorType"], payload["errorMessage"]) == ("Unhandled", "RuntimeError", "not configured")


def test_missing_handler_is_named(cloud):
    """A handler that the module does not have is reported with its name."""
    name = make_function(cloud, "x = 1\n")
    assert invoke(cloud, name)[1]["errorType"] == "Runtime.HandlerNotFound"


def test_initialisation_past_ten_seconds_is_repeated_inside_the_invocation(cloud):
    """A slow import is cut at ten seconds and done again within the function's own timeout, as Lambda does it."""
    source = "import time\ntime.sleep(11)\ndef handler(e, c): return 1\n"
    error, payload = invoke(cloud, make_function(cloud, source, Timeout=2))
    assert error == "Unhandled"
    assert payload["errorMessage"].endswith("Task timed out after 2.00 seconds")


def test_every_invocation_writes_start_end_and_report(cloud):
    """The log stream has START, the lines in order, END, and a REPORT with all its figures."""
    source = """
import logging
logging.getLogger().setLevel("INFO")
print("while it initialises")
def handler(event, context):
    print("printed")
    logging.getLogger().info("logged\\nin two lines")
    print("last")
"""
    name = make_function(cloud, source)
    invoke(cloud, name)
    lines = until(lambda: (found := log_lines(cloud, f"/aws/lambda/{name}")) and len(found) >= 7 and found)
    kinds = [line.split()[0] for line in lines]
    assert sorted(kinds) == sorted(["while", "START", "printed", "[INFO]", "last", "END", "REPORT"])
    assert kinds.index("printed") < kinds.index("[INFO]") < kinds.index("last") < kinds.index("END")
    assert next(line for line in lines if line.startswith("[INFO]")).endswith("logged\nin two lines")
    report = next(line for line in lines if line.startswith("REPORT"))
    pattern = (
        r"REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\tXRAY TraceId: 1-\S+\t"
    )
    assert re.fullmatch(pattern, report)


def test_warm_report_has_no_init_duration(cloud, seer):
    """Only the invocation that started the environment reports an initialisation."""
    invoke(cloud, seer)
    tail = cloud.client("lambda").invoke(FunctionName=seer, LogType="Tail", Payload=b"{}")["LogResult"]
    text = base64.b64decode(tail).decode()
    assert "REPORT" in text
    assert "Init Duration" not in text


def test_log_stream_is_named_after_day_version_and_environment(cloud, seer):
    """A log stream carries the day, the version in brackets and the environment's id."""
    invoke(cloud, seer)
    logs = cloud.client("logs")
    group = f"/aws/lambda/{seer}"
    until(lambda: log_lines(cloud, group))
    names = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    assert re.fullmatch(rf"{datetime.now(UTC):%Y/%m}/\d\d/\[\$LATEST\][0-9a-f]{{32}}", names[0])


def test_unhandled_error_is_logged_as_one_event(cloud, misbehaver):
    """A stack trace is one log event with all its lines."""
    invoke(cloud, misbehaver, {"do": "raise"})
    found = until(lambda: [x for x in log_lines(cloud, f"/aws/lambda/{misbehaver}") if x.startswith("[ERROR]")])
    assert found[0].startswith("[ERROR] ValueError: no such thing\nTraceback")


def test_output_without_end_of_line_and_much_output_are_kept(cloud):
    """A megabyte of output does not block a function, and a last line without newline is not lost."""
    source = """
import sys
def handler(event, context):
    for number in range(2000): print("row", number, "x" * 500)
    sys.stdout.write("no newline")
"""
    name = make_function(cloud, source)
    assert invoke(cloud, name)[0] is None
    invoke(cloud, name)  # what had no newline is complete once more is written
    logs = cloud.client("logs")

    def rows():
        found, token = [], {}
        while True:
            page = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", limit=10_000, **token)
            found += [event["message"] for event in page["events"]]
            if not page.get("nextToken"):
                return found
            token = {"nextToken": page["nextToken"]}

    until(lambda: log_lines(cloud, f"/aws/lambda/{name}"))
    assert until(lambda: sum(line.startswith("row") for line in rows()) >= 3999)
    assert any(line.startswith("no newline") for line in rows())


def test_event_invocation_runs_and_a_failure_is_tried_again(cloud):
    """An asynchronous invocation answers 202 at once and runs; one that fails is run again by Lambda."""
    function = cloud.client("lambda")
    name = make_function(cloud, "def handler(e, c):\n    print('ran', e['n'])\n    assert e['n'] != 2\n")
    function.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    for number in (1, 2):
        payload = json.dumps({"n": number})
        answer = function.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        assert answer["StatusCode"] == 202
    until(lambda: {"ran 1", "ran 2"} <= set(log_lines(cloud, f"/aws/lambda/{name}")))


def test_reserved_concurrency_throttles(cloud):
    """A function that may not run at all is throttled with 429, as on AWS."""
    function = cloud.client("lambda")
    name = make_function(cloud, "def handler(e, c): return 1\n")
    function.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(function.exceptions.TooManyRequestsException):
        function.invoke(FunctionName=name, Payload=b"{}")
