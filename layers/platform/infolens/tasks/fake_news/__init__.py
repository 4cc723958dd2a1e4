"""S0's fake news: whether a news text is fake (0) or real (1), from title and body in one field."""
