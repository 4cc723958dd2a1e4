"""The `infolens` command: what operators and editors do, and nothing that the product itself would need."""
