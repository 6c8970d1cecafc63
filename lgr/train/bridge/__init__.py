"""Training of bridges from coarse codes to latents (paper 002)."""
