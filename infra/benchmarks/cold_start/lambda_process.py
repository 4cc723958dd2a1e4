"""An execution environment as Lambda makes one: init is importing the handler's module, then come requests.

Run with Lambda's own interpreter, the layers on the path and the function's variables set; prints one JSON line.
"""

import importlib.util
import json
import sys
import time

began = time.perf_counter()


class Context:
    """What the runtime hands over beside the event."""

    function_version = "1"
    function_name = "predict"
    memory_limit_in_mb = "1769"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:predict"
    aws_request_id = "00000000-0000-0000-0000-000000000000"


def held_mb(what: str) -> float:
    """VmRSS (now) or VmHWM (at most) of this process, in 10^6 bytes; getrusage would tell of its parent before exec."""
    with open("/proc/self/status") as file:  # noqa: PTH123 - pathlib would be an import of its own
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(f"{what}:"))


def main() -> None:
    """Load the module given, ask it as often as given, and print what was seen."""
    path, requests, inputs = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    spec = importlib.util.spec_from_file_location("handler", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    init = time.perf_counter() - began
    taken, answers = [], []
    for at in range(requests):
        event = {"request_id": str(at + 1), "inputs": [inputs[at % len(inputs)]]}
        asked = time.perf_counter()
        answers.append(module.handler(event, Context()))
        taken.append(time.perf_counter() - asked)
    bad = [answer for answer in answers if answer["status"] != 200 or "problem" in answer["answers"][0]]
    seen = {
        "init_seconds": init,
        "seconds": time.perf_counter() - began,
        "requests": taken,
        "problems": [str(answer)[:300] for answer in bad[:1]],
        "resident_mb": held_mb("VmRSS"),
        "peak_mb": held_mb("VmHWM"),
    }
    sys.stdout.write(f"\nSEEN {json.dumps(seen)}\n")


if __name__ == "__main__":
    main()
