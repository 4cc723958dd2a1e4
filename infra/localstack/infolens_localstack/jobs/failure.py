"""Why a job failed, in the words that DescribeTrainingJob and DescribeProcessingJob give."""


class JobFailed(Exception):  # noqa: N818 (an end a job can have, not a fault of this program)
    """The job ends as Failed; the message is its FailureReason."""
