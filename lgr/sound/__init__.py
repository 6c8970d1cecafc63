"""Samples: files in and out, levels, mel bands, recordings, and parameters over time."""
