"""S0's news category: one of ten sections for a text of 50 to 12,000 characters."""
