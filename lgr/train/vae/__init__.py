"""Training of the grain models."""
