"""What ``EncodecVAE`` takes from a corpus before it is trained: its linear path, its noise, its colour."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.models.encodec_vae import EncodecVAE
from lgr.models.mdct import mdct_basis

FLAT = 1e-4  # a direction 40 dB below the mean energy is not blown up to unit variance
NOISE = 1e-3  # energy of the first posteriors' noise over the sound's, at most: 30 dB below


@torch.no_grad()
def fit_linear_path(model: EncodecVAE, audio_batches: Iterable[Tensor]) -> float:
    """Make the linear path the best linear codec of its size for these recordings; call it before training.

    Every clip counts alike, however loud: the directions are the principal components of the MDCT coefficients of all
    clips, each clip scaled to the same energy. Scales and deviations are those of the clips as they are. Noise levels
    are fitted to what these directions drop, the colour to the mean of the clips' log spectra.

    Parameters
    ----------
    audio_batches : tensors (batch, samples), samples >= 2 * hop_length; some minutes of sound in all

    Returns
    -------
    float in [0, 1] : the share of a clip's energy that the directions do not hold, on average; 0.01 is 20 dB

    Raises
    ------
    ArgumentError : a model without a linear path, or batches without a frame of sound
    """
    if model.linear is None:
        raise ArgumentError("model must have linear_path=True to be fitted, got linear_path=False")
    hop, size = model.config.hop_length, model.config.n_directions
    device = model.linear.directions.device
    basis = mdct_basis(hop).to(device)
    alike = torch.zeros(hop, hop, dtype=torch.float64, device=device)  # covariance with every clip scaled alike
    plain = torch.zeros_like(alike)
    frames, kept_clips = 0, list[Tensor]()
    for audio in audio_batches:
        check_shape(
            "audio", audio.shape, f"(batch, samples >= {2 * hop})", audio.ndim == 2 and audio.shape[1] >= 2 * hop
        )
        coefs = audio.to(basis).unfold(1, 2 * hop, hop) @ basis  # (batch, frames, hop)
        energy = coefs.square().sum(2).mean(1)  # of each clip
        sounding = energy > 1e-9 * hop  # -90 dBFS
        for clip, power in zip(coefs[sounding].double(), energy[sounding].double(), strict=True):
            covariance = clip.T @ clip
            plain += covariance
            alike += covariance / (power * clip.shape[0])
            frames += clip.shape[0]
            kept_clips.append(clip.float())
    if not kept_clips:
        raise ArgumentError("audio_batches must hold sound above -90 dBFS, got silence only")
    plain, alike = plain / frames, alike / len(kept_clips)
    values, vectors = torch.linalg.eigh(alike)  # ascending
    kept = vectors[:, -size:].flip(1)  # (hop, latent_dim), the strongest direction first
    variance = (kept * (plain @ kept)).sum(0)
    dropped = (plain.trace() - variance.sum()).clamp(min=0)
    floor = FLAT * variance.mean()
    variance = variance.clamp(min=floor)
    # Sampling adds, in all, the energy that was dropped, or NOISE of what was kept where that is less.
    noise = torch.minimum(dropped / size, NOISE * variance.mean()).clamp(min=floor / 10)
    model.linear.directions.copy_(basis.double() @ kept)
    model.linear.scale.copy_(variance.sqrt())
    model.linear.log_variance.copy_(torch.log((noise / variance).clamp(max=1.0)))
    if model.noise is not None and model.colour is not None:
        kept = kept.float()
        model.noise.fit([clip - (clip @ kept) @ kept.T for clip in kept_clips])
        logs = [torch.log(clip.square().mean(0) / clip.square().mean() + 1e-9) for clip in kept_clips]
        model.colour.fit(torch.stack(logs).mean(0).exp())
    return float(values[: hop - size].sum().clamp(min=0) / values.sum())
