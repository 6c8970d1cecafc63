"""Experiment 7, the paper's validation 2: does the cosine of matched grains tell how alike they sound?

Nobody was asked. The distance of cepstra, and that of spectral envelopes, of the grains as waveforms stand for what is
heard: both leave out level and phase. MFCC mosaicing chooses by the first of them, and the learned embedding was
trained to predict such things, so neither is judged by a stranger.

Two questions. *Ranking*: for each target grain, do the source's grains that a metric calls similar sound similar
(Spearman's correlation over the source's grains, mean over target grains)? *Matched*: of the grains that are each
target grain's nearest, do those with a higher cosine sound more alike (Spearman's correlation over target grains)? The
second is what the paper's "average cosine of matched grains" needs to mean something.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import (
    PAIRS,
    RATE,
    Pair,
    grain_frames_of,
    metrics_for,
    open_codecs,
    told_codec,
    told_pairs,
)
from lgr.codecs.base import Codec
from lgr.latents.embedding import load_embedding
from lgr.latents.grains import grain_starts
from lgr.latents.vectors import Metric, fit_metric, unit_rows
from lgr.measures.timbre import BANDS, COEFFICIENTS, DEPTH_DB, GATE_DB, mel_frames
from lgr.plots import COLOURS, MARKERS, NORMAL, SMALL, new_figure
from lgr.sound.audio import resample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CODECS = ("bundled", "soundstream")
PROXIES = ("MFCC", "envelope")
DRAWS = 1000  # of the bootstrap
COSINES: tuple[Metric, ...] = ("cosine", "centred", "whitened")


@dataclass(frozen=True)
class Grains:
    """Grains of one sound that can be heard: their first frames, and what stands for their sound."""

    starts: Tensor  # (n,), int64
    proxies: dict[str, Tensor]  # (n, size) each: Euclidean distance is the proxy's


def run(pairs: Sequence[Pair] = PAIRS, codecs: Sequence[str] = CODECS, draws: int = DRAWS) -> Result:
    """Every metric on whole latents and on features, of the codecs whose weights are here."""
    opened, missing = open_codecs(codecs)
    tables, numbers, whole = [], {}, {}
    for name, codec in opened.items():
        metrics, why = metrics_for(codec)
        missing += why
        found = correlations(codec, pairs, metrics, draws)
        whole[name] = found
        header = (
            "",
            *(f"{kind}, {proxy}" for kind in ("ranking", "matched") for proxy in PROXIES),
            *(f"{p} of the nearest" for p in PROXIES),
        )
        rows = [
            (
                view,
                *(_interval(f[kind, proxy]) for kind in ("ranking", "matched") for proxy in PROXIES),
                *(f"{f['nearest', proxy][0]:.2f}" for proxy in PROXIES),
            )
            for view, f in found.items()
        ]
        tables.append(table(f"{name}: Spearman's correlation of similarity with nearness, 95 % interval", header, rows))
        numbers[name] = {view: {" ".join(key): value for key, value in f.items()} for view, f in found.items()}
        print(f"  timbre: {name}", flush=True)
    return Result(
        title="Does matched cosine tell perceived timbre? (by proxy)",
        data=f"{told_pairs(pairs)}; grains of about 53 ms within "
        f"{GATE_DB:g} dB of their clip's loudest; codecs "
        + ", ".join(map(told_codec, opened.values()))
        + f"; intervals from {draws} draws of the pairs, then of grains within them",
        tables=tuple(tables),
        numbers=numbers,
        missing=tuple(missing),
        figure=picture(whole),
    )


View = Callable[[Pair, Grains, Grains], Tensor]  # similarity (target grains, source grains)


def views(codec: Codec, metrics: Sequence[Metric]) -> dict[str, View]:
    """What is compared and how, by name; the last is what the first proxy itself says, which bounds the others."""
    made: dict[str, View] = {}
    like = torch.linspace(-1, 1, codec.info.latent_dim)[None, :, None]
    same = torch.equal(codec.features(like), like)
    for kind in ("latents",) if same else ("latents", "features"):
        for metric in COSINES:
            made[f"{kind}, {metric}"] = partial(similarities, codec, kind, metric)
    if "learned" in metrics:
        made["learned"] = partial(similarities, codec, "embedding", "learned")
    made["MFCC itself"] = lambda _, target, source: -torch.cdist(target.proxies["MFCC"], source.proxies["MFCC"])
    return made


Found = dict[tuple[str, str], tuple[float, float, float]]  # of (question, proxy): mean and interval


def correlations(codec: Codec, pairs: Sequence[Pair], metrics: Sequence[Metric], draws: int) -> dict[str, Found]:
    """By view both questions' correlations, and how far the nearest grains are.

    The latter for each proxy: 0 is the nearest of all by that proxy, 1 a grain drawn at random; mean, least and most of
    the pairs.
    """
    size = grain_frames_of(codec)
    found: dict[str, Found] = {}
    for told, view in views(codec, metrics).items():
        ranked: dict[str, list[Tensor]] = {proxy: [] for proxy in PROXIES}
        matched: dict[str, list[tuple[Tensor, Tensor]]] = {proxy: [] for proxy in PROXIES}
        left: dict[str, list[float]] = {proxy: [] for proxy in PROXIES}
        for pair in pairs:
            target, source = (grains_of(each, codec, size) for each in (pair.target, pair.source))
            target = Grains(*thinned(target, size))
            similarity = view(pair, target, source)
            nearest = similarity.argmax(1, keepdim=True)
            for proxy in PROXIES:
                distance = torch.cdist(target.proxies[proxy], source.proxies[proxy])
                ranked[proxy].append(spearman(similarity, -distance))
                at = distance.gather(1, nearest)[:, 0]
                matched[proxy].append((similarity.amax(1), -at))
                best, random = distance.amin(1).mean(), distance.mean()
                left[proxy].append(float((at.mean() - best) / (random - best)))
        found[told] = {}
        for proxy in PROXIES:
            found[told]["ranking", proxy] = bootstrap_means(ranked[proxy], draws)
            found[told]["matched", proxy] = bootstrap_spearman(matched[proxy], draws)
            mean = sum(left[proxy]) / len(left[proxy])
            found[told]["nearest", proxy] = (mean, min(left[proxy]), max(left[proxy]))
    return found


def grains_of(audio: Tensor, codec: Codec, size: int) -> Grains:
    """The grains at every frame of ``audio`` (1, samples) at ``RATE`` that can be heard, and their proxies."""
    from scipy.fft import dct

    hop = round(codec.info.hop_length * RATE / codec.info.sample_rate)  # frames of the proxies are the codec's
    power, level = mel_frames(audio[0], size * hop, hop, RATE, BANDS)
    heard = torch.nonzero(level > level.max() * 10 ** (-GATE_DB / 10))[:, 0]
    power = power[heard]
    decibels = 10 * torch.log10(torch.maximum(power, power.amax(1, keepdim=True) * 10 ** (-DEPTH_DB / 10)))
    decibels = decibels - decibels.mean(1, keepdim=True)
    cepstra = torch.from_numpy(dct(decibels.double().numpy() / 20, norm="ortho", axis=1))[:, 1 : COEFFICIENTS + 1]
    return Grains(heard, {"MFCC": cepstra, "envelope": decibels.double() / BANDS**0.5})


def thinned(grains: Grains, size: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Only those that ``resynthesise`` would place, end to end."""
    kept = grains.starts % size == 0
    return grains.starts[kept], {name: rows[kept] for name, rows in grains.proxies.items()}


