"""From coarse codes of a codec back to the latents its decoder wants (paper 002)."""
