"""Makes S3's events tell keys and order as AWS does.

A space in a key is a plus sign, as in a form, not %20; and each event has a sequencer greater than those before it,
where LocalStack gives every event the same.
"""

from typing import Any
from urllib.parse import quote_plus

from localstack.services.s3 import notifications


def install() -> None:
    """Put our encoding and our sequencer where LocalStack builds an event."""
    notifications.quote = lambda key: quote_plus(key, safe="/")
    build = notifications.BaseNotifier._get_event_payload  # noqa: SLF001

    def build_in_order(ctx: notifications.S3EventNotificationContext, config_id: str) -> dict[str, Any]:
        event: dict[str, Any] = build(ctx, config_id)
        # Of the time of the write, so that all who are told of one write are told the same.
        sequencer = f"{round(ctx.event_time.timestamp() * 1_000_000):018X}"
        for record in event["Records"]:
            if "sequencer" in record["s3"]["object"]:
                record["s3"]["object"]["sequencer"] = sequencer
        return event

    notifications.BaseNotifier._get_event_payload = staticmethod(build_in_order)  # noqa: SLF001
