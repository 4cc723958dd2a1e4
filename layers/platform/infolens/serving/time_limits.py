"""How long each link of a request waits for the next one: every number is less than that of its caller.

API Gateway gives up after 29 s, so the API's function may run for 28 s and start in the rest. A test holds
template.yaml to these numbers.
"""

from __future__ import annotations

from typing import Final

API_FUNCTION_SECONDS: Final = 28
"""`Timeout` of the API's function."""

ANSWER_SECONDS: Final = 25.0
"""All models of a request together, a champion's turn after a failed canary included. What has not answered by then is
a 504 of that model; the rest is given."""

MODEL_CALL_SECONDS: Final = 22.0
"""One call of a predict function. Longer than any of them may run, so that a version that hangs is named and blamed."""

LONGEST_PREDICT_SECONDS: Final = 20
"""Greatest `Timeout` of a predict function. A canary that hangs leaves its champion the rest of `ANSWER_SECONDS`: 15 s
where the time-out is 10 s, and 5 s where it is 20 s."""
