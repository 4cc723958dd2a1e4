"""The only place that imports boto3: adapters that turn AWS calls into contracts and errors by code."""
