"""Does a bridge polish resyntheses? Seams, source distance, buzz and what is kept, with and without it.

    python -m benchmarks.polish [--codec spectral] [--bridge KIND|FOLDER ...] [--levels 1 4] [--steps 1 16]
        [--temperature .05 .3 1] [--pairs N] [--out FILE.md]

Pairs of bundled clips (``benchmarks.experiments.pairs``), resynthesised with the defaults but the temperature, and with
the matched latents made coarse and brought back (``lgr.bridge.polish``) before they are decoded. *Codes alone* is the
same without a bridge: what the loss of detail does by itself.

*Seams* is change of the spectrum at grains' borders over that elsewhere (1: no seam is heard), *distance left* how far
from the source a result still is (1: as far as the target), *Fréchet left* the same of the distribution of its MFCCs,
*buzz* in dB the swing at the frame rate beside the target's, *onsets* and *flux* what is kept of the target. Means over
pairs.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.experiments.measure import measure, play
from benchmarks.experiments.pairs import MELODIES, PAIRS, Pair
from lgr.bridge.polish import coarse_latents
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.sources import build_codebook

COLUMNS = {
    "seam_ratio": "seams",
    "distance_left": "distance left",
    "frechet_left": "Fréchet left",
    "buzz_db": "buzz, dB",
    "onset_f": "onsets",
    "flux_correlation": "flux",
}


class CoarseCodec:
    """A codec whose decoder is given the first levels of its latents' codes alone."""

    def __init__(self, codec: Codec, levels: int) -> None:
        self._codec, self._levels = codec, levels

    def __getattr__(self, name: str) -> object:
        return getattr(self._codec, name)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return self._codec.decode(coarse_latents(latents, self._codec, self._levels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--codec", default="spectral")
    parser.add_argument("--bridge", nargs="+", default=["schrodinger"])
    parser.add_argument("--levels", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--temperature", nargs="+", type=float, default=[0.05, 0.3, 1.0])
    parser.add_argument("--pairs", type=int, help="the first so many only")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    codec = load_codec(options.codec)
    pairs: tuple[Pair, ...] = (*PAIRS, *MELODIES)[: options.pairs]
    found: dict[tuple[float, str], list[dict[str, float | None]]] = defaultdict(list)
    for pair in pairs:
        codebook = build_codebook(pair.source_sounds, codec, pitch=True)
        for temperature in options.temperature:
            ways: dict[str, tuple[Codec, dict[str, Any]]] = {"as it is": (codec, {})}
            for levels in options.levels:
                ways[f"codes alone, {levels} levels"] = (CoarseCodec(codec, levels), {})
                for bridge in options.bridge:
                    for steps in options.steps if bridge.endswith("schrodinger") else [1]:
                        asked = {"bridge": bridge, "bridge_levels": levels, "bridge_steps": steps}
                        ways[f"{Path(bridge).name}, {levels} levels, {steps} evaluations"] = (codec, asked)
            for title, (by, asked) in ways.items():
                result = play(pair, by, sources=codebook, temperature=temperature, **asked)
                found[temperature, title].append(measure(pair, result.audio, result.sample_rate, score=result.score))
        print(pair, flush=True)
    head = "| temperature | polish | " + " | ".join(COLUMNS.values()) + " |"
    lines = [head, "|---:|---" + "|---:" * len(COLUMNS) + "|"]
    for (temperature, title), rows in sorted(found.items(), key=lambda item: item[0][0]):
        cells = []
        for name in COLUMNS:
            values = [row[name] for row in rows if row.get(name) is not None]
            cells.append(f"{sum(values) / len(values):.2f}" if values else "-")
        lines.append(f"| {temperature:g} | {title} | " + " | ".join(cells) + " |")
    text = (
        "\n".join(lines) + f"\n\n{codec.info.name}, {len(pairs)} pairs of bundled clips; torch {torch.__version__}.\n"
    )
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
