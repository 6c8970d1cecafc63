"""From sounds to a sound between them, and what it is like."""
