"""One-shots of a temporal embedding: the draws are ``codec.sample``'s, a morph keeps its ends, a row adds up."""

import pytest
import torch

from lgr.codecs import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.codecs.trained import TrainedCodec
from lgr.latents.path import PathConfig
from lgr.one_shots import draw_one_shots, in_a_row, morph_one_shots, one_shot_latents, temporal_of


@pytest.fixture(scope="module")
def drums() -> TrainedCodec:
    codec = load_codec("drums-spectral")
    assert isinstance(codec, TrainedCodec)
    return codec


@pytest.mark.parametrize("label", ["Snare", "kick", None])
def test_one_shots_are_what_the_codec_samples(drums: TrainedCodec, label: str | None) -> None:
    one_shots = draw_one_shots(drums, label, 3, seed=5)
    for frames in (None, 7):
        assert torch.equal(one_shot_latents(drums, one_shots, frames), drums.sample(label, 3, 5, frames))


def test_a_one_shot_is_the_same_however_many_are_drawn(drums: TrainedCodec) -> None:
    torch.testing.assert_close(draw_one_shots(drums, "Tom", 8, 1)[:2], draw_one_shots(drums, "Tom", 2, 1))
    assert not torch.equal(draw_one_shots(drums, "Tom", 1, 1), draw_one_shots(drums, "Tom", 1, 2))


def test_a_morph_keeps_its_ends_and_takes_the_class_along(drums: TrainedCodec) -> None:
    kick, hat = draw_one_shots(drums, "Kick", 1, 0)[0], draw_one_shots(drums, "Hat", 1, 0)[0]
    morphed = morph_one_shots(drums, kick, hat, 5)
    assert torch.equal(morphed[0], kick)
    assert torch.equal(morphed[-1], hat)
    torch.testing.assert_close(morphed[2], (kick + hat) / 2)
    weights = dict(zip(drums.labels, morphed[1, -len(drums.labels) :].tolist(), strict=True))
    assert weights == {name: {"Kick": 0.75, "Hat": 0.25}.get(name, 0.0) for name in drums.labels}
    arc = morph_one_shots(drums, kick, hat, 5, PathConfig(kind="slerp"))
    assert torch.equal(arc[[0, -1]], morphed[[0, -1]])
    assert not torch.allclose(arc[2], morphed[2], rtol=0, atol=1e-3)


def test_a_row_is_the_sum_of_its_shifted_sounds() -> None:
    sounds = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
    for every in (1, 4, 10, 15):
        expected = torch.zeros(2 * every + 10)
        for i in range(3):
            for j in range(10):
                expected[i * every + j] += sounds[i, j]
        torch.testing.assert_close(in_a_row(sounds, every), expected)
    assert torch.equal(in_a_row(sounds[:1], 3), sounds[0])


def test_what_cannot_be_is_refused(drums: TrainedCodec) -> None:
    with pytest.raises(ValueError, match=r"codec must have a temporal embedding .*, toy has none"):
        temporal_of(ToyCodec())
    with pytest.raises(ValueError, match="textures-encodec16 has none"):
        temporal_of(load_codec("textures-encodec16"))
    with pytest.raises(ValueError, match="n must be >= 1, got 0"):
        draw_one_shots(drums, None, 0, 0)
    with pytest.raises(ValueError, match=r"label must be one that drums-spectral was trained on .*, got 'gong'"):
        draw_one_shots(drums, "gong", 1, 0)
    with pytest.raises(ValueError, match=r"one_shots must be \(n, 264\), got \(2, 5\)"):
        one_shot_latents(drums, torch.zeros(2, 5))
    with pytest.raises(ValueError, match="every must be >= 1 sample, got 0"):
        in_a_row(torch.zeros(1, 4), 0)
    with pytest.raises(ValueError, match=r"sounds must be \(n, samples\)"):
        in_a_row(torch.zeros(4), 1)
