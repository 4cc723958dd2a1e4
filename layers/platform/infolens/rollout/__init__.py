"""The verdict on a canary as functions of data. No boto3, no clock, no randomness."""
