"""Level: make one sound follow another's loudness, and keep it from clipping, without pumping."""

import torch
from torch import Tensor

from lgr.errors import check_shape

MAX_BOOST_DB = 36.0


def _power(audio: Tensor, window_length: int, hop: int) -> Tensor:
    """Hann-weighted mean power ``(channels, frames)`` at every ``hop`` samples, centred, silence beyond the ends."""
    window = torch.hann_window(window_length, dtype=audio.dtype, device=audio.device)
    padded = torch.nn.functional.pad(audio.square().unsqueeze(1), (window_length // 2, window_length // 2 + hop))
    return torch.nn.functional.conv1d(padded, (window / window.sum())[None, None], stride=hop).squeeze(1)


def follow_loudness(audio: Tensor, reference: Tensor, sample_rate: int, *, window_seconds: float = 0.02) -> Tensor:
    """``audio`` with the level of ``reference``, channel by channel.

    Parameters
    ----------
    audio : Tensor, (channels, samples)
    reference : Tensor, (channels or 1, samples); a mono reference leads every channel alike, by the channels' mean power
    window_seconds : float > 0, over which levels are compared; gains are drawn as lines between points half a window apart

    Returns
    -------
    Tensor like ``audio``; silent where the reference is silent, and never raised by more than ``MAX_BOOST_DB``
    """
    fits = audio.ndim == 2 and reference.ndim == 2 and reference.shape[0] in (1, audio.shape[0])
    check_shape("reference", reference.shape, f"(1 or {audio.shape[0]}, {audio.shape[1]})", fits)
    check_shape("reference", reference.shape, f"(channels, {audio.shape[1]})", reference.shape[1] == audio.shape[1])
    hop = max(1, round(sample_rate * window_seconds / 4))
    wanted = _power(reference, 4 * hop, hop)
    present = _power(audio, 4 * hop, hop)
    if reference.shape[0] < audio.shape[0]:
        present = present.mean(0, keepdim=True)  # the sound's own stereo image stays
    gain = (wanted / present.clamp(min=1e-12)).sqrt().clamp(max=10 ** (MAX_BOOST_DB / 20))
    # (channels, points) to one gain a sample, on straight lines
    points = gain.shape[1]
    at = torch.arange(audio.shape[1], device=audio.device, dtype=torch.float64) / hop
    left = at.floor().long().clamp(max=points - 2) if points > 1 else torch.zeros_like(at, dtype=torch.long)
    right = (left + 1).clamp(max=points - 1)
    weight = (at - left).clamp(0, 1).to(audio.dtype)
    return audio * (gain[:, left] * (1 - weight) + gain[:, right] * weight)


def within_full_scale(audio: Tensor, ceiling: float = 0.999) -> Tensor:
    """``audio`` turned down as a whole if its peak passes ``ceiling``: one gain for all of it, so nothing pumps."""
    peak = float(audio.abs().max()) if audio.numel() else 0.0
    return audio * (ceiling / peak) if peak > ceiling else audio
