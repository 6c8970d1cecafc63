"""Paper 003's VAE of waveforms, with EnCodec's network."""
