"""From sounds to a sound between them: the paper's path, whose ends are held and whose level is the decoder's."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError
from lgr.interpolation.ends import weights_of_sounds
from lgr.interpolation.interpolate import InterpolationConfig, interpolate
from lgr.latents.path import PathConfig, path

RATE, HOP = 8000, 80
TOY = ToyCodec(sample_rate=RATE, hop_length=HOP)


class Labelled:
    """The toy codec with two labels after its latents, which play the sound as loud as the first label's weight."""

    labels = ("loud", "quiet")

    @property
    def info(self):
        return replace(TOY.info, name="labelled", latent_dim=TOY.info.latent_dim + 2)

    def encode(self, audio):
        z = TOY.encode(audio)
        return torch.cat([z, z.new_zeros(z.shape[0], 2, z.shape[2])], dim=1)

    def decode(self, latents):
        return TOY.decode(latents[:, :-2] * latents[:, -2:-1])

    def features(self, latents):
        return TOY.features(latents[:, :-2])


class Stateful:
    """A causal codec whose sound at a frame is the mean of all latents so far: a start is heard throughout."""

    info, features = TOY.info, TOY.features

    def encode(self, audio):
        return TOY.encode(audio)

    def decode(self, latents):
        return TOY.decode(latents.cumsum(2) / torch.arange(1, latents.shape[2] + 1))


def held(**options) -> InterpolationConfig:
    """Paper 003's path: between two atoms, as decoded."""
    return InterpolationConfig(ends="held", level_line=False, **options)


def noise(seconds: float, seed: int, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(channels, round(seconds * RATE), generator=generator) - 0.5) * 0.9


A, B = noise(2.0, 1), noise(1.5, 2)


def test_the_path_alone_is_what_interpolate_says() -> None:
    result = interpolate([(A, RATE), (B, RATE)], TOY, held(seconds=0.5))
    a, b = TOY.encode(A[None])[0, :, -1], TOY.encode(B[None])[0, :, 0]
    assert_close(result.latents[0], path([a, b], 50))
    assert_close(result.audio[None], TOY.decode(path([a, b], 50)[None]))
    assert result.seams == (0, 4000)
    assert result.sample_rate == RATE


def test_with_context_the_real_sounds_are_around_it_as_recorded() -> None:
    config = held(seconds=0.5, context_seconds=0.4, fade_seconds=0.01)
    result = interpolate([(A, RATE), (B, RATE)], TOY, config, from_seconds=1.25, to_seconds=0.5)
    assert result.audio.shape == (1, 3200 + 4000 + 3200)
    assert result.seams == (3200, 7200)
    # The toy codec gives everything back, so what the fade passes over to is the recording too.
    assert_close(result.audio[:, :3200], A[:, 10000 - 3200 : 10000], atol=1e-5, rtol=0)
    assert_close(result.audio[:, 7200:], B[:, 4000 : 4000 + 3200], atol=1e-5, rtol=0)
    # The ends are in the real sounds already, and not in the path again.
    a, b = TOY.encode(A[None])[0, :, 124], TOY.encode(B[None])[0, :, 50]
    assert_close(result.latents[0], path([a, b], 52)[:, 1:-1])


def test_the_fade_passes_from_the_recording_to_the_decoded_sound() -> None:
    silent = Labelled()  # decodes to silence: its labels are unknown
    config = held(seconds=0.3, context_seconds=0.4, fade_seconds=0.1)
    result = interpolate([(A, RATE), (B, RATE)], silent, config)
    heard, faded = A[:, -3200:], result.audio[:, :3200]
    assert torch.equal(faded[:, :2400], heard[:, :2400])
    ramp = 1 - (torch.arange(800) + 0.5) / 800
    assert_close(faded[:, 2400:], heard[:, 2400:] * ramp)
    assert_close(result.audio[:, -3200:][:, :800], B[:, :800] * ramp.flip(0))
    assert torch.equal(result.audio[:, -2400:], B[:, 800:3200])


def test_a_sound_shorter_than_the_context_gives_all_it_has() -> None:
    config = held(seconds=0.3, context_seconds=5)
    result = interpolate([(A, RATE), (B[:, :50], RATE)], TOY, config)
    assert result.seams == (A.shape[1], A.shape[1] + 2400)
    assert result.audio.shape[1] == A.shape[1] + 2400 + 50


def test_decoders_with_a_memory_hear_what_came_before() -> None:
    result = interpolate([(A, RATE), (B, RATE)], Stateful(), held(seconds=0.2))
    z = torch.cat([TOY.encode(A[None])[:, :, -50:], result.latents], dim=2)
    assert_close(result.audio[None], Stateful().decode(z)[:, :, -1600:])


