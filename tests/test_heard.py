"""How far apart latents sound: the form against the sounds, turning against its definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.codecs import load_codec
from lgr.codecs.base import heard_form
from lgr.codecs.trained import TrainedCodec
from lgr.files import assets_dir
from lgr.models.heard import turning
from lgr.models.spectral.model import SpectralVAE
from lgr.sound.audio import load_audio


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_turned_latents_have_a_mean_variance_of_1_and_come_back(seed: int, size: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    latents = torch.randn(500, size, generator=draws) @ torch.randn(size, size, generator=draws)
    half = torch.randn(size, size, generator=draws)
    turn, back = turning(half @ half.T, torch.cov(latents.T).view(size, size))
    torch.testing.assert_close(turn @ back, torch.eye(size), rtol=0, atol=1e-3)
    assert float((latents @ turn).var(0).mean()) == pytest.approx(1, rel=0.02)
    torch.testing.assert_close(turn, turn.T)


def test_the_plain_distance_of_turned_latents_is_that_of_the_form() -> None:
    draws = torch.Generator().manual_seed(0)
    half = torch.randn(6, 6, generator=draws)
    turn, _ = turning(half @ half.T, torch.eye(6))
    a = torch.randn(50, 6, generator=draws)
    plain, wanted = (a @ turn).square().sum(1), ((a @ half) ** 2).sum(1)
    ratio = plain / wanted
    assert float(ratio.std() / ratio.mean()) < 0.1  # alike but for the little that every direction has


def test_what_never_changes_and_what_is_not_heard_do_no_harm() -> None:
    turn, back = turning(torch.diag(torch.tensor([1.0, 0.0, 1.0])), torch.diag(torch.tensor([1.0, 1.0, 0.0])))
    assert bool(torch.isfinite(turn).all())
    assert bool(torch.isfinite(back).all())
    assert float(turn[1, 1]) > 0.05  # a little, so that it is coded at last


def test_codecs_without_a_form_count_all_alike() -> None:
    assert heard_form(load_codec("toy")) is None
    form = heard_form(load_codec("bundled"))
    assert form is not None
    assert form.shape == (280, 280)


@torch.no_grad()
def test_the_spectral_models_form_says_what_becomes_of_its_spectra() -> None:
    """Against the mean square difference, by ears' weights, of the log spectra that real latents decode to."""
    codec = load_codec("spectral")
    assert isinstance(codec, TrainedCodec)
    model = codec.model
    assert isinstance(model, SpectralVAE)
    audio, rate = load_audio(assets_dir() / "audio" / "speech_reader.flac", channels=1)
    latents = codec.encode(audio[None, :, : 2 * rate])[0].T
    form = model.heard_form()
    hz = torch.linspace(0, model.config.sample_rate / 2, model.config.bins)
    weight = (1 / (hz + 700)) / (1 / (hz + 700)).sum() / 2
    none = torch.zeros(1, len(latents), 0)

    def spectra(z: torch.Tensor) -> torch.Tensor:
        return 0.5 * model.shapes(None, z[None], none)[1][0]

    draws = torch.Generator().manual_seed(0)
    predicted, found = [], []
    for scale in (0.05, 0.1, 0.2, 0.4):
        change = torch.zeros_like(latents)
        change[:, 7:] = scale * torch.randn(len(latents), form.shape[0] - 7, generator=draws)
        predicted.append(float(((change @ form) * change).sum(1).mean()))
        found.append(float(((spectra(latents + change) - spectra(latents)).square() * weight).sum((1, 2)).mean()))
    for wanted, heard in zip(predicted, found, strict=True):
        assert 0.5 < heard / wanted < 2  # the networks add to the line
    one = torch.zeros(form.shape[0])
    one[0] = 1  # of the level: 30 dB in every bin
    assert float(one @ form @ one) == pytest.approx((1.5 * 2.302585) ** 2)
