"""Training: data with a split by source recording, and one loop a model. Needs torch, numpy, soundfile, safetensors."""
