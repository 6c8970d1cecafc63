"""What playing live costs against playing a file, and the delay of every codec: paper 000's second open question.

    python -m benchmarks.live_quality [--codec NAME ...] [--pairs N] [--out FILE.md]

Pairs of bundled clips (``benchmarks.experiments.pairs``), each played three times by each codec that streams: offline
with the defaults of ``lgr resynth``, and live with those of ``lgr live``, a choice every frame and every two. All at
their own level, then brought to the target's in the same way, but *loudness*, which is of the live result as it came
out, less the target's, in LU.

*Distance left* is how far from the source a result still is, *Fréchet left* the same of the distribution of its MFCCs
(1: as far as the target, 0: the source); *onsets* the F-measure of onsets, *envelope* the correlation of level,
*flux* that of change, *pitch* the share of frames in tune, each against the target. Means over pairs that
have the number.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.experiments.measure import measure, play
from benchmarks.experiments.pairs import MELODIES, PAIRS, Pair
from lgr.codecs import StreamingCodec, load_codec
from lgr.codecs.base import Codec
from lgr.live import LiveConfig, live_loop
from lgr.live.latency import delay_samples
from lgr.sound.audio import resample
from lgr.sound.loudness import integrated_loudness

COLUMNS = {
    "distance_left": "distance left",
    "frechet_left": "Fréchet left",
    "onset_f": "onsets",
    "envelope_correlation": "envelope",
    "flux_correlation": "flux",
    "pitch_agreement": "pitch",
}


def live(pair: Pair, codec: Codec, hop_frames: int) -> tuple[Tensor, float, float]:
    """The result, (channels, samples); its loudness less the target's; the delay in milliseconds."""
    rate = codec.info.sample_rate
    loop, material = live_loop(pair.source_sounds, codec, hop_frames=hop_frames)
    audio = resample(pair.target, 24_000, rate)[0]
    _, out, _ = loop.step(None, audio, material, LiveConfig(), flush=True)
    loudness = integrated_loudness(out, rate) - integrated_loudness(audio[None], rate)
    return out, loudness, 1000 * delay_samples(loop, material) / rate


def line(codec: Codec, pairs: Sequence[Pair], hop_frames: int) -> str:
    """A row of the table; ``hop_frames`` 0 is offline."""
    found, loud, delay = [], [], float("nan")
    for pair in pairs:
        if hop_frames == 0:
            result = play(pair, codec)
            found.append(measure(pair, result.audio, result.sample_rate, pitch=True))
        else:
            audio, louder, delay = live(pair, codec, hop_frames)
            loud.append(louder)
            found.append(measure(pair, audio, codec.info.sample_rate, pitch=True))
    cells = [codec.info.name, "offline" if hop_frames == 0 else f"live, {hop_frames}"]
    cells.append("" if hop_frames == 0 else f"{delay:.1f}")
    for name in COLUMNS:
        numbers = [value for each in found if (value := each[name]) is not None]
        cells.append(f"{sum(numbers) / len(numbers):.2f}" if numbers else "")
    cells.append(f"{min(loud):+.1f} to {max(loud):+.1f}" if loud else "")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--codec", nargs="+", default=["bundled", "spectral", "textures-noiseband"])
    parser.add_argument("--pairs", type=int, help="the first so many only")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    pairs = (*PAIRS, *MELODIES)[: options.pairs]
    header = ["codec", "played", "delay, ms", *COLUMNS.values(), "loudness, LU"]
    lines = ["| " + " | ".join(header) + " |", "|---|---" + "|---:" * (len(header) - 2) + "|"]
    for name in options.codec:
        codec = load_codec(name)
        if not isinstance(codec, StreamingCodec):
            parser.error(f"{name} does not stream")
        for hop_frames in (0, 1, 2):
            lines.append(line(codec, pairs, hop_frames))
            print(lines[-1], flush=True)
    text = "\n".join(lines) + f"\n\n{len(pairs)} pairs of bundled clips; torch {torch.__version__}.\n"
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
