"""Runs a job's command and dies with the cloud; run as a script by any interpreter, so it imports nothing of ours.

Usage: leash.py COMMAND [ARGUMENT ...]. Its exit status is the command's; a command ended by signal N gives 128 + N.
"""

import os
import signal
import subprocess
import sys
import threading


def die_with_the_cloud(lifeline: int) -> None:
    """Block until the cloud's end of the pipe closes, then kill this session's group: the command and its children."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # A stop reaches the whole group; the command decides what to do with it, the leash waits for its end.
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(
        target=die_with_the_cloud, args=(int(os.environ.pop("INFOLENS_LIFELINE_FD")),), daemon=True
    ).start()
    try:
        command = subprocess.Popen(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[1]}: {error.strerror}\n")
        sys.exit(127)
    status = command.wait()
    sys.exit(status if status >= 0 else 128 - status)
