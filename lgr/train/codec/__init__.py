"""Training of the bundled codec."""
