"""toxicity: say in one sentence what it answers."""
