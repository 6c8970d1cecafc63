"""Networks from audio to latents and back: what all share, and a folder for each paper's model."""
