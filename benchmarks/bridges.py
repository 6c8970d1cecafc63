"""Paper 002's table, for a codec of ours: what bridges bring back from coarse codes, by figures and by judges.

    python -m benchmarks.bridges --data MANIFEST --codec spectral --bridge KIND=FOLDER ... [--clips N]
        [--given N] [--judge NAME ...] [--out FILE.md]

Held-out recordings (half a second or more long, their first six seconds), speech and the rest apart. Every row is what
comes out when ``--given`` levels of codes are known: the coarse codes by themselves, every bridge, a Schrödinger bridge
at 1, 4, 16 and 64 evaluations; and for comparison all levels, and the latents before quantisation, which is as well as
the codec can do. A KIND may be written ``regression:10`` to name a row after more than the kind, such as a share of the
data. References are the recordings themselves, at 24 kHz.

*SI-SNR* in dB; *ESTOI*, *ViSQOL* (its mode for speech, or for audio), *WER*, *speaker* (cosine) and *DNSMOS*
(overall; in the place of the paper's listeners) are what ``lgr judges`` explains, *mSTFT* and *LSD* are
``lgr.measures.reconstruction``'s, *Fréchet* is over musicnn's embedding, all recordings of the row together; *WER* is
over all words of the row together. *RTF* is seconds of work for one of sound, the bridge alone, on one core. Means over
recordings that have the number.

Under it, over recordings and rows: rank correlations (Spearman) of each figure with each judge, within a recording,
averaged: does what measures well sound well (paper 002's second question)?
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.codec import held_out_clips
from lgr.bridge.base import Bridge
from lgr.bridge.files import open_bridge
from lgr.bridge.polish import coarse_latents
from lgr.codecs import load_codec
from lgr.codecs.base import DiscreteCodec
from lgr.errors import CannotJudgeError
from lgr.judges import judge
from lgr.judges.musicnn import load_musicnn
from lgr.measures.frechet import frechet_distance
from lgr.measures.reconstruction import estoi, lsd, mstft, si_snr
from lgr.sound.audio import load_audio, resample
from lgr.sound.level import levelling_gain_db

RATE = 24000  # of references
SECONDS, LEAST_SECONDS = 6.0, 0.5
EVALUATIONS = (1, 4, 16, 64)
MAX_LAG = 64  # samples by which a codec may be late without losing SI-SNR
OBJECTIVE = ("si_snr", "estoi", "mstft", "lsd")
BETTER_LOW = ("mstft", "lsd", "wer", "frechet")
TITLES = {
    "si_snr": "SI-SNR",
    "estoi": "ESTOI",
    "visqol": "ViSQOL",
    "wer": "WER",
    "speaker": "speaker",
    "dnsmos": "DNSMOS",
    "mstft": "mSTFT",
    "lsd": "LSD",
    "frechet": "Fréchet",
    "rtf": "RTF",
    "parameters": "parameters",
}
Makes = Callable[[Tensor], Tensor]  # latents as encoded to those that are decoded


@dataclass(frozen=True)
class Row:
    """A row: what it is called, what makes its latents, how many weights that has."""

    title: str
    makes: Makes
    parameters: int = 0


def rows_of(codec: DiscreteCodec, bridges: Sequence[tuple[str, Bridge]], given: int) -> list[Row]:
    def bridged(bridge: Bridge, steps: int | None) -> Makes:
        def makes(latents: Tensor) -> Tensor:
            coarse = coarse_latents(latents, codec, given)
            return bridge(coarse, given=given, steps=steps, generator=torch.Generator().manual_seed(0))

        return makes

    rows = [Row("coarse codes alone", lambda latents: coarse_latents(latents, codec, given))]
    for name, bridge in bridges:
        weights = sum(p.numel() for p in bridge.parameters())
        if bridge.most_steps == 1:
            rows.append(Row(name, bridged(bridge, None), weights))
        else:
            rows += [Row(f"{name}, {n}", bridged(bridge, n), weights) for n in EVALUATIONS]
    rows.append(Row("all levels", lambda latents: coarse_latents(latents, codec, codec.n_codebooks)))
    return [*rows, Row("before quantisation", lambda latents: latents)]


def measured(reference: Tensor, result: Tensor, *, speech: bool, judges: Sequence[str]) -> dict[str, float]:
    """The figures of one recording; judges that cannot say are left out."""
    found: dict[str, float] = {
        "si_snr": si_snr(reference, result, max_lag=MAX_LAG),
        "mstft": mstft(reference, result),
        "lsd": lsd(reference, result),
    }
    if speech and (value := estoi(reference, result, RATE)) is not None:
        found["estoi"] = value
    asked = {"visqol": "visqol-speech" if speech else "visqol-audio", "dnsmos": "dnsmos"}
    if speech:
        asked["speaker"] = "speaker"
    for name, by in asked.items():
        if name not in judges:
            continue
        try:
            said = judge(by, result, RATE, reference, RATE)
        except CannotJudgeError:
            continue
        found[name] = next(iter(said.values()))
    return {name: value for name, value in found.items() if np.isfinite(value)}


def mean_of(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def word_error(pairs: Sequence[tuple[Tensor, Tensor]]) -> float | None:
    """Of all recordings of a row, one after the other with a pause: few words of each would say little."""
    pause = torch.zeros(RATE)
    reference, result = (torch.cat([x for pair in pairs for x in (pair[i], pause)]) for i in (0, 1))
    try:
        return judge("wer", result, RATE, reference, RATE)["wer"]
    except CannotJudgeError:
        return None


def correlations(each: dict[str, list[dict[str, float]]], judges: Sequence[str]) -> list[str]:
    """Lines of a table: a row a figure, a column a judge; Spearman's over the rows of each recording, then averaged."""
    from scipy.stats import spearmanr

    titles = list(each)
    present = [name for name in judges if any(name in row for row in each[titles[0]])]
    lines = ["| | " + " | ".join(TITLES[name] for name in present) + " |", "|---" + "|---:" * len(present) + "|"]
    for figure in OBJECTIVE:
        cells = []
        for name in present:
            found = []
            for i in range(len(each[titles[0]])):
                both = [(row[i][figure], row[i][name]) for row in each.values() if figure in row[i] and name in row[i]]
                if len(both) >= 4 and len({b for _, b in both}) > 1 and len({a for a, _ in both}) > 1:
                    sign = -1 if (figure in BETTER_LOW) != (name in BETTER_LOW) else 1
                    found.append(sign * float(spearmanr([a for a, _ in both], [b for _, b in both]).statistic))
            cells.append(f"{np.mean(found):.2f}" if found else "-")
        if any(cell != "-" for cell in cells):
            lines.append(f"| {TITLES[figure]} | " + " | ".join(cells) + " |")
    return lines


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", default="spectral")
    parser.add_argument("--bridge", nargs="*", default=[], metavar="KIND=FOLDER")
    parser.add_argument("--given", type=int, default=1)
    parser.add_argument("--clips", type=int, default=24, help="of speech, and of the rest")
    parser.add_argument("--judge", nargs="*", default=["visqol", "dnsmos", "speaker", "wer", "frechet"])
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    codec = load_codec(options.codec)
    assert isinstance(codec, DiscreteCodec)
    bridges = [(text.partition("=")[0], open_bridge(Path(text.partition("=")[2]))[0]) for text in options.bridge]
    rows = rows_of(codec, bridges, options.given)
    network = load_musicnn() if "frechet" in options.judge else None
    by_category = defaultdict(list)
    for clip in held_out_clips(options.data, options.credits):
        if load_audio(clip.path)[0].shape[1] > LEAST_SECONDS * RATE:
            by_category[clip.category].append(clip)
    speech = by_category.pop("speech")[: options.clips]
    rest = [clip for clips in zip(*by_category.values(), strict=False) for clip in clips][: options.clips]
    bits = options.given * (codec.code_entries - 1).bit_length() * codec.info.frame_rate / 1000
    lines = [f"{codec.info.name}: {options.given} of {codec.n_codebooks} levels known, {bits:.2g} kbit/s."]
    for title, clips in (("Speech", speech), ("The rest", rest)):
        each: dict[str, list[dict[str, float]]] = defaultdict(list)
        spent, whole, speaking = defaultdict[str, float](float), 0.0, title == "Speech"
        sounds: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for i, clip in enumerate(clips):
            reference = load_audio(clip.path, sample_rate=RATE, channels=1)[0][0, : int(SECONDS * RATE)]
            audio = resample(reference[None], RATE, codec.info.sample_rate)
            gain = 10 ** (levelling_gain_db(audio, codec.info.sample_rate) / 20)
            latents = codec.encode(torch.nn.functional.pad(gain * audio, (0, codec.info.lookahead))[None])
            whole += reference.shape[0] / RATE
            for row in rows:
                begun = time.perf_counter()
                made = row.makes(latents)
                spent[row.title] += time.perf_counter() - begun
                result = resample(codec.decode(made)[0] / gain, codec.info.sample_rate, RATE)[0, : reference.shape[0]]
                result = torch.nn.functional.pad(result, (0, reference.shape[0] - result.shape[0]))
                each[row.title].append(measured(reference, result, speech=speaking, judges=options.judge))
                sounds[row.title].append((reference, result))
            print(f"{title}: {i + 1} of {len(clips)}", flush=True)
        present = {name for found in each.values() for one in found for name in one} | {"rtf", "parameters"}
        present |= {name for name in ("wer", "frechet") if name in options.judge and (speaking or name != "wer")}
        columns = [name for name in TITLES if name in present]
        lines += ["", f"## {title}: {len(clips)} recordings, {whole:.0f} s", ""]
        lines += ["| | " + " | ".join(TITLES[name] for name in columns) + " |", "|---" + "|---:" * len(columns) + "|"]
        heard = None if network is None else torch.cat([network.embed(a, RATE) for a, _ in sounds[rows[0].title]])
        for row in rows:
            values = {name: mean_of([one[name] for one in each[row.title] if name in one]) for name in columns}
            if "wer" in columns:
                values["wer"] = word_error(sounds[row.title])
            if network is not None and heard is not None:
                made_heard = torch.cat([network.embed(b, RATE) for _, b in sounds[row.title]])
                values["frechet"] = frechet_distance(heard, made_heard)
            values["rtf"] = spent[row.title] / whole if row.parameters else None
            cells = ["-" if values[name] is None else f"{values[name]:.2f}" for name in columns[:-1]]
            cells.append(f"{row.parameters:,}" if row.parameters else "-")
            lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
        lines += ["", "Rank correlations:", "", *correlations(each, ("visqol", "speaker", "dnsmos"))]
    text = "\n".join(lines) + f"\n\ntorch {torch.__version__}, one core.\n"
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
