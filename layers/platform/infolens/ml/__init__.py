"""Task-neutral machine learning. Modules beside `training/` serve answers and never reach torch or transformers."""
