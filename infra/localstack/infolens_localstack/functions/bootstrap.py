"""First code in an execution environment: runs in the clean Lambda interpreter, so it may import nothing of ours.

It ties the process to the cloud's life, then hands over to awslambdaric as the Lambda runtime does.
"""

import os
import signal
import sys
import threading


def die_with_the_cloud(lifeline: int) -> None:
    """Block until the cloud's end of the pipe closes, then kill this process and all it started."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(
        target=die_with_the_cloud, args=(int(os.environ.pop("INFOLENS_LIFELINE_FD")),), daemon=True
    ).start()
    # As on AWS: the function's own folder first, then the layers (PYTHONPATH), then what the runtime brings.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    from awslambdaric.__main__ import main

    main(["awslambdaric", os.environ["_HANDLER"]])
