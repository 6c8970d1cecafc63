"""Whether a path between two sounds lives as they do: does it hum, hold still, keep its level?

A codec that copies waveforms, given one latent for ten frames, plays ten times the same wave: a comb of harmonics of
the frame rate, loud or soft as the wave happened to be. What real sounds have of each measure is what to compare with.

- ``comb_share``: share of the energy near multiples of the frame rate.
- ``held_correlation``: how far a sound repeats itself from one hop to the next.
- ``modulation_distance_db``: how differently two sounds move within their bands.
- ``middle_off_mean_db``: how far what is half-way is from being between.
- ``level_off_line_db``: how far a path's slow level is from the straight line between its ends'.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.sound.level_line import END_SECONDS, LINE_SECONDS, LOWEST_DB, POINT_SECONDS, slow_levels_db
from lgr.sound.mel import mel_filters

COMB_WIDTH = 0.04  # of a tooth, to either side, as a share of the frame rate: of white noise 8 % lie in the comb
ABOVE_HZ = 600.0  # held frames are told above: below, one hop is too short for a wave to change
BANDS, BAND_SECONDS = 20, 0.01  # mel bands whose levels are followed, in steps so long
MODULATION_HZ = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # edges of the octaves of modulation
COLOUR_BANDS, COLOUR_SECONDS = 40, 0.04  # mel bands of a spectrum, from windows about so long
RANGE_DB = 60.0  # below the loudest moment of any band a band's level is not followed


def comb_share(audio: Tensor, sample_rate: int, frame_rate: float) -> float:
    """Share of the energy of ``audio`` (channels, samples) at multiples of ``frame_rate`` (Hz); NaN for silence.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.life import comb_share
    >>> noise = torch.randn(1, 24000, generator=torch.Generator().manual_seed(0))
    >>> round(comb_share(noise, 24000, 75.0), 2), round(comb_share(noise[:, :320].repeat(1, 75), 24000, 75.0), 2)
    (0.09, 1.0)
    """
    spectrum, hz = _spectrum(audio, sample_rate)
    power = spectrum.abs().square().sum(0)
    teeth = (hz / frame_rate).round()
    near = ((hz - teeth * frame_rate).abs() <= COMB_WIDTH * frame_rate) & (teeth > 0)
    total = float(power.sum())
    return float(power[near].sum()) / total if total > 0 else float("nan")


def held_correlation(audio: Tensor, sample_rate: int, hop_length: int) -> float:
    """Correlation of ``audio`` (channels, samples) above ``ABOVE_HZ`` with itself a hop later, NaN for silence.

    1 where every hop repeats the one before, about 0 for noise; a tone has that of its pitch.
    """
    spectrum, hz = _spectrum(audio, sample_rate, window=False)
    high = torch.fft.irfft(spectrum * (hz >= ABOVE_HZ), audio.shape[1])
    now, later = high[:, :-hop_length], high[:, hop_length:]
    size = float((now.square().sum() * later.square().sum()).sqrt())
    return float((now * later).sum()) / size if size > 0 else float("nan")


def modulation_levels_db(audio: Tensor, sample_rate: int) -> Tensor:
    """How strongly each mel band's level moves in each octave of modulation, dB: ``(BANDS, octaves)``.

    The level of a band in dB, less its straight line over the whole (a path moves), is what moves.
    ``ArgumentError`` for less than a second.
    """
    if audio.shape[1] < sample_rate:
        raise ArgumentError(
            f"audio must last at least 1 s to tell its modulation, got {audio.shape[1] / sample_rate:g}"
        )
    hop = max(1, round(sample_rate * BAND_SECONDS))
    n_fft = 1 << (2 * hop - 1).bit_length()
    shape = torch.hann_window(n_fft, dtype=torch.float64)
    frames = torch.fft.rfft(audio.detach().double().mean(0).unfold(0, n_fft, hop) * shape).abs().square()
    power = mel_filters(n_fft, BANDS, sample_rate).double() @ frames.T  # (BANDS, frames)
    level = 10 * torch.log10(power.clamp(min=max(float(power.max()) * 10 ** (-RANGE_DB / 10), 1e-20)))
    time = torch.linspace(-1, 1, level.shape[1], dtype=torch.float64)
    level = level - level.mean(1, keepdim=True) - (level @ time / time.square().sum())[:, None] * time
    swing = torch.fft.rfft(level * torch.hann_window(level.shape[1], dtype=torch.float64)).abs().square()
    swing = swing / level.shape[1]
    hz = torch.fft.rfftfreq(level.shape[1], hop / sample_rate, dtype=torch.float64)
    octaves = [swing[:, (hz >= low) & (hz < high)].mean(1) for low, high in pairwise(MODULATION_HZ)]
    return 10 * torch.log10(torch.stack(octaves, 1) + 1e-3)


def modulation_distance_db(audio: Tensor, sounds: Sequence[Tensor], sample_rate: int) -> float:
    """RMS difference of the modulation of ``audio`` from the mean of that of ``sounds``, over bands and octaves, dB.

    All are (channels, samples) of a second or more.
    """
    if not sounds:
        raise ArgumentError("sounds must hold at least one to compare with, got none")
    real = torch.stack([modulation_levels_db(each, sample_rate) for each in sounds]).mean(0)
    return float((modulation_levels_db(audio, sample_rate) - real).square().mean().sqrt())


def middle_off_mean_db(path: Tensor, a: Tensor, b: Tensor, sample_rate: int) -> float:
    """How far the spectrum half-way along a path is from the mean of the two sounds' log spectra, dB.

    All are (channels, samples). RMS over ``COLOUR_BANDS`` mel bands, each spectrum less its own mean level. A sound
    between two has that mean; a cross-fade has the louder of the two in every band.
    """
    samples = path.shape[1]
    middle = path[:, samples * 2 // 5 : samples * 3 // 5]
    a_db, middle_db, b_db = (_colour_db(x, sample_rate) for x in (a, middle, b))
    return float((middle_db - (a_db + b_db) / 2).square().mean().sqrt())


def _colour_db(audio: Tensor, sample_rate: int) -> Tensor:
    """Mean power of mel bands in dB, less their mean: ``(COLOUR_BANDS,)``."""
    n_fft = 1 << round(sample_rate * COLOUR_SECONDS - 1).bit_length()
    if audio.shape[1] < n_fft:
        raise ArgumentError(f"audio must have at least {n_fft} samples to tell its spectrum, got {audio.shape[1]}")
    shape = torch.hann_window(n_fft, dtype=torch.float64)
    power = torch.fft.rfft(audio.detach().double().mean(0).unfold(0, n_fft, n_fft // 4) * shape).abs().square().mean(0)
    bands = 10 * torch.log10(mel_filters(n_fft, COLOUR_BANDS, sample_rate).double() @ power + 1e-9)
    return bands - bands.mean()


def level_off_line_db(audio: Tensor, sample_rate: int, seams_seconds: Sequence[float]) -> Tensor:
    """How far the slow level of a path is from the straight line between its ends', dB, ``(points,)`` along the path.

    Parameters
    ----------
    audio : Tensor, (channels, samples): a sound, the path, a sound
    seams_seconds : where the path begins and ends. The level of each end is that of the ``END_SECONDS`` of sound next
        to it; windows lie wholly in the path

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.life import level_off_line_db
    >>> noise = 0.1 * torch.randn(1, 72000, generator=torch.Generator().manual_seed(0))
    >>> noise[:, 24000:48000] *= 0.1
    >>> round(float(level_off_line_db(noise, 24000, (1.0, 2.0)).mean()))
    -20
    """
    first, second = (round(s * sample_rate) for s in seams_seconds)
    samples = audio.shape[1]
    ok = 0 < first < second < samples and second - first > LINE_SECONDS * sample_rate
    if not ok:
        raise ArgumentError(
            f"seams_seconds must leave some sound before and after and {LINE_SECONDS:g} s between, got "
            f"{seams_seconds[0]:.3g} and {seams_seconds[1]:.3g} in {samples / sample_rate:.3g} s"
        )
    reach = round(END_SECONDS * sample_rate)
    ends = [audio[:, max(0, first - reach) : first], audio[:, second : second + reach]]
    a, b = (10 * torch.log10(x.double().square().mean().clamp(min=10 ** (LOWEST_DB / 10))) for x in ends)
    level = slow_levels_db(audio[:, first:second], sample_rate)
    at = (torch.arange(len(level)) + 0.5) / len(level)
    inside = round(LINE_SECONDS / POINT_SECONDS / 2)
    return (level.cpu() - torch.lerp(a.cpu(), b.cpu(), at.double()))[inside : len(level) - inside]


def _spectrum(audio: Tensor, sample_rate: int, *, window: bool = True) -> tuple[Tensor, Tensor]:
    """Spectrum ``(channels, bins)`` of the whole, and its frequencies in Hz."""
    check_shape("audio", audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
    x, n = audio.detach().double(), audio.shape[1]
    shaped = x * torch.hann_window(n, dtype=torch.float64, device=x.device) if window else x
    return torch.fft.rfft(shaped), torch.fft.rfftfreq(n, 1 / sample_rate, dtype=torch.float64, device=x.device)
