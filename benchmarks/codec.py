"""How good a codec is, on recordings held out by source: fidelity, what mean errors hide, retrieval, seams, speed.

    python -m benchmarks.codec --data MANIFEST --scorer SCORE.py [--codec bundled] [--out FILE.json]

``--scorer`` is the reconstruction scorer that figures are quoted in: a Python file with ``score(reference, estimate)``.
The recordings are those that `lgr train codec` holds out: whole source groups, by a hash of their names.
"""

import argparse
import importlib.util
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.codec_extras import pre_echo_db, retrieval, seam_ratios, silence_and_overshoot, tonal_noise_db
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.sound.audio import load_audio
from lgr.train.data import Clip, read_manifest, shipped_groups, split_by_group

CLIPS_A_CATEGORY = 40
SECONDS = 6.0


def held_out_clips(data: Path, credits: Path, *, every_licence: bool = False) -> list[Clip]:
    """Clips of held-out groups, at most ``CLIPS_A_CATEGORY`` of each category, spread over its groups.

    ``every_licence`` adds the recordings that never train because weights made from them could not be shipped.
    """
    training, held_out = split_by_group(read_manifest(data), always_held_out=shipped_groups(credits))
    if every_licence:
        trained = {clip.group for clip in training}
        held_out = [c for c in read_manifest(data, redistributable_only=False) if c.group not in trained]
    by_category: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in held_out:
        by_category[clip.category][clip.group].append(clip)
    chosen = []
    for groups in by_category.values():
        queues = [list(clips) for _, clips in sorted(groups.items())]
        picked: list[Clip] = []
        while len(picked) < CLIPS_A_CATEGORY and any(queues):
            picked += [q.pop(0) for q in queues if q]
        chosen += picked[:CLIPS_A_CATEGORY]
    return chosen


def round_trip(codec: Codec, audio: torch.Tensor) -> torch.Tensor:
    """``(samples,)`` through the codec, whole: silence at the end lets look-ahead finish."""
    padded = torch.nn.functional.pad(audio, (0, codec.info.lookahead))
    return codec.decode(codec.encode(padded[None, None]))[0, 0, : audio.shape[0]]


def fidelity(codec: Codec, clips: list[Clip], score: Any) -> dict[str, dict[str, float]]:
    """Medians by category of the scorer's figures, at 24 kHz, with pre-echo on drums and tonal noise on notes."""
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for clip in clips:
        audio, rate = load_audio(clip.path, sample_rate=codec.info.sample_rate, channels=1)
        audio = audio[0, : int(SECONDS * rate)]
        if audio.abs().max() < 1e-4 or audio.shape[0] < 4096:
            audio = torch.nn.functional.pad(audio, (0, max(0, 4096 - audio.shape[0])))
        decoded = round_trip(codec, audio)
        reference, estimate = audio.numpy(), decoded.numpy()
        if rate != 24000:
            import soxr

            reference = load_audio(clip.path, sample_rate=24000, channels=1)[0][0, : int(SECONDS * 24000)].numpy()
            estimate = soxr.resample(estimate, rate, 24000)
            reference = np.pad(reference, (0, max(0, len(estimate) - len(reference))))
        row = {k: float(v) for k, v in score(reference, estimate).items()}
        row |= {"pre_echo_db": pre_echo_db(reference, estimate), "tonal_noise_db": tonal_noise_db(reference, estimate)}
        rows[clip.category].append(row)
    return {
        category: {k: float(np.nanmedian([row[k] for row in found])) for k in found[0]} | {"clips": len(found)}
        for category, found in sorted(rows.items())
    }


def speed(codec: Codec, seconds: float = 60.0) -> dict[str, float]:
    """Times real time of encode, decode and both, best of three on one file of noise."""
    audio = 0.1 * torch.randn(1, 1, int(seconds * codec.info.sample_rate), generator=torch.Generator().manual_seed(0))
    best = {"encode": 1e9, "decode": 1e9}
    for _ in range(3):
        start = time.perf_counter()
        latents = codec.encode(audio)
        middle = time.perf_counter()
        codec.decode(latents)
        end = time.perf_counter()
        best = {"encode": min(best["encode"], middle - start), "decode": min(best["decode"], end - middle)}
    return {
        "encode": seconds / best["encode"],
        "decode": seconds / best["decode"],
        "both": seconds / (best["encode"] + best["decode"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--codec", default="bundled")
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--every-licence", action="store_true", help="also recordings that may not train what ships")
    parser.add_argument("--only", choices=["fidelity", "retrieval", "seams", "speed", "safety"], nargs="*")
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location("scorer", options.scorer)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    codec = load_codec(options.codec)
    wanted = options.only or ["fidelity", "retrieval", "seams", "speed", "safety"]
    result: dict[str, Any] = {"codec": codec.info.name, "torch_threads": torch.get_num_threads()}
    if "fidelity" in wanted:
        clips = held_out_clips(options.data, options.credits, every_licence=options.every_licence)
        result["fidelity"] = fidelity(codec, clips, scorer.score)
        names = list(result["fidelity"])
        print("| | " + " | ".join(names) + " |\n|---" * 1 + "|---" * len(names) + "|")
        for key in next(iter(result["fidelity"].values())):
            print(f"| {key} | " + " | ".join(f"{result['fidelity'][c][key]:.3f}" for c in names) + " |", flush=True)
    if "retrieval" in wanted:
        result["retrieval"] = retrieval(codec, options.data)
        for name, row in result["retrieval"].items():
            print(name, {k: round(v, 3) for k, v in row.items()}, flush=True)
    if "seams" in wanted:
        result["seams"] = seam_ratios(codec, Path("assets/audio"))
        for name, row in result["seams"].items():
            print(name, {k: round(v, 2) for k, v in row.items()}, flush=True)
    if "safety" in wanted:
        result["safety"] = silence_and_overshoot(codec)
        print("safety", result["safety"])
    if "speed" in wanted:
        result["speed"] = speed(codec)
        print("times real time", {k: round(v, 1) for k, v in result["speed"].items()})
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
