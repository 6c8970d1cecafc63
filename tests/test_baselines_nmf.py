"""NMF mosaicing against brute force: its three restrictions, its update, and the whole of it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import lgr.baselines.nmf as nmf
from lgr.baselines import Mosaic, play_baseline
from lgr.baselines.kl_fit import kl_divergence
from lgr.codecs import ToyCodec
from lgr.errors import ArgumentError

RATE, HOP = 8000, 80
CODEC = ToyCodec(sample_rate=RATE, hop_length=HOP)
PLAIN: dict[str, int] = {"repetition": 0, "polyphony": 10**6, "continuity": 0}


def positive(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) + 0.01


def divergence(target: Tensor, templates: Tensor, activations: Tensor) -> float:
    return float(kl_divergence(target.T.double(), (templates.double() @ activations.double()).T).sum())


def activate(target: Tensor, templates: Tensor, frames: list[int] | None = None, **options: int) -> Tensor:
    every = {"iterations": 20, **PLAIN, **options}
    generator = torch.Generator().manual_seed(0)
    return nmf.activate(target, templates, frames or [templates.shape[1]], generator=generator, **every)


def tones(pitches: list[float], seconds: float = 0.3) -> Tensor:
    """Tones of three partials one after the other, ``(1, samples)``."""
    time = torch.arange(round(seconds * RATE)) / RATE
    fade = torch.sin(torch.pi * time / seconds) ** 0.25
    return torch.cat([sum(torch.sin(2 * torch.pi * k * hz * time) / k for k in (1, 2, 3)) * fade for hz in pitches])[
        None
    ]


def play(target: Tensor, sources: list[Tensor], **options: Any) -> Mosaic:
    every = {"window": 512, "codec": CODEC, "match_loudness": False, **options}
    return play_baseline("nmf", (0.2 * target, RATE), [(0.2 * each, RATE) for each in sources], **every)


# ---- the restrictions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repetition", [0, 1, 3, 20])
def test_only_the_largest_within_reach_does_not_fade(repetition: int) -> None:
    activations, keep = positive(7, 15), 0.4
    expected = activations.clone()
    for k in range(7):
        for m in range(15):
            near = activations[k, max(0, m - repetition) : m + repetition + 1]
            if activations[k, m] != near.max():
                expected[k, m] *= keep
    assert torch.equal(nmf.fade_repetitions(activations, repetition, keep), expected)


@pytest.mark.parametrize("polyphony", [1, 3, 6, 7, 50])
def test_only_the_largest_of_a_column_do_not_fade(polyphony: int) -> None:
    activations, keep = positive(7, 15), 0.4
    rank = np.argsort(np.argsort(-activations.numpy(), axis=0), axis=0)
    expected = torch.where(torch.from_numpy(rank < polyphony), activations, activations * keep)
    assert torch.equal(nmf.fade_polyphony(activations, polyphony, keep), expected)


def test_at_most_so_many_sound_at_once_even_where_all_are_alike() -> None:
    for activations in (positive(30, 12), torch.ones(30, 12)):
        assert (nmf.fade_polyphony(activations, 4, 0.0) > 0).sum(0).tolist() == [4] * 12


@pytest.mark.parametrize("continuity", [0, 1, 3, 30])
@pytest.mark.parametrize("shape", [(8, 13), (1, 5), (5, 1), (2, 2)])
def test_diagonals_are_added_up(continuity: int, shape: tuple[int, int]) -> None:
    activations = positive(*shape)
    expected = torch.zeros(shape)
    for k in range(shape[0]):
        for m in range(shape[1]):
            for i in range(-continuity, continuity + 1):
                if 0 <= k + i < shape[0] and 0 <= m + i < shape[1]:
                    expected[k, m] += activations[k + i, m + i]
    torch.testing.assert_close(nmf.play_on(activations, continuity), expected)


@pytest.mark.parametrize("frames", [[6], [3, 3], [1, 5]])
def test_nothing_plays_on_from_one_recording_into_the_next(frames: list[int]) -> None:
    """After the only iteration what sounds is the largest of each column of the first draw, and its diagonals."""
    drawn = 1 - torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    owner = [i for i, n in enumerate(frames) for _ in range(n)]
    expected = torch.zeros(6, 8, dtype=torch.bool)
    for m, k in enumerate(drawn.argmax(0).tolist()):
        for i in range(-2, 3):
            if 0 <= k + i < 6 and 0 <= m + i < 8 and owner[k + i] == owner[k]:
                expected[k + i, m + i] = True
    found = activate(positive(9, 8), positive(9, 6, seed=1), frames, iterations=1, polyphony=1, continuity=2)
    assert torch.equal(found > 0, expected)


# ---- the update ----------------------------------------------------------------------------------------------------


def test_without_restrictions_the_divergence_never_rises() -> None:
    target, templates, activations = positive(20, 12), positive(20, 30, seed=1), positive(30, 12, seed=2)
    values = []
    for _ in range(60):
        values.append(divergence(target, templates, activations))
        activations = nmf.kl_step(target, templates, activations)
    assert all(after <= before + 1e-6 for before, after in pairwise(values))
    assert values[-1] < 0.7 * values[1]
    assert bool((activations >= 0).all())


def test_activate_without_restrictions_is_the_update_over_and_over() -> None:
    target, templates = positive(20, 12), positive(20, 30, seed=1)
    activations = 1 - torch.rand(30, 12, generator=torch.Generator().manual_seed(0))
    for _ in range(7):
        activations = nmf.kl_step(target, templates, activations)
    torch.testing.assert_close(activate(target, templates, iterations=7), activations)


def test_one_template_gets_the_ratio_of_the_sums() -> None:
    """Its closed form: ``sum V / sum W``, after one update from anywhere."""
    target, template = positive(20, 5), positive(20, 1, seed=1)
    found = nmf.kl_step(target, template, positive(1, 5, seed=2))
    torch.testing.assert_close(found, target.sum(0, keepdim=True) / template.sum())


def test_silence_activates_nothing_and_is_not_activated() -> None:
    target, templates = positive(20, 5), positive(20, 6, seed=1)
    target[:, 2], templates[:, 4] = 0, 0
    found = activate(target, templates)
    assert bool(found.isfinite().all())
    assert float(found[:, 2].max()) == 0
    assert float(found[4].max()) == 0


def test_templates_that_hold_the_target_find_it() -> None:
    generator = torch.Generator().manual_seed(0)
    templates = torch.rand(40, 12, generator=generator) ** 4
    target = templates[:, 3:9]
    found = activate(target, templates, iterations=400)
    torch.testing.assert_close(found[3:9], torch.eye(6), rtol=0, atol=0.05)
    assert divergence(target, templates, found) < 1e-3 * float(target.sum())


def test_the_last_iteration_leaves_few_and_their_diagonals() -> None:
    found = activate(positive(20, 40), positive(20, 60, seed=1), repetition=3, polyphony=2, continuity=0)
    assert int((found > 0).sum(0).max()) <= 2
    found = activate(positive(20, 40), positive(20, 60, seed=1), repetition=3, polyphony=2, continuity=3)
    assert int((found > 0).sum(0).max()) <= 2 * 7
    assert int((found > 0).sum()) > 0


# ---- the whole -----------------------------------------------------------------------------------------------------


def test_a_target_inside_the_source_is_put_together_again() -> None:
    """The tune lies in the source as it is, so its own frames in their order are the best continuous activations."""
    tune = tones([220, 330, 262, 392])
    hay = tones([247, 294, 349, 440, 494])
    result = play(tune, [hay, tune], iterations=60)
    near = torch.corrcoef(torch.stack([result.audio[0], 0.2 * tune[0]]))[0, 1]
    assert float(near) > 0.95


def test_a_tune_is_played_with_other_tones() -> None:
    """Tones in another order: at each moment the tone that is wanted is the loudest partial of the result."""
    pitches = [220.0, 330.0, 262.0, 392.0]
    result = play(tones(pitches), [tones(sorted(pitches), seconds=0.5)], window=1024)
    length = round(0.3 * RATE)
    for i, hz in enumerate(pitches):
        middle = result.audio[0, i * length + length // 4 : (i + 1) * length - length // 4]
        spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle)), 8192).abs()
        assert abs(int(spectrum.argmax()) * RATE / 8192 - hz) < 15


def test_too_long_together_is_refused_with_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmf, "MAX_ACTIVATIONS", 1000)
    with pytest.raises(ArgumentError, match=r"sources must be at most 1 s long together .* target of 1 s, got 2 s"):
        play(tones([220] * 3), [tones([330] * 6)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": 0}, "iterations must be >= 1, got 0"),
        ({"repetition": -1}, "repetition must be >= 0, got -1"),
        ({"polyphony": 0}, "polyphony must be >= 1, got 0"),
        ({"continuity": -1}, "continuity must be >= 0, got -1"),
        ({"window": 511}, "window must be an even number of samples >= 2, got 511"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        play(tones([220]), [tones([330])], **options)
