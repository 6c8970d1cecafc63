"""An amen break from glass: our particle filter, latent resynthesis, and the ends of the scale.

    python -m benchmarks.concatenator --data MANIFEST [--seeds 3] [--out docs/results/concatenator.md]

The figures to confirm or correct (``GIVEN``) were measured with The Concatenator's own program (P = 1000, p = 5) and a
prototype of latent resynthesis, on 6.9 s of an amen break and 41 s of glass; which glass, which cepstra and which flux
is not known. Here the target is Sonic Pi's ``loop_amen_full`` (6.857 s), and there are two glasses: the first 41 s of
the class ``glass`` (Berklee's recordings, by path) and the class ``glass_breaking`` (ESC-50's, 40.1 s). All is mono at
24 kHz. Figures are medians over seeds, times those of the processor (one thread), so that other programs do not count.
Takes about four minutes on one core. What stands above ``TABLES`` in the file of ``--out`` is kept: remarks are written
by hand.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.vae_scores import markdown, number
from lgr.baselines import play_baseline
from lgr.baselines.corpus_windows import CorpusWindows, magnitudes
from lgr.baselines.kl_fit import kl_divergence
from lgr.baselines.particles import ParticleConfig, Particles, filter_hop
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.evaluation import evaluate
from lgr.files import atomic_path
from lgr.measures.retention import retention
from lgr.measures.timbre import mfcc_rows, nearest_distances
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio
from lgr.sound.level import follow_loudness
from lgr.sounds import Sound
from lgr.sources import build_codebook
from lgr.train.data import read_manifest

RATE = 24_000
TARGET = "loop-amen-full"
GLASSES = {"glass": 41.0, "glass_breaking": 41.0}  # class: at most so many seconds
BUDGET_MS = 1000 * 1024 / 44_100  # of a hop
NUMBERS = ("source_distance", "adoption", "envelope_correlation", "flux_correlation", "onset_f")
TABLES = "<!-- what follows is written by benchmarks/concatenator.py -->"
GIVEN = {  # distance, envelope, flux
    "the target itself": (1.62, None, None),
    "random grains": (0.89, None, None),
    "particle filter": (0.97, 0.58, 0.05),
    "latent": (0.55, 0.77, 0.16),
}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A target and sources, mono at ``RATE``."""

    name: str
    target: Tensor  # (1, samples)
    sources: list[Tensor]  # each (1, samples)

    @property
    def sounds(self) -> list[Sound]:
        return [(audio, RATE) for audio in self.sources]

    @property
    def seconds(self) -> float:
        return sum(audio.shape[1] for audio in self.sources) / RATE


def pairs(data: Path) -> list[Pair]:
    """The break with each of the glasses; recordings of any licence, for nothing of them is kept."""
    clips = sorted(read_manifest(data, redistributable_only=False), key=lambda clip: clip.path)
    breaks = [clip for clip in clips if TARGET in clip.path]
    if not breaks:
        raise ArgumentError(f"data must hold a recording with {TARGET!r} in its name, got none in {data}")
    target, _ = load_audio(breaks[0].path, sample_rate=RATE, channels=1)
    found = []
    for label, seconds in GLASSES.items():
        left, sources = round(seconds * RATE), []
        for clip in (clip for clip in clips if clip.label == label):
            audio, _ = load_audio(clip.path, sample_rate=RATE, channels=1)
            if left > RATE // 10:  # what is left of a limit would be too short for a grain
                sources.append(audio[:, :left])
                left -= sources[-1].shape[1]
        if not sources:
            raise ArgumentError(f"data must hold recordings of the class {label!r}, got none in {data}")
        found.append(Pair(name=label, target=target, sources=sources))
    return found


# What is compared


def at_level(audio: Tensor, pair: Pair) -> Tensor:
    """``audio`` with the target's level, as ``match_loudness`` gives it."""
    return follow_loudness(audio, pair.target, RATE)


