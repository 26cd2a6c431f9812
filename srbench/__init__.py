"""Super-resolution benchmark: exact metrics, opinion-score studies and their statistics."""
