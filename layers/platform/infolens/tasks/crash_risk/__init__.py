"""S4's crash risk: one of five classes for a day, a borough of New York City and six hours of the day."""
