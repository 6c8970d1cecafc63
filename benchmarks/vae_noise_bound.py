"""How near a noise synthesiser, and how near a few exact numbers a frame, can come: bounds for the thunder table.

A noise synthesiser knows a recording's spectrum and not its phases. So let it know the spectrum *exactly*: an
independent noise with the same expected power in every bin and frame. In a bin of noise the power of reference and
estimate are then independent exponential variables of one mean, whose level in decibels each spreads by 5.57 dB
(``10 / ln 10 * pi / sqrt 6``): they lie ``5.57 * sqrt 2 = 7.88 dB`` apart (root mean square). Only bins near the
scorer's floor, 80 dB below the loudest bin, or under it bring the distance of a recording below that: dark recordings
are easy.

The expected power is not known of a recording; here it is the mean of the recording's own over a neighbourhood of
frames and bins, which follows the recording more closely than sixteen numbers a frame could.

An autoencoder of 16 or 128 numbers a frame of 320 samples could keep as many coefficients of the frame's MDCT: the
lowest, or the largest of each frame, which is an optimist's bound, since nothing is left to say which they are. The
rest is left out or is such noise.

    python -m benchmarks.vae_noise_bound --data MANIFEST --scorer SCORE.py
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.vae_dark import NOISEBAND_LSD, darkened
from benchmarks.vae_held_out import counted, held_out
from benchmarks.vae_noise import APART_DB, BINS, FRAMES, audible_share, independent_noise
from benchmarks.vae_runs import SAMPLE_RATE, Setup
from benchmarks.vae_scores import Score, load_scorer, markdown, of, summary
from benchmarks.vae_textures import PAPER_THUNDER
from lgr.files import atomic_path
from lgr.models.mdct import mdct_basis, overlap_blocks

HOP = 320  # samples, of the frames that numbers are counted by
NUMBERS = (16, 128)


def bound(audio: Tensor, score: Score, generator: torch.Generator) -> dict[str, float]:
    """The scorer's figures of independent noise against the recording, and the share of audible bins."""
    found = score(audio.numpy(), independent_noise(audio, generator).numpy(), SAMPLE_RATE)
    return {"lsd": float(found["lsd"]), "mstft": float(found["mstft"]), "audible_share": audible_share(audio)}


def kept(audio: Tensor, n: int, *, largest: bool) -> Tensor:
    """Audio ``(samples,)`` from the ``n`` lowest, or largest, MDCT coefficients of each of its frames alone."""
    basis = mdct_basis(HOP)
    frames = functional.pad(audio, (HOP, HOP + -audio.shape[0] % HOP)).unfold(0, 2 * HOP, HOP)
    coefs = frames @ basis
    chosen = coefs.abs().topk(n, 1).indices if largest else torch.arange(n).expand(coefs.shape[0], n)
    blocks, _ = overlap_blocks(torch.zeros_like(coefs).scatter(1, chosen, coefs.gather(1, chosen))[None] @ basis.T)
    return blocks[0, 1:].flatten()[: audio.shape[0]]


def exact_numbers(audio: Tensor, score: Score, generator: torch.Generator) -> dict[str, dict[str, float]]:
    """The scorer's figures of ``n`` exact coefficients a frame, without and with noise in the place of the rest."""
    found = {}
    for n in NUMBERS:
        for which in ("lowest", "largest"):
            part = kept(audio, n, largest=which == "largest")
            for how, rest in (("", 0.0), (" and noise", independent_noise(audio - part, generator))):
                figures = score(audio.numpy(), (part + rest).numpy(), SAMPLE_RATE)
                found[f"{n} {which}{how}"] = {name: float(figures[name]) for name in ("mstft", "lsd", "sisdr")}
    return found


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
    as_they_are = held_out(setup, "textures", ("thunderstorm",), every_licence=True)
    dark = [darkened(clip, score, seed=options.seed) for clip in as_they_are]
    result: dict[str, Any] = {"seed": options.seed}
    text = HEAD
    for test, clips in (("As they are", as_they_are), ("Made as dark as the paper's clip must be", dark)):
        generator = torch.Generator().manual_seed(options.seed)
        rows = [bound(clip.audio, score, generator) for clip in clips]
        numbers = [exact_numbers(clip.audio, score, generator) for clip in clips]
        result[test] = {"noise": rows, "exact numbers": numbers}
        text += f"\n## {test}: {counted(clips)}\n\n{_noise_table(rows)}\n{_numbers_table(numbers)}"
    with atomic_path(options.out / "vae_noise_bound.md", force=True) as part:
        part.write_text(text, encoding="utf-8")
    with atomic_path(options.out / "vae_noise_bound.json", force=True) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(text)


def _noise_table(rows: Sequence[dict[str, float]]) -> str:
    shown = []
    for name in ("lsd", "mstft", "audible_share"):
        values = np.array([row[name] for row in rows])
        shown.append((f"noise: {name}", *(f"{x:.2f}" for x in np.percentile(values, (0, 25, 50, 75, 100)))))
    return markdown(("", "least", "quarter", "median", "three quarters", "most"), shown)


def _numbers_table(rows: Sequence[dict[str, dict[str, float]]]) -> str:
    shown = []
    for name in rows[0]:
        these = [row[name] for row in rows]
        figures = summary(these)
        medians = (of(figures, "mstft", digits=3), of(figures, "lsd"), of(figures, "sisdr", digits=1))
        least = (f"{min(x['mstft'] for x in these):.3f}", f"{min(x['lsd'] for x in these):.2f}")
        shown.append((name, *medians, *least, f"{max(x['sisdr'] for x in these):.1f}"))
    shown += [
        (f"paper: {name}", f"{mstft:g}", f"{lsd:g}", "" if sisdr is None else f"{sisdr:g}", "", "", "")
        for name, (mstft, lsd, sisdr) in PAPER_THUNDER.items()
    ]
    figures_of = ("mstft", "lsd_db", "si-sdr (dB)")
    return markdown(("median of", *figures_of, *(f"best {each}" for each in figures_of)), shown)


HEAD = f"""# The least distance that noise, and that a few exact numbers a frame, can have from our thunder

`noise`: independent Gaussian noise with the expected spectrum of each recording (its own power, averaged over {FRAMES}
frames and {BINS} bins), by the scorer: noise that knows the spectrum exactly and no phase. Where every bin is noise
well above the scorer's floor (80 dB under the loudest bin) the distance is {APART_DB:.2f} dB. `audible_share`: bins
above that floor.

`16 lowest`: the 16 lowest of the 320 MDCT coefficients of each frame as they are and nothing else; `and noise`: the
rest is such noise; `largest`: the largest of each frame, positions for free, which no 16 numbers can say. 128 alike.
`best`: of any recording. The paper's figures are of its own models on the clip of its site, of which we know no more.

*Made as dark as the paper's clip must be*: its NoiseBand has {NOISEBAND_LSD} dB there, so noise with exactly the
right spectrum has about that or less. Each recording is low-passed (Butterworth, no phase) until such noise has
{NOISEBAND_LSD} dB. That is not the paper's clip: these are our recordings, as dark as the paper's own figure says that
its clip is at least.
"""


if __name__ == "__main__":
    main()
