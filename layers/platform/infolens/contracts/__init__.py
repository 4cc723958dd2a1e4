"""The shared language of InfoLens: records that pass between functions, jobs and people. No logic, no I/O."""
