"""One training step of the bundled codec, and its test on held-out sound: pure functions of weights, batch and step.

The loss is spectral (log-mel, convergence and linear L1 over six windows) plus the waveform's relative L1. The latent
gets a little noise, so that nearby latents decode alike. In part of each batch the latents of two recordings are
spliced, and the target is their audio cross-faded over one frame: the decoder learns to join, which is what resynthesis
asks of it.
"""

import math

import torch
from torch import Tensor

from lgr.losses import WINDOWS, relative_l1, spectral_losses
from lgr.models.bundled.envelope_net import EnvelopeNet
from lgr.train.codec.config import CodecTrainConfig


def splice(latents: Tensor, audio: Tensor, n: int, hop: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Replace the ends of the first ``n`` latents by another item's, and of their audio alike.

    Parameters
    ----------
    latents : (batch, frames, latent_dim); audio : (batch, frames * hop)

    The frame before the cut overlaps the one after it in one block of ``hop`` samples; there the target is the
    cross-fade of the two sounds by the MDCT's own squared window, without its aliases.
    """
    if n == 0:
        return latents, audio
    frames = latents.shape[1]
    latents, audio = latents.clone(), audio.clone()
    donors = latents[n:], audio[n:]
    phase = (torch.arange(hop, dtype=torch.float32) + 0.5) * (math.pi / 2 / hop)
    fade_in = torch.sin(math.pi / 2 * torch.sin(phase) ** 2).square().to(audio)  # the MDCT's window, squared
    for i in range(n):
        cut = int(torch.randint(4, frames - 2, (), generator=generator))
        j = int(torch.randint(donors[0].shape[0], (), generator=generator))
        latents[i, cut:] = donors[0][j, cut:]
        block = slice((cut - 1) * hop, cut * hop)
        audio[i, block] = audio[i, block] * (1 - fade_in) + donors[1][j, block] * fade_in
        audio[i, cut * hop :] = donors[1][j, cut * hop :]
    return latents, audio


def training_loss(
    net: EnvelopeNet, audio: Tensor, config: CodecTrainConfig, step: int
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one batch ``(batch, samples)`` and its terms; a pure function of the weights, the batch and the step."""
    sizes = net.config
    generator = torch.Generator().manual_seed(config.seed * 7_000_003 + step)
    _, latents = net.encode(None, audio)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    noise[..., : sizes.n_bands] *= config.envelope_noise
    noise[..., sizes.n_bands :] *= config.detail_noise
    # Silence must stay silence: the envelope's noise does not lift it off the floor.
    latents = latents + noise * (latents.abs() > 0)
    latents, target = splice(latents, audio, int(config.splice_share * audio.shape[0]), sizes.hop_length, generator)
    whole = slice(0, audio.shape[1] - sizes.hop_length)  # the last block lacks the frame after it
    estimate, target = net(latents)[:, whole], target[:, whole]
    # Every other window, in turn: half the cost of the spectra, and the same loss over two steps.
    terms = spectral_losses(estimate, target, sizes.sample_rate, WINDOWS[step % 2 :: 2])
    terms["waveform"] = relative_l1(estimate, target)
    loss = config.log_mel_weight * terms["log_mel"] + terms["convergence"] + terms["linear"]
    loss = loss + config.waveform_weight * terms["waveform"]
    return loss, {name: float(value.detach()) for name, value in terms.items()}


@torch.no_grad()
def validate(net: EnvelopeNet, batches: list[Tensor]) -> dict[str, float]:
    """Mean terms on held-out crops, without noise or splices."""
    sums: dict[str, float] = {}
    for audio in batches:
        whole = slice(0, audio.shape[1] - net.config.hop_length)
        estimate = net(net.encode(None, audio)[1])[:, whole]
        terms = spectral_losses(estimate, audio[:, whole], net.config.sample_rate)
        terms["waveform"] = relative_l1(estimate, audio[:, whole])
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
    return sums
