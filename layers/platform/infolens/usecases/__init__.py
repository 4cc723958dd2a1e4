"""What the system does, step by step, on ports; handlers and the command line give the adapters."""
