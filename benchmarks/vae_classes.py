"""Does a sampled hit sound like its class? A nearest-neighbour classifier of real hits is asked.

It learns from the drum hits that the model was trained on, and names the class of real hits of sources that neither
has met (of any licence), of the same hits through the model and through its temporal embedding, and of hits drawn from
the prior. So few real hits are left for that, that the classifier is also tested on its own hits, a tenth of the
sources being left out in turn. Features are statistics over time of MFCCs. Accuracy is the mean over classes of the
share named rightly, so that chance is one over the number of classes; the plain share is given beside it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.codec_extras import log_mel
from benchmarks.vae_held_out import material, never_trained
from benchmarks.vae_runs import SAMPLE_RATE, Setup, check_never_heard, shipped
from benchmarks.vae_scores import markdown, reconstruct
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.train.vae.one_shots import one_shot

MODEL, CATEGORY = "drums-spectral", "drums8"
N_A_CLASS = 50  # sampled hits
NEIGHBOURS = 5
FOLDS = 10
HOP = 256
RANGE = 3.0  # decades: what is further down than 60 dB under a hit's loudest band counts as silence
N_COEFFICIENTS = 13


def features(hit: Tensor) -> NDArray[np.float64]:
    """Of a one-shot ``(samples,)``: mean, deviation and mean change over time of 13 MFCCs, ``(39,)``."""
    from scipy.fft import dct

    mel = log_mel(hit, HOP, SAMPLE_RATE).numpy()  # (bands, frames), decades
    mel = np.maximum(mel, mel.max() - RANGE) - mel.max()  # the level of a recording says nothing
    cepstrum = dct(mel, norm="ortho", axis=0)[:N_COEFFICIENTS]
    return np.concatenate([cepstrum.mean(1), cepstrum.std(1), np.abs(np.diff(cepstrum, axis=1)).mean(1)])


def confusion(asked: Sequence[str], named: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """``(n_labels, n_labels)``: hits by the class they are of (row) and the one they are named (column)."""
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for row, column in zip(asked, named, strict=True):
        table[labels.index(row), labels.index(column)] += 1
    return table


def accuracy(table: NDArray[np.int64]) -> float:
    """Mean over the classes that occur of the share that is named rightly."""
    counts = table.sum(1)
    occurring = counts > 0
    return float((table.diagonal()[occurring] / counts[occurring]).mean())


def classes(setup: Setup) -> tuple[dict[str, Any], str]:
    """Accuracies, confusions and chance for the shipped drum model."""
    codec = shipped(MODEL, setup)
    if codec is None or codec.temporal is None:
        raise ArgumentError(f"{setup.models / MODEL} must hold a model with a temporal embedding to draw hits from")
    split = material(setup, CATEGORY)
    cache, found = never_trained(setup, split, CATEGORY)
    met, unmet = split.training, [clip for clip in found if clip.label in split.labels]
    check_never_heard(setup.models / MODEL, [clip.path for clip in unmet])
    labels, samples = split.labels, codec.temporal.config.frames * codec.info.hop_length
    asked = {"training": [clip.label for clip in met], "held out": [clip.label for clip in unmet]}
    real = [one_shot(cache.audio(clip), samples, SAMPLE_RATE) for clip in unmet]
    through = [reconstruct(codec, hit, name) for hit, name in zip(real, asked["held out"], strict=True)]
    embedded = [through_embedding(codec, hit, name) for hit, name in zip(real, asked["held out"], strict=True)]
    sampled, asked["sampled"] = draw(codec, labels, setup.seed, N_A_CLASS)
    learned = matrix([split.cache.audio(clip) for clip in met], samples)
    classifier = new_classifier().fit(learned, asked["training"])
    named = {
        "training hits, a tenth of the sources left out in turn": (
            asked["training"],
            left_out_in_turn(learned, asked["training"], [clip.group for clip in met]),
        ),
        "real hits of other sources": (asked["held out"], classifier.predict(matrix(real, samples))),
        "the same through the model": (asked["held out"], classifier.predict(matrix(through, samples))),
        "the same through the embedding": (asked["held out"], classifier.predict(matrix(embedded, samples))),
        "sampled hits": (asked["sampled"], classifier.predict(matrix(sampled, samples))),
    }
    tables = {what: confusion(*both, labels) for what, both in named.items()}
    result: dict[str, Any] = {"labels": list(labels), "chance": 1 / len(labels), "neighbours": NEIGHBOURS}
    rows = []
    for what, table in tables.items():
        share = float(table.trace() / table.sum())
        result[what] = {
            "hits": int(table.sum()),
            "accuracy": accuracy(table),
            "share": share,
            "confusion": table.tolist(),
        }
        rows.append((what, table.sum(), f"{100 * accuracy(table):.1f} %", f"{100 * share:.1f} %"))
        print(*rows[-1], flush=True)
    text = HEAD.format(n=len(met), k=NEIGHBOURS, chance=100 / len(labels))
    text += "\n" + markdown(("", "hits", "accuracy", "plain share"), rows)
    for what, table in tables.items():
        lines = [(label, *counts) for label, counts in zip(labels, table.tolist(), strict=True) if sum(counts)]
        text += f"\n{what.capitalize()}, by class (rows) and the class named (columns):\n\n"
        text += markdown(("", *labels), lines)
    return result, text


def matrix(hits: Sequence[Tensor], samples: int) -> NDArray[np.float64]:
    """Features of hits of any length, aligned at their onsets and of one length, ``(n, 39)``."""
    return np.stack([features(one_shot(hit, samples, SAMPLE_RATE)) for hit in hits])


def new_classifier() -> Any:
    """Standardised features, nearest neighbours weighted by closeness."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), KNeighborsClassifier(NEIGHBOURS, weights="distance"))


def left_out_in_turn(learned: NDArray[np.float64], names: Sequence[str], groups: Sequence[str]) -> list[str]:
    """What every hit is named by a classifier that learned from none of its source."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    folds = GroupKFold(min(FOLDS, len(set(groups))))
    found: list[str] = cross_val_predict(new_classifier(), learned, np.array(names), groups=groups, cv=folds).tolist()
    return found


@torch.no_grad()
def through_embedding(codec: TrainedCodec, hit: Tensor, label: str) -> Tensor:
    """A one-shot ``(samples,)`` as the temporal embedding's mean plays it: what a draw could be at best."""
    weights = codec.label_weights(label)[None]
    latents = codec.encode(hit[None, None])
    series = latents[:, : codec.config.latent_dim].transpose(1, 2)  # without the label weights
    embedding = codec.temporal.posterior(series, weights).mean
    played = codec.temporal.render(embedding, weights, series.shape[1]).transpose(1, 2)
    rest = latents[:, played.shape[1] :]
    return codec.decode(codec.condition(torch.cat([played, rest], 1), label))[0, 0]


def draw(codec: TrainedCodec, labels: Sequence[str], seed: int, n: int) -> tuple[list[Tensor], list[str]]:
    """``n`` hits of every class, as ``lgr sample`` makes them, and what was asked for."""
    hits, names = [], []
    for label in labels:
        for latents in codec.sample(label, n, seed):
            hits.append(codec.decode(latents[None])[0, 0])
            names.append(label)
    return hits, names


HEAD = """# Are sampled hits what was asked for?

Nearest neighbours ({k}, MFCC statistics) among {n} real hits of the training sources. Accuracy is the mean
over classes: chance is {chance:.1f} %. The plain share counts every hit alike, whatever its class.
"""
