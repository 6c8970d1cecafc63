"""A score as clips, for sessions of other programs: a clip for each run of grains that play on.

Clips overlap as grains do and fade in and out, in straight lines, over the overlap; a run so short that its fades would
cross fades over half its length each way and is scaled to weigh what its grains do.
"""

from dataclasses import dataclass

from lgr.score.score import Score


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A stretch of a recording, and where it plays; seconds are those of the recording as it was encoded."""

    recording: int  # index into the score's recordings
    position_seconds: float  # where it plays
    length_seconds: float
    offset_seconds: float = 0.0  # where in the recording it starts
    fade_in_seconds: float = 0.0
    fade_out_seconds: float = 0.0
    gain: float = 1.0  # linear, at most 1

    @property
    def end_seconds(self) -> float:
        """Where it no longer plays."""
        return self.position_seconds + self.length_seconds


def clips(score: Score) -> list[Clip]:
    """The clips of a score, by position.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.score.clips import clips
    >>> folder = assets_dir() / "audio"
    >>> score = lgr.resynthesise(folder / "drum_loop.flac", [folder / "glass.flac"], codec="toy", seed=1).score
    >>> found = clips(score)
    >>> len(found) == len(score.runs()), found[0].position_seconds
    (True, 0.0)
    """
    return [_clip(score, first, n_grains) for first, n_grains in score.runs()]


def _clip(score: Score, first: int, n_grains: int) -> Clip:
    """The clip of the run of ``n_grains`` grains from grain ``first`` on."""
    last = first + n_grains - 1
    start = int(score.target_frame[first])
    end = int(score.target_frame[last]) + score.grain_frames
    before = int(score.target_frame[first - 1]) + score.grain_frames - start if first else 0
    after = end - int(score.target_frame[last + 1]) if last + 1 < len(score) else 0
    fade_in, fade_out, gain = max(float(before), 0.0), max(float(after), 0.0), 1.0
    if fade_in + fade_out > end - start:
        # Grains so dense that fades would cross: the run's weights are a hill that never reaches 1. A triangle of the
        # same area stands for it.
        fade_in = fade_out = (end - start) / 2
        gain = min(1.0, 2 * n_grains * score.hop_frames / (end - start))
    position = start * score.frame_seconds
    length = (end - start) * score.frame_seconds
    if 0 < score.target.duration_seconds - position < length:  # the last grains may run over the target's end
        length = score.target.duration_seconds - position
    return Clip(
        recording=int(score.recording[first]),
        position_seconds=position,
        length_seconds=length,
        offset_seconds=int(score.source_frame[first]) * score.frame_seconds,
        fade_in_seconds=min(fade_in * score.frame_seconds, length),
        fade_out_seconds=min(fade_out * score.frame_seconds, length),
        gain=gain,
    )


def number(value: float) -> str:
    """Without an exponent, which not every program reads; to the picosecond, far below a sample."""
    return f"{value:.12f}".rstrip("0").rstrip(".")
