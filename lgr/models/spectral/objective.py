"""The reconstruction terms of the spectral model, on magnitudes at unit level.

- ``surprise``: nats a bin (``lgr.models.spectral.likelihood``), bins weighed half alike, half as the mel scale has them
- ``linear``: L1 of magnitudes over their mean: the loud bins once more
- ``mel``: L1 of mel amplitudes, decades
- ``bands``: the same of what a latent by itself stands for, which matching reads
- ``loudness``: L1 of the level's latent (1 is 30 dB), for series that a temporal embedding plays

Part of a batch is *spliced*: from a moment on, a clip goes on as another's latents and spectra, as grains do. Latents
then have to say what they mean where they are; a decoder that needs the past of its own recording is of no use here.
"""

import torch
from torch import Tensor

from lgr.models.spectral.likelihood import surprise

SILENT = 1e-5  # RMS: quieter spectra are rounding noise and teach nothing
BAND_FLOOR = 1e-4  # at unit level
MEL_CORNER_HZ = 700.0
SPLICED = 0.25  # of a batch's clips
SHORTEST, LONGEST = 4, 24  # latents between splices


def spectral_terms(
    unit: Tensor, level: Tensor, log_power: Tensor, spread: Tensor, alone: Tensor, filters: Tensor, sample_rate: int
) -> dict[str, Tensor]:
    """Terms, scalars.

    Parameters
    ----------
    unit : (batch, frames, 2, bins), magnitudes at unit level
    level : (batch, frames, 1), RMS
    log_power, spread : as ``unit``: what was decoded
    alone : (batch, frames, n_bands), decades: what each latent stands for by itself
    filters : (n_bands, bins), each summing to one
    """
    heard = (level > SILENT).to(unit)[..., None]  # (batch, frames, 1, 1)
    share = 1 / heard.mean().clamp(min=1e-3)
    hz = torch.linspace(0, sample_rate / 2, unit.shape[-1], device=unit.device)
    mel = 1 / (1 + hz / MEL_CORNER_HZ)
    weight = 0.5 + 0.5 * mel / mel.mean()
    amplitude = torch.exp(0.5 * log_power)
    mean = unit.mean((2, 3), keepdim=True)
    of_both = unit.square().mean(2)
    return {
        "surprise": (surprise(unit, log_power, spread) * weight * heard).mean() * share,
        "linear": ((amplitude - unit).abs() / (mean + BAND_FLOOR) * heard).mean() * share,
        "mel": ((_bands(amplitude.square(), filters) - _bands(unit.square(), filters)).abs() * heard).mean() * share,
        "bands": ((alone - _bands(of_both, filters)).abs() * heard[..., 0]).mean() * share,
    }


def _bands(power: Tensor, filters: Tensor) -> Tensor:
    return torch.log10((power @ filters.T).sqrt() + BAND_FLOOR)


def draw_splices(batch: int, frames: int, generator: torch.Generator) -> Tensor:
    """The clip whose frame is taken, int64 ``(batch, frames)``: some clips change to others every few frames."""
    found = torch.arange(batch)[:, None].expand(batch, frames).clone()
    for row in range(batch):
        if float(torch.rand((), generator=generator)) >= SPLICED:
            continue
        at = int(torch.randint(SHORTEST, LONGEST + 1, (), generator=generator))
        while at < frames:
            length = int(torch.randint(SHORTEST, LONGEST + 1, (), generator=generator))
            found[row, at : at + length] = int(torch.randint(batch, (), generator=generator))
            at += length
    return found
