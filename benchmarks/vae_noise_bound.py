"""How near in log-spectral distance a noise synthesiser can come at all: the thunder table's lower bound for noise.

A noise synthesiser knows a recording's spectrum and not its phases. So let it know the spectrum *exactly*: an
independent noise with the same expected power in every bin and frame. In a bin of noise the power of reference and
estimate are then independent exponential variables of one mean, whose level in decibels each spreads by 5.57 dB
(``10 / ln 10 * pi / sqrt 6``): they lie ``5.57 * sqrt 2 = 7.88 dB`` apart (root mean square). Only bins under the
scorer's floor, 80 dB below the loudest bin, bring the distance of a recording below that: dark recordings are easy.

The expected power is not known of a recording; here it is the mean of the recording's own over a neighbourhood of
frames and bins, which follows the recording more closely than sixteen numbers a frame could.

    python -m benchmarks.vae_noise_bound --data MANIFEST --scorer SCORE.py
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.vae_held_out import HeldOutClip, held_out
from benchmarks.vae_runs import SAMPLE_RATE, Setup
from benchmarks.vae_scores import Score, load_scorer, markdown
from lgr.files import atomic_path

WINDOW = 2048  # samples, the scorer's; hop a quarter
FRAMES, BINS = 5, 9  # of the neighbourhood whose mean power is taken for the expected one
FLOOR_DB = -80.0  # of the scorer, under the loudest bin
APART_DB = 10 / math.log(10) * math.pi / math.sqrt(3)  # two independent exponential powers, in decibels


def expected_power(audio: Tensor) -> Tensor:
    """Mean power around every bin, ``(bins, frames)``, of audio ``(samples,)``; edges count what is inside."""
    power = _stft(audio).abs().square()[None, None]
    padding = (BINS // 2, FRAMES // 2)
    mean = torch.nn.functional.avg_pool2d(power, (BINS, FRAMES), 1, padding, count_include_pad=False)
    return mean[0, 0]


def independent_noise(audio: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise ``(samples,)`` with the expected power of ``audio`` and nothing else of it."""
    white = torch.randn(audio.shape, generator=generator)
    # The window's energy: white noise of RMS 1 has that power in every bin.
    scale = (expected_power(audio) / torch.hann_window(WINDOW).square().sum()).sqrt()
    shaped: Tensor = torch.istft(
        _stft(white) * scale, WINDOW, WINDOW // 4, window=torch.hann_window(WINDOW), length=audio.shape[0]
    )
    return shaped


def audible_share(audio: Tensor) -> float:
    """The share of the bins that lie above the scorer's floor."""
    magnitudes = _stft(audio).abs()
    return float((magnitudes > magnitudes.max() * 10 ** (FLOOR_DB / 20)).float().mean())


def bound(clip: HeldOutClip, score: Score, generator: torch.Generator) -> dict[str, float]:
    """The scorer's figures of independent noise against the recording, and the share of audible bins."""
    found = score(clip.audio.numpy(), independent_noise(clip.audio, generator).numpy(), SAMPLE_RATE)
    return {"lsd": float(found["lsd"]), "mstft": float(found["mstft"]), "audible_share": audible_share(clip.audio)}


def _stft(audio: Tensor) -> Tensor:
    window = torch.hann_window(WINDOW)
    return torch.stft(audio, WINDOW, WINDOW // 4, window=window, pad_mode="constant", return_complex=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="manifest.csv with textures")
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/vae_tables"), help="cache")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    score = load_scorer(options.scorer)
    setup = Setup(data=options.data, work=options.work)
    clips = held_out(setup, "textures", ("thunderstorm",), every_licence=True)
    generator = torch.Generator().manual_seed(options.seed)
    rows = [bound(clip, score, generator) for clip in clips]
    shown = []
    for name in ("lsd", "mstft", "audible_share"):
        values = np.array([row[name] for row in rows])
        shown.append((name, *(f"{x:.2f}" for x in np.percentile(values, (0, 25, 50, 75, 100)))))
    text = (
        "# The least distance that a noise synthesiser can have from our thunder\n\n"
        f"Independent Gaussian noise with the expected spectrum of each of the {len(clips)} recordings no model\n"
        f"heard (its own power, averaged over {FRAMES} frames and {BINS} bins), by the scorer: one that knows\n"
        "the spectrum exactly and no phase. Where every bin is noise above the scorer's floor (80 dB under the\n"
        f"loudest bin) the distance is {APART_DB:.2f} dB.\n\n"
        + markdown(("", "least", "quarter", "median", "three quarters", "most"), shown)
        + "\n`audible_share`: bins above that floor.\n"
    )
    with atomic_path(options.out / "vae_noise_bound.md", force=True) as part:
        part.write_text(text, encoding="utf-8")
    with atomic_path(options.out / "vae_noise_bound.json", force=True) as part:
        part.write_text(json.dumps({"seed": options.seed, "clips": rows}, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
