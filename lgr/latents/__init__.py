"""Latent tensors: grains and how they are compared, planes, and paths between points."""
