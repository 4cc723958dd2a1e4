"""S0's news summary: a few sentences, at most 128 tokens, for a text of 50 to 12,000 characters."""
