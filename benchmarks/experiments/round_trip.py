"""Experiment 1: what each codec's round trip keeps, and the identity test.

The identity test: a target whose recording is among the sources, grains at every frame, τ = 0, must play its own
grains. It is also made harder: half a frame is cut off the target's beginning, so that none of its grains is exactly
one of the recording's.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import RATE, clip, clip_names, grain_frames_of, open_codecs
from lgr.baselines import play_baseline
from lgr.codecs.base import Codec
from lgr.evaluation import evaluate
from lgr.measures.reconstruction import estoi, si_sdr
from lgr.rendering import samples_at
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import resample
from lgr.sounds import with_length

SPEECH = ("speech_reader", "speech_storyteller")
KEPT = {
    "mstft": "mSTFT",
    "lsd": "LSD, dB",
    "mel": "mel, decades",
    "si_sdr": "SI-SDR, dB",
    "envelope_correlation": "envelope",
    "flux_correlation": "flux",
    "onset_f": "onset F",
}
IDENTITY = ("drum_loop", "speech_reader", "flute", "rain")
BESIDE = "glass"  # a recording that the target is not in
SAME_DB = 100.0  # differences further down are rounding


def run(
    clips: Sequence[str] | None = None, identity: Sequence[str] = IDENTITY, codecs: Sequence[str] | None = None
) -> Result:
    """Every codec whose weights are here, the bundled clips."""
    clips = clip_names() if clips is None else clips
    opened, missing = open_codecs(codecs)
    trips: dict[str, dict[str, float | None]] = {}
    returned: dict[str, list[dict[str, Any]]] = {}
    for name, codec in opened.items():
        trips[name] = round_trip(codec, clips)
        returned[name] = [identity_test(codec, each) for each in identity]
        print(f"  round trip: {name}", flush=True)
    first = [(name, *(_number(found[column]) for column in (*KEPT, "estoi"))) for name, found in trips.items()]
    second = [
        (
            name,
            *(f"{each['own']:.2f}" for each in found),
            f"{min(each['si_sdr'] for each in found):.0f}"
            if min(each["si_sdr"] for each in found) < SAME_DB
            else "same",
            *(f"{each['near']:.2f}" for each in found),
        )
        for name, found in returned.items()
    ]
    cut = [f"{name}, cut" for name in identity]
    return Result(
        title="Round trips and the identity test, every codec",
        data=f"{len(clips)} bundled clips at 24 kHz; codecs "
        + ", ".join(f"{name} {codec.info.version}".rstrip() for name, codec in opened.items()),
        tables=(
            table("Round trip: medians over clips", ("", *KEPT.values(), "ESTOI, speech"), first),
            table(
                'Identity, τ = 0, metric "centred": share of whole grains that are the target\'s own, least SI-SDR '
                "(dB) to the round trip; and, half a frame cut off the target, share within a frame of its place",
                ("", *identity, "SI-SDR", *cut),
                second,
            ),
        ),
        numbers={"round_trip": trips, "identity": returned},
        missing=tuple(missing),
    )


def round_trip(codec: Codec, clips: Sequence[str]) -> dict[str, float | None]:
    """Medians over clips of the target through the codec against the target; ESTOI is a mean over speech."""
    found, heard = [], []
    for name in clips:
        sound = (clip(name), RATE)
        made = play_baseline("unchanged", sound, [sound], codec=codec, match_loudness=False)
        found.append(evaluate(sound, [sound], made.audio, made.sample_rate).numbers)
        if name in SPEECH:
            audio = with_length(resample(made.audio, made.sample_rate, RATE), clip(name).shape[1])
            heard.append(estoi(clip(name)[0], audio[0], RATE))
    medians = {}
    for column in KEPT:
        values = [value for numbers in found if (value := numbers[column]) is not None]
        medians[column] = float(torch.tensor(values).quantile(0.5)) if values else None
    known = [value for value in heard if value is not None]
    return {**medians, "estoi": sum(known) / len(known) if known else None}


def identity_test(codec: Codec, name: str) -> dict[str, Any]:
    """``own``: share of grains that return; ``si_sdr`` to the round trip, dB; ``near``: with half a frame cut off."""
    target = clip(name)
    result = _nearest(codec, target, target)
    made = play_baseline("unchanged", (target, RATE), [(target, RATE)], codec=codec, match_loudness=False)
    half = round(codec.info.hop_length * RATE / codec.info.sample_rate / 2)
    shifted = _nearest(codec, target[:, half:], target)
    own, near = _frames_away(result), _frames_away(shifted)
    score = result.score
    whole = score.target_frame + score.grain_frames <= codec.info.frames(samples_at(score.target, score.sample_rate))
    # What is heard before the last whole grain: the grain after it runs over the end, so it is not the recording's.
    heard = int(score.target_frame[whole][-1]) * score.hop_length * result.sample_rate // score.sample_rate
    return {
        "clip": name,
        "own": float((own[whole] == 0).mean()),
        "near": float((near <= 1).mean()),
        "si_sdr": min(SAME_DB, si_sdr(made.audio.mean(0)[:heard], result.audio.mean(0)[:heard])),
    }


def _nearest(codec: Codec, target: torch.Tensor, recording: torch.Tensor) -> Resynthesis:
    config = ResynthConfig(temperature=0, grain_frames=grain_frames_of(codec), match_loudness=False)
    return resynthesise((target, RATE), [(clip(BESIDE), RATE), (recording, RATE)], codec=codec, config=config)


def _frames_away(result: Resynthesis) -> Any:
    """How far each grain's place in the recording is from its place in the target; infinitely far in another one."""
    import numpy as np

    score = result.score
    return np.where(score.recording == 1, np.abs(score.source_frame - score.target_frame), np.inf)


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.2f}"
