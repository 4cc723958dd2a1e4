"""What LocalStack lacks to run InfoLens without Docker; loaded by LocalStack, imported by nothing else."""
