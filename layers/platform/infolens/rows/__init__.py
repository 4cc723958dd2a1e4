"""What the schemas and samples of several tasks share: cleaning text, finding columns, writing CSV. Pure."""
