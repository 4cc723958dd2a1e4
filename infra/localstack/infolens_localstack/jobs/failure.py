"""Why a job failed, in the words that DescribeTrainingJob and DescribeProcessingJob give."""


class JobFailed(Exception):
    """The job ends as Failed; the message is its FailureReason."""
