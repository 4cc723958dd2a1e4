"""crash_risk: say in one sentence what it answers."""
