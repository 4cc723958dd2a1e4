"""Training and export with torch and transformers: for jobs, never reached by what serves answers."""
