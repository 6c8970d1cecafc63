"""What codes cost and what they keep: recordings as codes of the first levels of a codec's quantizer, and back.

    python -m benchmarks.codes --data MANIFEST [--codec NAME ...] [--clips N] [--no-visqol] [--out FILE.md]

Held-out recordings (half a second or more long, their first six seconds, mono), ``--clips`` of speech and as many of
all else, a few of each category in turn, go through `lgr.codes` as `lgr codes` does it: encoded at lgr's level, the
first levels of the codes decoded, the level undone. The last row is the same way without a quantizer.

*mSTFT*, *LSD* and *SI-SDR* are those of `lgr.measures.reconstruction` at 24 kHz, at the best lag within 64 samples,
medians over recordings; *ViSQOL* is a mean, and as `benchmarks.judges` has it. *kbit/s* counts every code in full,
without the entropy coding that would spare some.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

import torch
from torch import Tensor

from benchmarks.codec import held_out_clips
from benchmarks.judges import LEAST_SECONDS, REFERENCE_RATE, heard
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.codes import codes_of, sound_of
from lgr.judges import judge
from lgr.measures.reconstruction import align, lsd, mstft, si_sdr
from lgr.rendering import extra_samples, finish
from lgr.sound.audio import audio_info, resample
from lgr.sound.level import gained
from lgr.sounds import decode_lanes, encode_levelled, hear
from lgr.train.data import Clip

LEVELS = (1, 2, 3, 4, 6, 8)
OF_CODEC = {"soundstream": (1, 2, 4, 8, 16, 46)}  # 16 entries a level, where ours have 1,024
SHORTEST = 4096  # samples that are measured
COLUMNS: dict[str, tuple[str, Callable[[Sequence[float]], float]]] = {
    "mSTFT": (".3f", median),
    "LSD, dB": (".2f", median),
    "SI-SDR, dB": (".1f", median),
    "ViSQOL": (".2f", mean),
}


def chosen(data: Path, credits: Path, clips: int) -> dict[str, list[Clip]]:
    """``clips`` recordings of speech, and as many of the other categories, one of each in turn."""
    by_category = defaultdict(list)
    for clip in held_out_clips(data, credits, every_licence=True):
        if audio_info(clip.path).duration_seconds > 0.5:
            by_category[clip.category].append(clip)
    speech = by_category.pop("speech", [])
    others = [queue[turn] for turn in range(clips) for queue in by_category.values() if turn < len(queue)]
    return {"speech": speech[:clips], "the rest": others[:clips]}


def unquantised(audio: Tensor, codec: Codec) -> Tensor:
    """``(1, samples)`` at ``REFERENCE_RATE`` through the codec as ``lgr.codes`` does it, but without codes."""
    recording, at_codec = hear((audio, REFERENCE_RATE), codec)
    latents = encode_levelled(at_codec, recording, codec, extra=extra_samples(codec.info))
    return finish(gained(decode_lanes(latents, codec), -recording.level_gain_db), recording, codec.info, None)


def measured(reference: Tensor, estimate: Tensor, rate: int, samples: int, visqol: bool) -> dict[str, float]:
    """The columns of one recording, both ``(channels, samples)``; ``samples`` are its own, the rest is silence."""
    whole = estimate.mean(0)
    if rate != REFERENCE_RATE:
        whole = resample(whole[None], rate, REFERENCE_RATE)[0]
    a, b, _ = align(reference[0, :samples], whole[:samples])
    row = {"mSTFT": mstft(a, b), "LSD, dB": lsd(a, b), "SI-SDR, dB": si_sdr(a, b)}
    if visqol:
        marks = judge("visqol-audio", whole, REFERENCE_RATE, reference[0], REFERENCE_RATE)
        row["ViSQOL"] = marks["visqol_audio"]
    return row


def table(codec: Codec, groups: dict[str, list[Clip]], visqol: bool) -> list[str]:
    """The lines of a codec's table."""
    name = codec.info.name
    levels = OF_CODEC.get(name, LEVELS)
    found: dict[int | None, dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    rates: dict[int, float] = {}
    for group, clips in groups.items():
        for clip in clips:
            audio = heard(clip.path, REFERENCE_RATE, LEAST_SECONDS)[None]
            samples = max(SHORTEST, min(audio.shape[1], heard(clip.path, REFERENCE_RATE).shape[0]))
            codes = codes_of((audio, REFERENCE_RATE), codec)
            for level in levels:
                played, rate = sound_of(codes, codec, levels=level)
                rates[level] = codes.kbit_per_second * level / codes.levels
                found[level][group].append(measured(audio, played, rate, samples, visqol))
            plain, rate = unquantised(audio, codec), max(REFERENCE_RATE, codec.info.sample_rate)
            found[None][group].append(measured(audio, plain, rate, samples, visqol))
    columns = [column for column in COLUMNS if visqol or column != "ViSQOL"]
    titles = [f"{group}: {column}" for group in groups for column in columns]
    lines = ["| levels | kbit/s | " + " | ".join(titles) + " |", "|---:|---:" + "|---:" * len(titles) + "|"]
    for key, rows in found.items():
        cells = [
            format(how([row[column] for row in rows[group]]), style)
            for group in groups
            for column, (style, how) in COLUMNS.items()
            if column in columns
        ]
        shown = ("not quantised", "") if key is None else (str(key), f"{rates[key]:.3g}")
        lines.append("| " + " | ".join([*shown, *cells]) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", nargs="+", default=["spectral", "bundled", "soundstream"])
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--clips", type=int, default=12, help="of speech, and of the rest")
    parser.add_argument("--no-visqol", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    groups = chosen(options.data, options.credits, options.clips)
    lines = []
    for name in options.codec:
        lines += [f"## {name}", "", *table(load_codec(name), groups, not options.no_visqol), ""]
        print("\n".join(lines[lines.index(f"## {name}") :]), flush=True)
    of = " and ".join(f"{len(clips)} of {group}" for group, clips in groups.items())
    lines += [f"Held-out recordings: {of}; torch {torch.__version__}.", ""]
    if options.out:
        options.out.write_text("# Codes\n\n" + "\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