def results(pair: Pair, codec: Codec, seeds: int) -> dict[str, list[Tensor]]:
    """Audio (1, samples) of every way to play the pair, one a seed."""
    target: Sound = (pair.target, RATE)
    whole = torch.cat(pair.sources, 1)
    round_trip = play_baseline("unchanged", (whole, RATE), pair.sounds, match_loudness=False, codec=codec).audio
    found: dict[str, list[Tensor]] = {"the target itself": [pair.target], "the source, through the codec": [round_trip]}

    def add(name: str, audio: Tensor) -> None:
        found.setdefault(name, []).append(audio)

    for seed in range(seeds):
        add(
            "random grains",
            play_baseline("random", target, pair.sounds, seed=seed, match_loudness=False, codec=codec).audio,
        )
        add("random grains, at the target's level", at_level(found["random grains"][-1], pair))
        add(
            "particle filter",
            play_baseline("particle", target, pair.sounds, seed=seed, match_loudness=False, codec=codec).audio,
        )
        add("particle filter, at the target's level", at_level(found["particle filter"][-1], pair))
        add("latent, level not matched", latent(pair, codec, seed, match_loudness=False))
        add("latent", latent(pair, codec, seed))
        add("latent, grains of 1 frame, τ = 0", latent(pair, codec, seed, grain_frames=1, temperature=0))
        print(f"  {pair.name}, seed {seed}", flush=True)
    return found


def latent(pair: Pair, codec: Codec, seed: int, **config: Any) -> Tensor:
    """Latent resynthesis with the bundled codec."""
    return resynthesise((pair.target, RATE), pair.sounds, codec=codec, config=ResynthConfig(**config), seed=seed).audio


def median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def main_table(pair: Pair, found: dict[str, list[Tensor]]) -> str:
    rows, widest = [], [0.0] * len(NUMBERS)
    for name, audios in found.items():
        scores = [evaluate((pair.target, RATE), pair.sounds, audio, RATE).numbers for audio in audios]
        figures = [median([score[each] for score in scores]) for each in NUMBERS]
        for i, each in enumerate(NUMBERS):
            known = [value for score in scores if (value := score[each]) is not None]
            widest[i] = max(widest[i], max(known, default=0) - min(known, default=0))
        if name == "the source, through the codec":
            figures[2:] = [None] * 3  # it does not follow the target
        rows.append((name, *(number(figure) for figure in figures)))
    header = (pair.name, "nearest MFCC", "adoption", "envelope corr.", "flux corr.", "onset F")
    rows.append(("widest range over seeds", *map(number, widest)))
    return markdown(header, rows)


# Definitions of the distance


def librosa_rows(audio: Tensor, coefficients: int) -> Tensor:
    """librosa's cepstra (frames, coefficients), the zeroth included: 128 bands, dB, window 2048, hop 512."""
    import librosa

    return torch.from_numpy(librosa.feature.mfcc(y=audio.numpy(), sr=RATE, n_mfcc=coefficients)).T


def definition_table(pair: Pair, found: dict[str, list[Tensor]]) -> str:
    """The median nearest distance to the source under several definitions, seed 0."""
    views: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
        "12 of log10 amplitude, no c0 (`lgr.measures.timbre`)": (lambda x: mfcc_rows(x, RATE), False),
        "the same, standardised by the source": (lambda x: mfcc_rows(x, RATE), True),
        "librosa, 13 with c0, standardised": (lambda x: librosa_rows(x, 13), True),
        "librosa, 20 with c0, standardised": (lambda x: librosa_rows(x, 20), True),
        "librosa, 20 with c0, as they are (dB)": (lambda x: librosa_rows(x, 20), False),
    }
    systems = ("the target itself", "random grains", "particle filter", "latent")
    rows = []
    for told, (view, standardise) in views.items():
        source = torch.cat([view(audio[0]) for audio in pair.sources]).double()
        scale = source.std(0) if standardise else torch.ones(source.shape[1])
        figures = [
            float(nearest_distances(view(found[name][0][0]).double() / scale, source / scale).median())
            for name in systems
        ]
        ratios = " : ".join(number(figure / figures[0]) for figure in figures)
        rows.append((told, *(number(figure) for figure in figures), ratios))
    given = [GIVEN[name][0] for name in systems]
    rows.append(("given", *map(number, given), " : ".join(number(figure / given[0]) for figure in given)))
    return markdown((pair.name, *systems, "relative"), rows)


def delay_table(pair: Pair, found: dict[str, list[Tensor]]) -> str:
    """What a result that comes late does to the two correlations, seed 0."""
    rows = []
    for delay_ms in (0.0, 5.0, 10.0, 13.3, 23.2, 46.4):
        late = round(delay_ms / 1000 * RATE)
        cells = []
        for name in ("particle filter", "latent"):
            audio = torch.nn.functional.pad(found[name][0][0], (late, 0))[: pair.target.shape[1]]
            cells += [
                retention(name, pair.target[0], audio, RATE) for name in ("envelope_correlation", "flux_correlation")
            ]
        rows.append((f"{delay_ms:g} ms", *map(number, cells)))
    given = [figure for name in ("particle filter", "latent") for figure in GIVEN[name][1:]]
    rows.append(("given", *map(number, given)))
    header = (pair.name, "filter: envelope", "filter: flux", "latent: envelope", "latent: flux")
    return markdown(header, rows)


