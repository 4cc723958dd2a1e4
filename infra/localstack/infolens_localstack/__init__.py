"""What LocalStack lacks to run InfoLens on one machine without Docker; loaded by LocalStack, imported by nothing else."""
