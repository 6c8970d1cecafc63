"""Retention: how much of the target's time stays in a result. Both are ``(samples,)`` at one rate and begin together.

Measures read a ``Timeline`` of each, which works out once what several of them need; ``RETENTION`` lists them.
Onsets and flux are of one detector for both sounds, so its habits cancel. Levels matter to ``envelope_correlation``
only, whose floor is 80 dB under full scale, as in the project's scorer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.errors import MissingPackageError, check_shape
from lgr.measures.onsets import HOP_SECONDS, Beat, autocorrelation, beat, onset_curve, onset_seconds
from lgr.sound.audio import resample

ONSET_WINDOW_SECONDS = 0.05  # of the F-measure, as MIREX and mir_eval have it
PITCH_RATE, PITCH_FRAME, PITCH_HOP = 12000, 1024, 240  # Hz, samples, samples
LOWEST_HZ, HIGHEST_HZ = 65.4, 1046.5  # C2 to C6
PITCH_STEP_SEMITONES = 0.25  # a quarter of the time of librosa's .1, and small against the tolerance
TOLERANCE_CENTS = 50.0
VOICED_SHARE = 0.05  # least share of voiced frames of a sound with a pitch


def pitch_hz(audio: Tensor, sample_rate: int) -> NDArray[np.float64]:
    """Pitch every ``PITCH_HOP / PITCH_RATE`` seconds (20 ms), ``(frames,)``, 0 where unvoiced.

    pYIN (Mauch and Dixon 2014) by ``librosa``, C2 to C6, in quarters of a semitone; 0.06 s a second of sound.
    """
    try:
        import librosa
    except ImportError as error:
        raise MissingPackageError("pitch needs librosa: pip install 'lgr[explore]'") from error
    at_rate = resample(audio[None], sample_rate, PITCH_RATE)[0]
    if at_rate.shape[0] < PITCH_FRAME:  # no frame lies wholly within it
        return np.zeros(1 + at_rate.shape[0] // PITCH_HOP)
    hz, _, _ = librosa.pyin(
        at_rate.numpy(),
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=PITCH_RATE,
        frame_length=PITCH_FRAME,
        hop_length=PITCH_HOP,
        resolution=PITCH_STEP_SEMITONES,
    )
    return np.nan_to_num(np.asarray(hz, dtype=np.float64))


def correlation(a: Tensor, b: Tensor) -> float | None:
    """Pearson's correlation of two curves ``(n,)``; None where one is constant or shorter than 2."""
    a, b = a.double(), b.double()
    if a.shape[0] < 2:
        return None
    a, b = a - a.mean(), b - b.mean()
    norm = float(a.norm() * b.norm())
    return float(a @ b) / norm if norm > 1e-12 else None