# Speed, and what the filter does


def run_filter(
    pair: Pair, config: ParticleConfig, hops: int | None = None
) -> tuple[list[set[int]], list[float], float]:
    """Windows played at each hop, milliseconds of processor time of each hop, and the mean divergence left."""
    corpus = CorpusWindows.cut(pair.sources, RATE, max_hz=config.max_hz)
    frames = torch.nn.functional.pad(pair.target[0], (corpus.hop, corpus.hop)).unfold(0, 2 * corpus.hop, corpus.hop)
    generator = torch.Generator().manual_seed(0)
    state, played, spent, left = Particles.scatter(corpus, config, generator), [], [], 0.0
    for frame in frames[:hops]:
        began = time.thread_time()
        spectrum = magnitudes(frame, RATE, config.max_hz)
        state, (windows, activations) = filter_hop(state, spectrum, corpus, config, generator)
        corpus.mix(windows, activations)
        spent.append(1000 * (time.thread_time() - began))
        played.append(set(windows.tolist()))
        model = activations @ corpus.spectra[windows]
        left += float(kl_divergence(spectrum, model))
    return played, spent, left / len(played)


def run_length(played: list[set[int]]) -> float:
    """Mean number of hops for which a window of the corpus plays on."""
    total = sum(map(len, played))
    begun = sum(
        len({k for k in now if k - 1 not in before}) for before, now in zip([set(), *played], played, strict=False)
    )
    return total / max(begun, 1)


def filter_table(pair: Pair) -> str:
    rows = []
    for change in ({}, {"particles": 100}, {"inverse_temperature": 0.1}, {"advance": 0.99}, {"activations": 1}):
        config = ParticleConfig(**change)
        played, spent, left = run_filter(pair, config)
        told = ", ".join(f"{name} = {value}" for name, value in change.items()) or "P = 1000, p = 5, p_d = .95, τ = 10"
        cost = statistics.median(spent)
        rows.append((told, number(cost, 1), number(cost / BUDGET_MS), number(left, 0), number(run_length(played))))
    header = (pair.name, "ms a hop", "of its 23.2 ms", "divergence left", "hops a window plays on")
    return markdown(header, rows)


def speed_of_latent(pair: Pair, codec: Codec) -> tuple[float, float]:
    """Milliseconds of processor time for a second of target, best of three: with the sources to encode, and without."""
    book = build_codebook(pair.sounds, codec, ResynthConfig().codebook_config())
    _ = book.vectors_  # made when first read
    found = []
    for sources in (pair.sounds, book):
        best = float("inf")
        for seed in range(3):
            began = time.process_time()
            resynthesise((pair.target, RATE), sources, codec=codec, seed=seed)
            best = min(best, time.process_time() - began)
        found.append(1000 * best / (pair.target.shape[1] / RATE))
    return found[0], found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="manifest.csv of the recordings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the tables to this .md file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    codec = load_codec("bundled")
    parts: list[str] = []

    def tell(text: str) -> None:
        parts.append(text)
        print(text, flush=True)

    told = f"codec bundled, version {codec.info.version}"
    tell(f"{arguments.seeds} seeds, one thread, torch {torch.__version__}, {told}.\n")
    for pair in pairs(arguments.data):
        told = f"{len(pair.sources)} recordings, {pair.seconds:.1f} s; target {pair.target.shape[1] / RATE:.2f} s"
        tell(f"## {pair.name} ({told})\n")
        found = results(pair, codec, arguments.seeds)
        tell(main_table(pair, found))
        tell(definition_table(pair, found))
        tell(delay_table(pair, found))
        tell(filter_table(pair))
        with_sources, alone = speed_of_latent(pair, codec)
        tell(
            f"Latent resynthesis: {alone:.0f} ms of processor time for a second of target, {with_sources:.0f} with the "
            "sources to encode; the filter: a thousand times its share of a hop.\n"
        )
    if arguments.out is not None:
        remarks = arguments.out.read_text().split(TABLES)[0] if arguments.out.exists() else ""
        with atomic_path(arguments.out, force=True, make_parents=True) as path:
            path.write_text(f"{remarks}{TABLES}\n\n" + "\n".join(parts))


if __name__ == "__main__":
    main()