def test_stereo_keeps_its_sides_and_a_walk_moves_both_alike() -> None:
    wide = torch.cat([A, 0.5 * A])
    config = held(path=PathConfig(kind="wander", step_size=0.2), seconds=0.2, context_seconds=0.2)
    result = interpolate([(wide, RATE), (B, RATE)], TOY, config, seed=3)
    assert result.audio.shape[0] == 2
    assert result.latents.shape[0] == 2
    sides = [
        path([x, y], 22, generator=None)[:, 1:-1]
        for x, y in zip(TOY.encode(wide[:, None])[:, :, -1], TOY.encode(B[None])[:, :, 0].expand(2, -1), strict=True)
    ]
    strayed = torch.stack([result.latents[side] - sides[side] for side in (0, 1)]).flatten(1)
    assert float(torch.corrcoef(strayed)[0, 1]) > 0.95  # alike, but for where one side is kept in the region
    assert torch.equal(result.audio[0, -1600:], result.audio[1, -1600:])


def test_the_seed_decides_a_walk() -> None:
    config = held(path=PathConfig(kind="wander"), seconds=0.2)
    one, same, other = (interpolate([(A, RATE), (B, RATE)], TOY, config, seed=s).audio for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_mean_endpoints_are_means_of_the_contexts() -> None:
    config = held(seconds=0.2, endpoints="mean", context_seconds=0.3)
    result = interpolate([(A, RATE), (B, RATE)], TOY, config)
    assert_close(result.latents[0, :, 0], TOY.encode(A[None])[0, :, -30:].mean(1))
    assert_close(result.latents[0, :, -1], TOY.encode(B[None])[0, :, :30].mean(1))


def test_a_spline_goes_by_the_middle_atoms() -> None:
    config = held(path=PathConfig(kind="spline"), seconds=0.41)
    result = interpolate([(A, RATE), (B, RATE), (A, RATE)], TOY, config)
    assert torch.equal(result.latents[0, :, 20], TOY.encode(B[None])[0, :, 75])


def test_labels_change_along_the_path() -> None:
    config = held(seconds=0.21)
    result = interpolate([(A, RATE), (B, RATE)], Labelled(), config, labels=["loud", "Quiet"])
    assert_close(result.latents[0, -2], torch.linspace(1, 0, 21))
    assert_close(result.latents[0, -1], torch.linspace(0, 1, 21))
    loud = interpolate([(A, RATE), (B, RATE)], Labelled(), config, labels=["loud", "loud"])
    assert torch.equal(loud.latents[0, -2], torch.ones(21))


def test_label_weights_between_two_labels() -> None:
    weights = weights_of_sounds([None, "x", None, None, "y", None], ["x", "y"], 6, "made up")
    assert weights[0] is None
    assert weights[5] is None
    assert_close(torch.stack(weights[1:5]), torch.tensor([[1, 0], [2 / 3, 1 / 3], [1 / 3, 2 / 3], [0, 1]]))


TWO = [(A, RATE), (B, RATE)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: interpolate(TWO[:1], TOY), "sounds must be at least two, got 1"),
        (lambda: interpolate([*TWO, TWO[0]], TOY), r"a linear path needs two points .* got 3"),
        (
            lambda: interpolate(TWO, TOY, from_seconds=2.1),
            "from_seconds must be > 0 and at most the first sound's 2, got 2.1",
        ),
        (lambda: interpolate(TWO, TOY, from_seconds=0.0), "from_seconds must be > 0 .* got 0.0"),
        (lambda: interpolate(TWO, TOY, to_seconds=1.5), "to_seconds must be >= 0 and before .* 1.5, got 1.5"),
        (lambda: interpolate(TWO, TOY, labels=["kick", None]), "codec toy has no labels, got label 'kick'"),
        (
            lambda: interpolate(TWO, Labelled(), labels=["kick", None]),
            r"label must be one that \w+ was trained on \(loud, quiet\), got 'kick'",
        ),
        (lambda: interpolate(TWO, Labelled(), labels=["loud"]), "labels must be one for each of 2 sounds, got 1"),
        (lambda: interpolate([(A / 0, RATE), TWO[1]], TOY), "sound 1 must be finite, got NaN or infinite samples"),
        (
            lambda: interpolate([TWO[0], (B[:, :50], RATE)], TOY),
            r"sound 2 must last at least 4 frames of toy to go on playing, got 1: hold the ends \(ends='held'",
        ),
        (lambda: InterpolationConfig(ends="still"), "ends must be one of held, moving or None, got 'still'"),
        (lambda: InterpolationConfig(seconds=0), "seconds must be > 0, got 0"),
        (lambda: InterpolationConfig(fade_seconds=-1), "fade_seconds must be >= 0, got -1"),
        (lambda: InterpolationConfig(endpoints="middle"), "endpoints must be one of edge, mean, got 'middle'"),
        (
            lambda: InterpolationConfig(context_seconds=1, path=PathConfig(kind="loop", loops=2)),
            "a loop of 2 loops ends where it began, .* give it 2.5 loops",
        ),
    ],
)
def test_what_cannot_be_travelled_is_refused(make, says) -> None:
    with pytest.raises(ArgumentError, match=says):
        make()
