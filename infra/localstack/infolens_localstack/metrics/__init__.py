"""CloudWatch: statistics, alarms."""
