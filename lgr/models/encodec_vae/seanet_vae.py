"""Paper 003's own VAE of waveforms: SEANet to a mean and a log variance a frame, and back to audio. No more."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lgr.models.encodec_vae.base import EncodecVAE
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.seanet import States
from lgr.models.grain_model import Posterior

FIRST_LOG_VARIANCE = -4.0  # start by learning to reconstruct


class SEANetVAE(EncodecVAE):
    """``linear_path=False``: a network alone. Nothing looks ahead; matching reads the latents themselves."""

    lookahead = 0

    def __init__(self, config: EncodecVAEConfig) -> None:
        super().__init__(config)
        nn.init.constant_(self.to_log_variance.bias, FIRST_LOG_VARIANCE)

    def encode_hops(self, state: States | None, hops: Tensor) -> tuple[States, Posterior]:
        state, features = self.encoder(state, hops[:, None])
        features = features.transpose(1, 2)  # (batch, frames, width)
        assert self.to_mean is not None  # no latent is a coefficient of the waveform
        return state, Posterior(self.to_mean(features).to(hops), self.to_log_variance(features).to(hops))

    def decode_frames(
        self,
        state: States | None,
        latents: Tensor,
        labels: Tensor,
        *,
        seeds: Sequence[int],
        first_frame: int,
        flush: bool,
    ) -> tuple[States | None, Tensor]:
        if latents.shape[1] == 0:
            return state, latents.new_zeros(latents.shape[0], 0)
        state, audio = self.decoder(state, torch.cat([latents, labels], 2).transpose(1, 2))
        return state, audio[:, 0].to(latents)
