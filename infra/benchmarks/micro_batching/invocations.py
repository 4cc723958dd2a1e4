"""One environment of a predict function that gets its rows in invocations of several sizes, which take turns.

Run with Lambda's own interpreter, the layers on the path and the function's variables set; prints one JSON line.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cold_start"))
from lambda_process import Context


def main() -> None:
    """Load the module given, ask it in all sizes, and print the seconds of each invocation."""
    spec = importlib.util.spec_from_file_location("handler", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = json.loads(Path(sys.argv[2]).read_text())
    inputs = [{"text": text} for text in asked["texts"]]
    taken = {size: [] for size in asked["sizes"]}
    for at in range(asked["rounds"] + 1):
        for size in asked["sizes"]:
            seconds = [ask(module, inputs[begin : begin + size]) for begin in range(0, len(inputs), size)]
            if at:  # the first round warms all sizes up
                taken[size].append(seconds)
    sys.stdout.write(f"\nSEEN {json.dumps(taken)}\n")


def ask(module: object, inputs: list[dict[str, str]]) -> float:
    """Invoke once; seconds."""
    began = time.perf_counter()
    answer = module.handler({"request_id": "a-batch", "inputs": inputs}, Context())
    taken = time.perf_counter() - began
    if answer["status"] != 200 or any("problem" in one for one in answer["answers"]):
        raise RuntimeError(str(answer)[:300])
    return taken


if __name__ == "__main__":
    main()