def similarities(codec: Codec, kind: str, metric: Metric, pair: Pair, target: Grains, source: Grains) -> Tensor:
    """Similarity ``(target grains, source grains)`` by lgr's own unit rows; mean and covariance of the whole source."""
    size = grain_frames_of(codec)
    frames = []
    for audio in (pair.target, pair.source):
        latents = codec.encode(resample(audio, RATE, codec.info.sample_rate)[None])
        if kind == "embedding":
            read = load_embedding(codec.info).features(latents)
        else:
            read = codec.features(latents) if kind == "features" else latents
        frames.append(read[0].T)
    every = grain_starts(len(frames[1]), size, 1)
    fitted = fit_metric(frames[1], every, size, metric)
    rows = [unit_rows(x, g.starts, size, metric, *fitted) for x, g in zip(frames, (target, source), strict=True)]
    return rows[0] @ rows[1].T


def spearman(a: Tensor, b: Tensor) -> Tensor:
    """Spearman's rank correlation along the last axis, ``(...,)``; equal values get the ranks of their mean."""
    from scipy.stats import rankdata

    ranks = [torch.from_numpy(rankdata(x.numpy(), axis=-1)) for x in (a, b)]
    x, y = (r - r.mean(-1, keepdim=True) for r in ranks)
    return (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1)).clamp(min=1e-12)


