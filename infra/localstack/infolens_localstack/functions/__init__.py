"""Lambda: execution environments as processes, and an alias that can be moved."""
