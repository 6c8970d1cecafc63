"""The granular VAE: level, shapes, seeds, labels, gradients, and streams that equal the whole."""

import dataclasses
import json
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from lgr.errors import ArgumentError, ShapeError
from lgr.losses import reconstruction_terms
from lgr.models.granular.model import DECODERS, GranularConfig, GranularVAE
from lgr.models.granular.overlap import cut_grains
from lgr.models.level_latent import latent_to_level

HOP = 128
SIZES = {
    "sample_rate": 8000,
    "hop_length": HOP,
    "latent_dim": 6,
    "n_bands": 8,
    "encoder_channels": (8, 8),
    "encoder_width": 16,
    "decoder_width": 16,
    "conv_channels": 16,
    "post_taps": (3, 31),
    "labels": ("kick", "snare"),
}


@cache
def vae(decoder: str = "fi+pp", **changes: object) -> GranularVAE:
    """A small model whose every weight does something: the identity filters are moved away from it."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = GranularVAE(GranularConfig(**(SIZES | {"decoder": decoder} | changes)))
        if model.post is not None:
            with torch.no_grad():
                for taps in model.post.filters:
                    taps.normal_(std=0.1)
    return model.eval()


def audio(samples: int, batch: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.2 * torch.randn(batch, samples, generator=generator)


def latents(frames: int, batch: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(batch, frames, 6, generator=generator)
    return z, torch.rand(batch, frames, 2, generator=generator)


# ---- level ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("db", [-110, -60, -20, 0])
def test_level_travels_in_the_first_latent(db: int) -> None:
    model, x = vae(), audio(9 * HOP)
    x = x / x.std() * 10 ** (db / 20)
    z = model.posterior(x).mean.detach()
    found = 20 * torch.log10(latent_to_level(z[:, 3:6, 0]).mean())
    assert abs(float(found) - db) < 1.5
    louder = model.posterior(x * 2).mean.detach()
    if db > -100:  # nothing else changes with the level, but for what the dense layers read of it
        assert_close(latent_to_level(louder[..., 0]), 2 * latent_to_level(z[..., 0]), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("decoder", DECODERS)
def test_silence_is_silent_even_with_sampled_latents(decoder: str) -> None:
    model = vae(decoder)
    z = model.posterior(torch.zeros(2, 5 * HOP)).sample(torch.Generator().manual_seed(0))
    assert model.render(z, torch.ones(2, 5, 2), seeds=[0, 1]).abs().max() < 1e-3


@pytest.mark.parametrize(("latent_dim", "n_levels"), [(2, 1), (6, 1), (16, 5), (96, 12)])
def test_the_first_latents_start_as_the_spectrum(latent_dim: int, n_levels: int) -> None:
    model, x = vae(latent_dim=latent_dim), audio(9 * HOP).cumsum(1)
    with torch.no_grad():
        mean = model.posterior(x).mean
        grains = cut_grains(x, HOP).flatten(0, 1)
        levels = model.encoder.levels(grains / grains.mul(model.encoder.levels.window).square().mean(1, True).sqrt())
    assert levels.shape[1] == n_levels
    assert_close(mean[..., 1 : 1 + n_levels].flatten(0, 1), levels, rtol=0, atol=0.03 * float(levels.abs().max()))
    if latent_dim > 1 + n_levels:
        assert mean[..., 1 + n_levels :].abs().mean() > 0.05  # the others are the network's


# ---- the model ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 2 * HOP, 3 * HOP, 3 * HOP + 1])
def test_shapes(decoder: str, samples: int) -> None:
    model, frames = vae(decoder), -(-samples // HOP)
    q = model.posterior(audio(samples))
    assert q.mean.shape == q.log_variance.shape == (2, frames, 6)
    out = model.render(q.mean, torch.zeros(2, frames, 2), seeds=[0, 1])
    assert out.shape == (2, frames * HOP)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("hop", [128, 256, 512, 1024])
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_grain_length(decoder: str, hop: int) -> None:
    model = GranularVAE(GranularConfig(**(SIZES | {"decoder": decoder, "hop_length": hop})))
    z, labels = latents(2)
    assert model.render(z, labels, seeds=[0, 1]).shape == (2, 2 * hop)
    assert model.posterior(audio(hop + 1)).mean.shape == (2, 2, 6)


@pytest.mark.parametrize("decoder", ["up", "fi", "fi+pp"])
@settings(deadline=None, max_examples=12)
@given(sizes=st.lists(st.integers(0, 700), max_size=6), samples=st.integers(1, 1500))
def test_encoding_in_chunks_equals_the_whole(decoder: str, sizes: list[int], samples: int) -> None:
    model, x = vae(decoder), audio(samples)
    state, parts, start = None, [], 0
    with torch.no_grad():
        for size in sizes:
            state, part = model.encode_step(state, x[:, start : start + size])
            parts.append(part)
            start += size
        state, part = model.encode_step(state, x[:, start:], flush=True)
        assert_close(torch.cat([*parts, part], 1), model.posterior(x).mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decoder", ["up", "fi", "fi+pp"])
@settings(deadline=None, max_examples=12)
@given(sizes=st.lists(st.integers(0, 5), max_size=6), frames=st.integers(1, 12))
def test_decoding_in_chunks_equals_the_whole(decoder: str, sizes: list[int], frames: int) -> None:
    model = vae(decoder)
    z, labels = latents(frames)
    state, parts, start = None, [], 0
    with torch.no_grad():
        for size in sizes:
            piece = slice(start, start + size)
            state, part = model.decode_step(state, z[:, piece], labels[:, piece], seed=7)
            parts.append(part)
            start += size
        state, part = model.decode_step(state, z[:, start:], labels[:, start:], seed=7, flush=True)
        whole = model.render(z, labels, seeds=[7, 7])
        assert_close(torch.cat([*parts, part], 1), whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


def test_a_step_leaves_its_state_as_it_was() -> None:
    model = vae()
    z, labels = latents(4)
    first, _ = model.decode_step(None, z, labels, seed=1)
    again = [model.decode_step(first, z, labels, seed=1)[1] for _ in range(2)]
    assert torch.equal(*again)
    heard, _ = model.encode_step(None, audio(1000))
    again = [model.encode_step(heard, audio(1000))[1] for _ in range(2)]
    assert torch.equal(*again)


@pytest.mark.parametrize("decoder", ["fi", "fi+pp"])
def test_no_output_depends_on_what_lies_beyond_the_lookahead(decoder: str) -> None:
    model, x, changed = vae(decoder), audio(16 * HOP, 1), 11 * HOP + 5
    other = x.clone()
    other[:, changed:] += audio(16 * HOP - changed, 1, seed=1)
    with torch.no_grad():
        both = [model.render(model.posterior(a).mean, torch.zeros(1, 16, 2), seeds=[0])[0] for a in (x, other)]
    differs = ((both[0] - both[1]).abs() > 1e-5).nonzero()
    first = int(differs[0])
    assert changed < (first // HOP + 1) * HOP + model.lookahead
    assert model.lookahead < 6 * HOP
    # The bound is not slack by more than a hop: the published delay is the real one.
    assert changed >= (first // HOP) * HOP + model.lookahead - HOP


@pytest.mark.parametrize("decoder", DECODERS)
def test_an_item_does_not_depend_on_its_batch(decoder: str) -> None:
    model = vae(decoder)
    z, labels = latents(5, batch=3)
    together = model.render(z, labels, seeds=[4, 5, 6])
    alone = model.render(z[1:2], labels[1:2], seeds=[5])
    assert_close(alone[0], together[1], rtol=1e-4, atol=1e-5)
    x = audio(5 * HOP, batch=3)
    assert_close(model.posterior(x[2:]).mean[0], model.posterior(x).mean[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decoder", ["fi", "fi+pp"])
def test_noise_is_the_seeds_and_the_frames(decoder: str) -> None:
    model = vae(decoder)
    z, labels = latents(5, batch=1)
    out = model.render(z, labels, seeds=[1])
    assert torch.equal(out, model.render(z, labels, seeds=[1]))
    assert (out - model.render(z, labels, seeds=[2])).abs().max() > 1e-4
    assert (out - model.render(z, labels, seeds=[1], first_frame=3)).abs().max() > 1e-4
    later = model.grains(z[:, 2:], labels[:, 2:], seeds=[1], first_frame=2)
    assert_close(later, model.grains(z, labels, seeds=[1])[:, 2:])


@pytest.mark.parametrize("decoder", DECODERS)
def test_labels_change_the_output(decoder: str) -> None:
    model = vae(decoder)
    z, _ = latents(4)
    kick, snare = (torch.eye(2)[i].expand(2, 4, 2) for i in range(2))
    difference = model.render(z, kick, seeds=[0, 0]) - model.render(z, snare, seeds=[0, 0])
    assert difference.abs().max() > 1e-6


@pytest.mark.parametrize("decoder", DECODERS)
def test_gradients_reach_every_parameter(decoder: str) -> None:
    model = GranularVAE(GranularConfig(**(SIZES | {"decoder": decoder})))
    x = audio(6 * HOP).requires_grad_()
    q = model.posterior(x)
    z = q.sample(torch.Generator().manual_seed(0))
    (model.render(z, torch.ones(2, 6, 2), seeds=[0, 1]) - x).abs().mean().backward()
    for name, parameter in [("audio", x), *model.named_parameters()]:
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("decoder", DECODERS)
def test_it_trains_in_bfloat16_and_runs_in_float64(decoder: str) -> None:
    model = GranularVAE(GranularConfig(**(SIZES | {"decoder": decoder})))
    with torch.autocast("cpu", torch.bfloat16):
        q = model.posterior(audio(6 * HOP))
        out = model.render(q.mean, torch.ones(2, 6, 2), seeds=[0, 1])
    assert q.mean.dtype == q.log_variance.dtype == out.dtype == torch.float32
    out.square().mean().backward()
    wide, x = model.double(), audio(6 * HOP).double()
    precise = wide.render(wide.posterior(x).mean, torch.ones(2, 6, 2), seeds=[0, 1])
    assert precise.dtype == torch.float64
    assert_close(precise.float(), out, rtol=0, atol=0.1 * float(precise.detach().abs().max()))


def test_gradients_are_finite_at_silence() -> None:
    model = GranularVAE(GranularConfig(**SIZES))
    q = model.posterior(torch.zeros(1, 3 * HOP))
    model.render(q.mean, torch.zeros(1, 3, 2), seeds=[0]).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    "decoder",
    [name if name in ("tr", "fi+pp") else pytest.param(name, marks=pytest.mark.slow) for name in DECODERS],
)
def test_it_learns_tones(decoder: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = GranularVAE(GranularConfig(**(SIZES | {"post_taps": (3,), "decoder": decoder})))
    time = torch.arange(8 * HOP)[None]
    x = 0.3 * torch.sin(time * 2.0) + 0.1 * torch.sin(time * 0.9) + 0.05 * torch.sin(time * 0.11)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    errors = []
    for _ in range(240 if decoder == "up" else 60):  # at 60, "up" is at .5 to .7 of its first loss, by seed
        out = model.render(model.posterior(x).mean, torch.zeros(1, 8, 2), seeds=[0])
        terms = reconstruction_terms(out, x, 8000, (512, 256, 128), ("log_power", "magnitude"))
        loss = terms["log_power"] + terms["magnitude"]
        errors.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert errors[-1] < 0.6 * errors[0]


def test_config_survives_json() -> None:
    config = GranularConfig(**(SIZES | {"decoder": "fi+pp"}))
    assert GranularConfig(**json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert config.grain_length == 4 * HOP


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder": "fir"}, "decoder must be one of tr, up, fi, fi.pp, got 'fir'"),
        ({"hop_length": 300}, "hop_length must be 128, 256, 512 or 1024, got 300"),
        ({"latent_dim": 1}, "latent_dim must be >= 2"),
        ({"post_taps": (4,)}, "post_taps must be odd"),
    ],
)
def test_bad_config(change: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        GranularVAE(GranularConfig(**(SIZES | change)))


def test_bad_arguments_are_named() -> None:
    model = vae()
    z, labels = latents(3)
    with pytest.raises(ShapeError, match=r"audio must be \(batch, samples\), samples >= 1, got \(1, 0\)"):
        model.posterior(torch.zeros(1, 0))
    with pytest.raises(ShapeError, match=r"latents must be \(batch, frames, 6\), got \(2, 3, 5\)"):
        model.render(z[..., :5], labels, seeds=[0, 1])
    with pytest.raises(ShapeError, match="labels must be"):
        model.render(z, labels[:, :2], seeds=[0, 1])
    with pytest.raises(ArgumentError, match="seeds must be one a batch item, 2, got 1"):
        model.render(z, labels, seeds=[0])