def bootstrap_means(groups: Sequence[Tensor], draws: int) -> tuple[float, float, float]:
    """Mean over groups of each group's mean, and the 95 % interval: groups are drawn anew, then values within them."""
    generator = torch.Generator().manual_seed(0)
    means = torch.stack(
        [g[torch.randint(len(g), (draws, len(g)), generator=generator)].double().mean(1) for g in groups], 1
    )
    return _summary(float(torch.stack([g.double().mean() for g in groups]).mean()), means, generator)


def bootstrap_spearman(groups: Sequence[tuple[Tensor, Tensor]], draws: int) -> tuple[float, float, float]:
    """The same of Spearman's correlation within each group of two rows of values."""
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for a, b in groups:
        index = torch.randint(len(a), (draws, len(a)), generator=generator)
        drawn.append(spearman(a[index], b[index]))
    value = float(torch.stack([spearman(a, b) for a, b in groups]).mean())
    return _summary(value, torch.stack(drawn, 1), generator)


def _summary(value: float, drawn: Tensor, generator: torch.Generator) -> tuple[float, float, float]:
    """``drawn`` (draws, groups)."""
    draws, groups = drawn.shape
    chosen = torch.randint(groups, (draws, groups), generator=generator)
    low, high = torch.quantile(drawn.gather(1, chosen).mean(1), drawn.new_tensor([0.025, 0.975])).tolist()
    return value, low, high


def _interval(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"


def picture(whole: dict[str, dict[str, Found]]) -> "Figure":
    """A row a view, a mark a proxy, bars the 95 % intervals; to the left ranking, to the right matched."""
    rows = [(name, view, found) for name, views in whole.items() for view, found in views.items()]
    figure = new_figure(7.5, 1.2 + 0.3 * len(rows))
    panels = (("ranking", "ranking source grains"), ("matched", "matched grains"))
    for axis, (question, told) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
        for i, proxy in enumerate(PROXIES):
            values = [found[question, proxy] for _, _, found in rows]
            at = [-k - 0.12 + 0.24 * i for k in range(len(rows))]
            bars = [[mean - low for mean, low, _ in values], [high - mean for mean, _, high in values]]
            axis.errorbar(
                [mean for mean, _, _ in values],
                at,
                xerr=bars,
                fmt=MARKERS[i],
                color=COLOURS[i],
                markersize=4,
                label=proxy,
            )
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_xlabel(f"rank correlation, {told}", fontsize=SMALL)
        axis.tick_params(labelsize=SMALL)
        axis.grid(axis="x", alpha=0.3)
    figure.axes[0].set_yticks([-k for k in range(len(rows))], [f"{name}: {view}" for name, view, _ in rows])
    figure.axes[0].legend(fontsize=SMALL, title="nearness by", title_fontsize=SMALL)
    figure.suptitle("Similarity against nearness of sound, by proxy (95 % intervals)", fontsize=NORMAL)
    return figure
