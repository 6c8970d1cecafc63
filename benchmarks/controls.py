"""Do the controls do what they say, and nothing else? Held-out recordings played again, each control moved alone.

    python -m benchmarks.controls --data MANIFEST [--codec spectral] [--every N] [--out FILE.md]

Of every recording as played without a control: the change of its level (dB), of the centroid of its power (octaves)
and of its noisiness, measured as how unsteady magnitudes are: the mean change in dB of a bin from one window to the
next that does not overlap with it, weighed by power (0 for a steady tone, 6 to 8 for noise). Nothing here reads the
model. ``asked`` and ``measured`` are correlated over all recordings and amounts; a leak is the change of another
measure, in its own unit, at the ends of the control's range, as a root mean square. Intensity is a direction in the
latents and has no measure of its own: what it does to the others is what it is for, but for the level, which it leaves.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.codec import held_out_clips
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.latents.controls import codec_controls, steer
from lgr.sound.audio import load_audio

AMOUNTS = {
    "level": (-12, -6, 6),
    "brightness": (-1, -0.5, 0.5, 1),
    "noisiness": (-2, -1, 1, 2),
    "intensity": (-18, -9, 9, 18),
}
MEASURES = {"level": "dB", "brightness": "octaves", "noisiness": "dB of unsteadiness"}
SECONDS = 4.0
WINDOW = 1024


def measured(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Level, centroid and unsteadiness of ``(samples,)``."""
    window = torch.hann_window(WINDOW)
    power = torch.stft(audio, WINDOW, WINDOW, window=window, return_complex=True).abs().square().T + 1e-12
    hz = torch.linspace(0, sample_rate / 2, power.shape[1])
    change = (10 * torch.log10(power[1:] / power[:-1])).abs()
    weight = torch.minimum(power[1:], power[:-1])  # what begins or ends is not unsteady
    return {
        "level": 10 * float(torch.log10(audio.square().mean() + 1e-12)),
        "brightness": float(torch.log2((power.sum(0) @ hz) / power.sum())),
        "noisiness": float((change * weight).sum() / weight.sum()),
    }


def changes(codec: Codec, audio: Tensor) -> list[tuple[str, float, dict[str, float]]]:
    """(control, amount, change of each measure) for every control and amount."""
    latents = codec.encode(audio[None, None])
    rate = codec.info.sample_rate
    plain = measured(codec.decode(latents)[0, 0], rate)
    found = []
    for name, amounts in AMOUNTS.items():
        for amount in amounts:
            moved = measured(codec.decode(steer(codec, latents, {name: float(amount)}))[0, 0], rate)
            found.append((name, float(amount), {k: moved[k] - plain[k] for k in plain}))
    return found


def table(rows: list[tuple[str, float, dict[str, float]]]) -> str:
    """Correlations, slopes and leaks as markdown."""
    lines = [
        "| control | correlation of asked and measured | measured a unit asked | "
        + " | ".join(f"leak into {k} ({u})" for k, u in MEASURES.items())
        + " |",
        "|---|---:|---:|" + "---:|" * len(MEASURES),
    ]
    for name in AMOUNTS:
        own = [(amount, change) for control, amount, change in rows if control == name]
        asked, told = np.array([a for a, _ in own]), "|"
        if name in MEASURES:
            got = np.array([c[name] for _, c in own])
            told = f"{np.corrcoef(asked, got)[0, 1]:.3f} | {(asked * got).sum() / (asked**2).sum():.2f}"
        far = max(abs(a) for a in AMOUNTS[name])
        leaks = [
            "" if k == name else f"{np.sqrt(np.mean([c[k] ** 2 for a, c in own if abs(a) == far])):.2f}"
            for k in MEASURES
        ]
        lines.append(f"| {name} | {told} | " + " | ".join(leaks) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", default="spectral")
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--every", type=int, default=4, help="take every so many of the held-out recordings")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    codec = load_codec(options.codec)
    if not codec_controls(codec):
        raise ArgumentError(f"--codec must have controls, got {codec.info.name}")
    clips = list(
        itertools.islice(held_out_clips(options.data, options.credits, every_licence=True), 0, None, options.every)
    )
    rows, by_category = [], {}
    for clip in clips:
        audio = load_audio(clip.path, sample_rate=codec.info.sample_rate, channels=1)[0][0]
        audio = audio[: int(SECONDS * codec.info.sample_rate)]
        if audio.shape[0] < WINDOW * 2 or float(audio.abs().max()) < 1e-3:
            continue
        found = changes(codec, audio)
        rows += found
        by_category.setdefault(clip.category, []).extend(found)
    text = f"{len(rows) // sum(map(len, AMOUNTS.values()))} recordings\n\n" + table(rows)
    for category, found in sorted(by_category.items()):
        text += f"\n\n{category}\n\n" + table(found)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
