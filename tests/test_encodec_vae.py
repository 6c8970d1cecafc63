"""The EnCodec VAE: streams are wholes, looking ahead is as said, the linear path is the low end of the MDCT."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.models.encodec_vae.base import EncodecVAE
from lgr.models.encodec_vae.build import build_encodec_vae
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.fit import fit_linear_path
from lgr.models.encodec_vae.linear_path import LOUDEST, GainState, LevelGain, ramps
from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE
from lgr.models.encodec_vae.seanet_vae import SEANetVAE
from lgr.models.mdct import mdct_basis

HOP = 24
KINDS = [{"linear_path": False}, {"linear_path": True}, {"linear_path": True, "noise_levels": 2}]


def tiny(**changes: Any) -> EncodecVAEConfig:
    """Without noise unless told otherwise: what is said of the linear path is said of it alone."""
    sizes = {"sample_rate": 8000, "hop_length": HOP, "latent_dim": 5, "n_filters": 2, "strides": (2, 3, 4)}
    return EncodecVAEConfig(**{"noise_levels": 0, **sizes, **changes})


def model(seed: int = 0, **changes: Any) -> EncodecVAE:
    """A model whose zero layers are random too, so that nothing is hidden behind a zero."""
    torch.manual_seed(seed)
    made = build_encodec_vae(tiny(**changes)).eval()
    with torch.no_grad():
        for weights in made.parameters():
            if not weights.any():
                weights.normal_(0, 0.2)
    return made


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def one_hot(frames: int, batch: int = 1, label: int = 0, of: int = 2) -> Tensor:
    labels = torch.zeros(batch, frames, of)
    labels[:, :, label] = 1
    return labels


def cut(x: Tensor, sizes: list[int]) -> Iterator[Tensor]:
    """``x`` along axis 1 in pieces of these sizes, then the rest."""
    start = 0
    for size in sizes:
        yield x[:, start : start + size]
        start += size
    yield x[:, start:]


# ---- shapes, streams, causality --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_any_length_gives_whole_frames(kind: dict[str, Any]) -> None:
    made = model(**kind)
    for samples in range(1, 3 * HOP + 2):
        posterior = made.posterior(noise(2, samples))
        frames = -(-samples // HOP)
        assert posterior.mean.shape == posterior.log_variance.shape == (2, frames, 5)
        audio = made.render(posterior.mean, torch.zeros(2, frames, 0), seeds=[0, 1])
        assert audio.shape == (2, frames * HOP)
        assert audio.isfinite().all()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.integers(0, 60), max_size=6), st.lists(st.integers(0, 4), max_size=6))
def test_streams_are_wholes(kind: dict[str, Any], audio_sizes: list[int], frame_sizes: list[int]) -> None:
    made = model(**kind, labels=("a", "b"))
    audio = noise(2, 190)
    whole = made.posterior(audio).mean
    state, means = None, []
    for chunk in cut(audio, audio_sizes):
        state, mean = made.encode_step(state, chunk)
        means.append(mean)
    means.append(made.encode_step(state, audio[:, :0], flush=True)[1])
    torch.testing.assert_close(torch.cat(means, 1), whole, rtol=0, atol=2e-5)

    labels = torch.rand(2, whole.shape[1], 2, generator=torch.Generator().manual_seed(2))
    expected = made.render(whole, labels, seeds=[7, 7])
    held, pieces = None, []
    for z, weights in zip(cut(whole, frame_sizes), cut(labels, frame_sizes), strict=True):
        held, piece = made.decode_step(held, z, weights, seed=7)
        pieces.append(piece)
    pieces.append(made.decode_step(held, whole[:, :0], labels[:, :0], seed=7, flush=True)[1])
    torch.testing.assert_close(
        torch.cat(pieces, 1), expected, rtol=0, atol=1e-5 * max(1, float(expected.detach().abs().max()))
    )


def test_a_state_is_a_value() -> None:
    made, audio = model(noise_levels=2), noise(1, 4 * HOP)
    state, _ = made.encode_step(None, audio[:, :50])
    first, again = (made.encode_step(state, audio[:, 50:])[1] for _ in range(2))
    assert torch.equal(first, again)
    z, none = noise(1, 6, 5), torch.zeros(1, 6, 0)
    held, _ = made.decode_step(None, z[:, :3], none[:, :3], seed=0)
    first, again = (made.decode_step(held, z[:, 3:], none[:, 3:], seed=0)[1] for _ in range(2))
    assert torch.equal(first, again)


def test_a_stream_of_nothing_is_nothing() -> None:
    made = model()
    empty = torch.zeros(1, 0, 5)
    state, audio = made.decode_step(None, empty, empty[:, :, :0], seed=0, flush=True)
    assert state is None
    assert audio.shape == (1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_looks_further_ahead_than_it_says(kind: dict[str, Any]) -> None:
    made = model(**kind)
    assert made.causal
    assert made.lookahead == (HOP if kind["linear_path"] else 0)
    frames = 9

    def through(audio: Tensor) -> Tensor:
        return made.render(made.posterior(audio).mean, torch.zeros(1, frames, 0), seeds=[0])

    audio = noise(1, frames * HOP)
    plain = through(audio)
    for start in (4 * HOP, 5 * HOP + 7):  # samples from here on are changed
        changed = audio.clone()
        changed[:, start:] += 1
        moved = ((through(changed) - plain).abs() > 1e-4)[0].nonzero()  # a Fourier transform rounds everywhere
        # n depends on no sample at or after (n // hop + 1) * hop + lookahead, and the bound is met
        first = (start - made.lookahead) // HOP * HOP
        assert first <= int(moved.min()) < first + HOP


# ---- the linear path -------------------------------------------------------------------------------------------------


def coloured(clips: int, samples: int, seed: int = 3) -> Tensor:
    """Stationary noise that falls towards high frequencies."""
    white = noise(clips, samples + 8, seed=seed)
    return 0.1 * white.unfold(1, 9, 1).cumsum(2)[..., -1]


def lapped(audio: Tensor, n_kept: int) -> Tensor:
    """The linear path alone: the ``n_kept`` lowest coefficients of the MDCT, frame by frame."""
    frames, basis = -(-audio.shape[1] // HOP), mdct_basis(HOP)[:, :n_kept]
    padded = torch.nn.functional.pad(audio, (HOP, frames * HOP - audio.shape[1]))
    out = torch.zeros(audio.shape[0], (frames + 1) * HOP)
    for t in range(frames):
        out[:, t * HOP : (t + 2) * HOP] += padded[:, t * HOP : (t + 2) * HOP] @ basis @ basis.T
    return out[:, HOP:]


def test_an_untrained_model_is_its_linear_path() -> None:
    torch.manual_seed(0)
    made = LinearPathVAE(tiny())
    fit_linear_path(made, [coloured(4, 40 * HOP)])
    audio = noise(2, 6 * HOP + 5)
    estimate = made.render(made.posterior(audio).mean, torch.zeros(2, 7, 0), seeds=[0, 0])
    torch.testing.assert_close(estimate, lapped(audio, 5), rtol=0, atol=1e-5)


def test_the_error_is_the_energy_of_the_dropped_coefficients() -> None:
    made = LinearPathVAE(tiny(latent_dim=9))
    audio = coloured(3, 4000 * HOP)
    lost = fit_linear_path(made, [audio[:1], audio[1:]])

    coefs = audio.unfold(1, 2 * HOP, HOP) @ mdct_basis(HOP)
    energy = coefs.square().sum(1)
    assert lost == pytest.approx(float((energy[:, 9:].sum(1) / energy.sum(1)).mean()), rel=1e-4)
    assert 0.01 < lost < 0.9
    # and that is what the waveform loses, since the MDCT is orthonormal
    inside = slice(HOP, -HOP)
    error = reconstruct(made, audio) - audio
    share = (error[:, inside].square().sum(1) / audio[:, inside].square().sum(1)).mean()
    assert float(share) == pytest.approx(lost, rel=0.01)


def test_what_the_network_adds_is_at_first_as_loud_as_what_is_dropped() -> None:
    made, audio = LinearPathVAE(tiny()), coloured(3, 400 * HOP)
    lost = fit_linear_path(made, [audio])
    assert float(made.gain.bias.detach().exp()) == pytest.approx((lost * float(audio.square().mean())) ** 0.5, rel=0.02)


def reconstruct(made: EncodecVAE, audio: Tensor) -> Tensor:
    frames = audio.shape[1] // HOP
    with torch.no_grad():
        return made.render(made.posterior(audio).mean, torch.zeros(audio.shape[0], frames, 0), seeds=[0] * len(audio))


def test_all_coefficients_give_the_waveform_back() -> None:
    made = LinearPathVAE(tiny(latent_dim=HOP))
    audio = coloured(2, 50 * HOP)
    assert fit_linear_path(made, [audio]) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(reconstruct(made, audio)[:, :-HOP], audio[:, :-HOP], rtol=0, atol=1e-4)


def test_latents_have_unit_variance_and_noise_far_below_the_sound() -> None:
    made = LinearPathVAE(tiny())
    audio = 0.01 * coloured(4, 2000 * HOP)
    fit_linear_path(made, [audio])
    with torch.no_grad():
        posterior = made.posterior(audio)
        torch.testing.assert_close(posterior.mean.var((0, 1)), torch.ones(5), rtol=0.05, atol=0)
        sampled = posterior.sample(torch.Generator().manual_seed(0))
        clean, noisy = (made.render(z, torch.zeros(4, 2000, 0), seeds=[0] * 4) for z in (posterior.mean, sampled))
    added = 10 * torch.log10(clean.square().mean() / (noisy - clean).square().mean())
    assert 29 < float(added) < 35
    quiet = made.posterior(0.1 * audio).log_variance - posterior.log_variance
    torch.testing.assert_close(quiet.mean(), torch.tensor(-4.6), rtol=0.02, atol=0)  # noise follows the level


def test_every_clip_counts_alike_however_loud() -> None:
    first, second = LinearPathVAE(tiny()), LinearPathVAE(tiny())
    audio = torch.cat([coloured(1, 300 * HOP), noise(1, 300 * HOP)])
    lost = fit_linear_path(first, [audio])
    assert fit_linear_path(second, [audio * torch.tensor([[1.0], [0.01]])]) == pytest.approx(lost, rel=1e-3)


def test_a_linear_path_that_cannot_be_fitted() -> None:
    with pytest.raises(ArgumentError, match="model must have linear_path=True"):
        fit_linear_path(SEANetVAE(tiny(linear_path=False)), [noise(1, 100)])
    with pytest.raises(ArgumentError, match="audio_batches must hold sound above -90 dBFS"):
        fit_linear_path(LinearPathVAE(tiny()), [torch.zeros(2, 100)])
    with pytest.raises(ShapeError, match="audio must be"):
        fit_linear_path(LinearPathVAE(tiny()), [noise(1, 2 * HOP - 1)])


# ---- the level of a correction ---------------------------------------------------------------------------------------


def test_loudness_is_the_geometric_mean_of_two_frames() -> None:
    gain, z = LevelGain(), noise(2, 5, 4)
    loudness = gain.loudness(None, z)
    for t in range(5):
        before = z[:, t - 1] if t else torch.zeros(2, 4)
        expected = ((z[:, t].square() + before.square()) / 2 + 1e-8).sqrt().prod(1) ** 0.25
        torch.testing.assert_close(loudness[:, t, 0], expected)
    state, log_gains = gain(None, loudness, z)
    torch.testing.assert_close(log_gains[:, 1:].exp(), loudness[..., 0])
    torch.testing.assert_close(log_gains[:, 0], log_gains[:, 1])
    torch.testing.assert_close(gain.loudness(GainState(z[:, 2], state.log_gain), z[:, 3:]), loudness[:, 3:])
    assert float(gain(None, torch.full((1, 1, 1), 1e9), z[:1])[1].detach().max()) == LOUDEST


def test_where_nothing_is_dropped_nothing_is_added() -> None:
    """However loud the sound: a network must not put hiss over a rumble that lies in the kept coefficients alone."""
    torch.manual_seed(0)
    made = LinearPathVAE(tiny(noise_levels=2)).eval()
    fit_linear_path(made, [coloured(4, 60 * HOP)])
    torch.nn.init.normal_(made.decoder.layers[-1].weight)
    rumble = torch.nn.functional.fold(  # of the lowest coefficients
        (noise(1, 40, 3) @ mdct_basis(HOP)[:, :3].T).transpose(1, 2), (1, 41 * HOP), (1, 2 * HOP), stride=(1, HOP)
    )[:, 0, 0]
    for audio, most in ((rumble, 1e-3), (coloured(1, 41 * HOP, seed=8), 10.0)):
        with torch.no_grad():
            means, labels = made.posterior(audio).mean, torch.zeros(1, 41, 0)
            full = made.render(means, labels, seeds=[0])
            made.decoder.layers[-1].weight.mul_(2)
            twice = made.render(means, labels, seeds=[0])
            made.decoder.layers[-1].weight.mul_(0.5)
        added = (twice - full)[:, 2 * HOP : -2 * HOP].square().mean().sqrt()
        assert 0 < float(added) < most
    assert float(added) > 1e-2


def test_gains_go_from_frame_to_frame_without_a_step() -> None:
    log_gains = torch.tensor([[0.0, -2.0, -2.0, 1.0]])
    gains = ramps(log_gains, 100).log()[0]
    torch.testing.assert_close(gains[[0, 50, 99, 150, 299]], torch.tensor([-0.01, -1.01, -1.99, -2.0, 0.985]))
    assert float(gains.diff().abs().max()) < 0.031


def test_a_quieter_sound_is_corrected_less() -> None:
    made, z = model(), noise(1, 8, 5)
    labels = torch.zeros(1, 8, 0)
    loud, quiet = (made.render(z * factor, labels, seeds=[0]) for factor in (1.0, 0.01))
    torch.testing.assert_close(quiet[:, :-HOP], 0.01 * loud[:, :-HOP], rtol=0, atol=2e-4)


def test_silence_is_silent() -> None:
    made = model()
    assert float(reconstruct(made, torch.zeros(1, 5 * HOP)).abs().max()) < 1e-3


# ---- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_parameter(kind: dict[str, Any]) -> None:
    made = model(**kind, labels=("a", "b"))
    audio = 0.3 * noise(2, 8 * HOP)
    posterior = made.posterior(audio)
    sampled = posterior.sample(torch.Generator().manual_seed(0))
    (made.render(sampled, one_hot(8, 2), seeds=[0, 1]) - audio).square().mean().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_few_steps_improve_on_the_linear_codec() -> None:
    torch.manual_seed(0)
    made = LinearPathVAE(tiny(n_filters=4, latent_dim=3))
    audio = coloured(4, 40 * HOP)
    fit_linear_path(made, [audio])

    def loss() -> Tensor:
        return (made.render(made.posterior(audio).mean, torch.zeros(4, 40, 0), seeds=[0] * 4) - audio).square().mean()

    before = float(loss().detach())
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-2)
    for _ in range(15):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
    assert float(loss().detach()) < 0.9 * before


def test_bfloat16_leaves_the_linear_path_exact() -> None:
    torch.manual_seed(0)
    made, audio = LinearPathVAE(tiny(latent_dim=HOP)), coloured(2, 10 * HOP)
    fit_linear_path(made, [coloured(4, 100 * HOP)])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        posterior = made.posterior(audio)
        estimate = made.render(posterior.mean, torch.zeros(2, 10, 0), seeds=[0, 0])
    assert posterior.mean.dtype == estimate.dtype == torch.float32
    torch.testing.assert_close(estimate[:, :-HOP], audio[:, :-HOP], rtol=0, atol=1e-4)


def test_labels_are_heard() -> None:
    made, z = model(labels=("a", "b")), noise(1, 6, 5)
    a, b, unknown = (
        made.render(z, labels, seeds=[0]) for labels in (one_hot(6), one_hot(6, label=1), torch.zeros(1, 6, 2))
    )
    assert not torch.equal(a, b)
    assert not torch.equal(a, unknown)


# ---- configs and bad input -------------------------------------------------------------------------------------------


def test_a_config_goes_through_json() -> None:
    config = tiny(labels=("x",))
    assert EncodecVAEConfig(**json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert EncodecVAEConfig().hop_length == 320


def test_the_config_says_which_of_the_two() -> None:
    assert isinstance(build_encodec_vae(tiny()), LinearPathVAE)
    assert isinstance(build_encodec_vae(tiny(linear_path=False)), SEANetVAE)


def test_the_shipped_size_is_small() -> None:
    weights = sum(p.numel() for p in LinearPathVAE(EncodecVAEConfig(labels=("rain", "sea", "thunder"))).parameters())
    assert 2 * weights < 5.5 * 2**20  # bytes in float16


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strides": (2, 3)}, "strides must be whole numbers whose product is hop_length 24"),
        ({"n_filters": 0}, "n_filters must be a whole number >= 1"),
        ({"lstm_layers": -1}, "lstm_layers must be a whole number >= 0"),
        ({"latent_dim": HOP + 1}, "latent_dim must be at most hop_length 24 with linear_path"),
        ({"noise_levels": -1}, "noise_levels must be a whole number >= 0"),
        ({"noise_levels": 4}, "noise_levels must be below latent_dim 5 and at most hop_length / 8, got 4"),
        ({"noise_levels": 2, "latent_dim": 2}, "noise_levels must be below latent_dim 2"),
    ],
)
def test_sizes_that_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tiny(**wrong)


def test_wrong_shapes_are_refused() -> None:
    made = model(labels=("a", "b"))
    with pytest.raises(ShapeError, match="audio must be"):
        made.posterior(torch.zeros(1, 0))
    with pytest.raises(ShapeError, match="audio must be"):
        made.encode_step(None, torch.zeros(5))
    with pytest.raises(ShapeError, match="latents must be"):
        made.render(torch.zeros(1, 3, 4), one_hot(3), seeds=[0])
    with pytest.raises(ShapeError, match="labels must be"):
        made.render(torch.zeros(1, 3, 5), one_hot(3, of=3), seeds=[0])
    with pytest.raises(ArgumentError, match="seeds must be one a batch item"):
        made.render(torch.zeros(1, 3, 5), one_hot(3), seeds=[0, 1])
