"""What ``LinearPathVAE`` takes from a corpus before it is trained: its linear path, its noise, its colour."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.models.encodec_vae.base import EncodecVAE
from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE
from lgr.models.mdct import mdct_basis

FLAT = 1e-4  # a coefficient 40 dB below the mean energy is not blown up to unit variance
NOISE = 1e-3  # energy of the first posteriors' noise over the sound's, at most: 30 dB below
LEAST = 1e-5  # amplitude, full scale 1: the least level of what the network adds


@torch.no_grad()
def fit_linear_path(model: EncodecVAE, audio_batches: Iterable[Tensor]) -> float:
    """Fit to recordings what surrounds the network; call it before training.

    Scales and deviations of the latents are those of the clips as they are, and so is, without noise levels, the level
    of what the network adds. Noise levels are fitted to what the kept coefficients drop, the colour to the mean of the
    clips' log spectra: there every clip counts alike, however loud.

    Parameters
    ----------
    audio_batches : tensors (batch, samples), samples >= 2 * hop_length; some minutes of sound in all

    Returns
    -------
    float in [0, 1] : the share of a clip's energy that the latents do not hold, on average; 0.01 is 20 dB

    Raises
    ------
    ArgumentError : a model without a linear path, or batches without a frame of sound
    """
    if not isinstance(model, LinearPathVAE):
        raise ArgumentError("model must have linear_path=True to be fitted, got linear_path=False")
    hop, size = model.config.hop_length, model.config.n_kept
    basis = mdct_basis(hop).to(model.linear.scale)
    clips = list[Tensor]()
    for audio in audio_batches:
        check_shape(
            "audio", audio.shape, f"(batch, samples >= {2 * hop})", audio.ndim == 2 and audio.shape[1] >= 2 * hop
        )
        coefs = audio.to(basis).unfold(1, 2 * hop, hop) @ basis  # (batch, frames, hop)
        clips += [clip for clip in coefs if clip.square().sum(1).mean() > 1e-9 * hop]  # -90 dBFS
    if not clips:
        raise ArgumentError("audio_batches must hold sound above -90 dBFS, got silence only")
    power = torch.cat(clips).double().square().mean(0)  # of every coefficient
    variance, dropped = power[:size], power[size:].sum()
    floor = FLAT * variance.mean()
    variance = variance.clamp(min=floor)
    # Sampling adds, in all, the energy that was dropped, or NOISE of what was kept where that is less.
    noise = torch.minimum(dropped / size, NOISE * variance.mean()).clamp(min=floor / 10)
    model.linear.scale.copy_(variance.sqrt())
    model.linear.log_variance.copy_(torch.log((noise / variance).clamp(max=1.0)))
    spectra = torch.stack([clip.square().mean(0) for clip in clips])
    if model.noise is not None and model.colour is not None:
        model.noise.fit([torch.cat([torch.zeros_like(clip[:, :size]), clip[:, size:]], 1) for clip in clips])
        relative = spectra / spectra.mean(1, keepdim=True)
        model.colour.fit(torch.log(relative + 1e-9).mean(0).exp())
    else:
        model.gain.bias.fill_(float(torch.log((dropped / hop).sqrt().clamp(min=LEAST))))
    return float((spectra[:, size:].sum(1) / spectra.sum(1)).mean())