class Timeline:
    """What retention reads of a sound ``(samples >= 1,)``: each thing is worked out when first asked for, and kept.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.retention import Timeline
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> Timeline(noise, 24000).envelope.shape  # an energy every 10 ms
    torch.Size([100])
    """

    def __init__(self, audio: Tensor, sample_rate: int) -> None:
        check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
        self.audio, self.sample_rate = audio, sample_rate

    @cached_property
    def onset_curve(self) -> Tensor:
        return onset_curve(self.audio, self.sample_rate)

    @cached_property
    def onset_seconds(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = onset_seconds(self.audio, self.sample_rate).numpy()
        return found

    @cached_property
    def envelope(self) -> Tensor:
        """Log energies of 10 ms, ``(frames,)`` float64, floor -80 dBFS."""
        hop = self.sample_rate // 100
        n = self.audio.shape[0] // hop
        return torch.log10(self.audio[: n * hop].double().view(n, hop).square().mean(1) + 1e-8)

    @cached_property
    def pulses(self) -> NDArray[np.float64]:
        return autocorrelation(self.onset_curve)

    @cached_property
    def beat(self) -> Beat | None:
        return beat(self.audio, self.sample_rate)

    @cached_property
    def pitch_hz(self) -> NDArray[np.float64]:
        return pitch_hz(self.audio, self.sample_rate)


def onset_f_measure(target: Timeline, result: Timeline) -> float | None:
    """F-measure in [0, 1] of the result's onsets against the target's within 50 ms (Bello et al. 2005; ``mir_eval``).

    None where the target has no onset.
    """
    try:
        from mir_eval.onset import f_measure
    except ImportError as error:
        raise MissingPackageError("the onset F-measure needs mir_eval: pip install 'lgr[measures]'") from error
    reference, estimate = target.onset_seconds, result.onset_seconds
    if not len(reference):
        return None
    # mir_eval warns of an empty estimate, whose F-measure is 0 by definition.
    return float(f_measure(reference, estimate, window=ONSET_WINDOW_SECONDS)[0]) if len(estimate) else 0.0


def flux_correlation(target: Timeline, result: Timeline) -> float | None:
    """Pearson's correlation of the two onset curves; None where one of them is constant (silence)."""
    return correlation(target.onset_curve, result.onset_curve)


def envelope_correlation(target: Timeline, result: Timeline) -> float | None:
    """Pearson's correlation of the log energies of 10 ms, floor -80 dBFS; None where one of them is constant.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.retention import Timeline, envelope_correlation
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> swell = Timeline(torch.linspace(0, 1, 24000) * noise, 24000)
    >>> round(envelope_correlation(swell, swell), 3)
    1.0
    >>> envelope_correlation(swell, Timeline(torch.zeros(24000), 24000)) is None
    True
    """
    return correlation(target.envelope, result.envelope)


def tempo_agreement(target: Timeline, result: Timeline) -> float | None:
    """How much of the target's pulse the result keeps: its autocorrelation at the target's beat, over the target's own.

    In [0, 1]; no octave can be mistaken, since the result's own tempo is not asked for (``beat`` tells it). None where
    the target has no beat.
    """
    found = target.beat
    if found is None:
        return None
    period = 60 / found.bpm * target.sample_rate / round(target.sample_rate * HOP_SECONDS)
    kept = result.pulses[round(period)]
    return min(1.0, max(0.0, float(kept) / found.pulse))


def pitch_agreement(target: Timeline, result: Timeline) -> float | None:
    """Raw pitch accuracy in [0, 1]: share of the target's voiced frames whose pitch the result has within 50 cents.

    Frames in which the result is unvoiced count as wrong (``mir_eval.melody``; Poliner et al. 2007). None where less
    than ``VOICED_SHARE`` of the target is voiced.
    """
    try:
        from mir_eval.melody import hz2cents, raw_pitch_accuracy
    except ImportError as error:
        raise MissingPackageError("pitch agreement needs mir_eval: pip install 'lgr[measures]'") from error
    wanted, heard = target.pitch_hz, result.pitch_hz
    voiced = wanted > 0
    if voiced.mean() < VOICED_SHARE:
        return None
    if not (heard > 0).any():
        return 0.0  # of which mir_eval would warn
    return float(
        raw_pitch_accuracy(voiced, hz2cents(wanted), heard > 0, hz2cents(heard), cent_tolerance=TOLERANCE_CENTS)
    )


@dataclass(frozen=True)
class RetentionMeasure:
    """``measure`` of two timelines of one length, and what it means where there is no number."""

    measure: Callable[[Timeline, Timeline], float | None]
    otherwise: str
    slow: bool = False  # takes longer than all the rest: measured where it is asked for


RETENTION = {
    "onset_f": RetentionMeasure(onset_f_measure, "the target has no onset"),
    "envelope_correlation": RetentionMeasure(envelope_correlation, "constant level"),
    "flux_correlation": RetentionMeasure(flux_correlation, "silence"),
    "tempo_agreement": RetentionMeasure(tempo_agreement, "the target has no beat"),
    "pitch_agreement": RetentionMeasure(pitch_agreement, "the target has no pitch", slow=True),
}


def retention(name: str, target: Tensor, result: Tensor, sample_rate: int) -> float | None:
    """The measure ``name`` of ``RETENTION`` for two sounds, the longer one cut to the length of the other.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.measures.retention import RETENTION, retention
    >>> drums, rate = lgr.load_audio(assets_dir() / "audio" / "drum_loop.flac")
    >>> round(retention("flux_correlation", drums[0], drums[0] / 2, rate), 3)
    1.0
    >>> list(RETENTION)
    ['onset_f', 'envelope_correlation', 'flux_correlation', 'tempo_agreement', 'pitch_agreement']
    """
    for what, audio in (("target", target), ("result", result)):
        check_shape(what, audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    n = min(target.shape[0], result.shape[0])
    return RETENTION[name].measure(Timeline(target[:n], sample_rate), Timeline(result[:n], sample_rate))
