"""Training of a learned matcher."""
