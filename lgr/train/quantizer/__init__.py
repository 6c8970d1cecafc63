"""Training of quantizers of a codec's latents."""
