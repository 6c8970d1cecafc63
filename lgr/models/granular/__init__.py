"""Paper 001: a VAE of grains, and of series of them."""
