"""CloudWatch as LocalStack has it."""

from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider


class AlarmingCloudwatchProvider(CloudwatchProvider):
    """CloudWatch."""
