"""Paper 003's noise synthesisers: streams equal to the whole, look-aheads, seeds, labels, slopes."""

import dataclasses
import itertools
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.models.noise.bands import NoiseBandConfig, NoiseBandVAE
from lgr.models.noise.base import NoiseVAE, NoiseVAEConfig
from lgr.models.noise.ddsp import DDSPNoiseConfig, DDSPNoiseVAE, overlap_add
from lgr.models.seeded_noise import uniform_noise

HOP = 16
SMALL = {
    "hop_length": HOP,
    "latent_dim": 5,
    "frame_length": 64,
    "n_mels": 12,
    "n_mfcc": 7,
    "width": 10,
    "n_layers": 2,
    "labels": ("rain", "sea"),
}
KINDS = ("ddsp", "bands")


def made(kind: str, *, seed: int = 0, **changes: object) -> NoiseVAE:
    torch.manual_seed(seed)
    sizes = {**SMALL, **changes}
    if kind == "ddsp":
        return DDSPNoiseVAE(DDSPNoiseConfig(**{"n_bands": 22, **sizes})).eval()
    return NoiseBandVAE(NoiseBandConfig(**{"n_bands": 20, "loop_length": 256, **sizes})).eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def points(frames: int, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, 5, generator=generator), torch.rand(batch, frames, 2, generator=generator)


def close(a: Tensor, b: Tensor, atol: float = 2e-5) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 2 * HOP, 3 * HOP + 1])
def test_any_length_becomes_whole_atoms(kind: str, samples: int) -> None:
    model = made(kind)
    frames = -(-samples // HOP)
    posterior = model.posterior(noise(2, samples))
    assert posterior.mean.shape == posterior.log_variance.shape == (2, frames, 5)
    audio = model.render(posterior.mean, torch.zeros(2, frames, 2), seeds=[1, 2])
    assert audio.shape == (2, frames * HOP)
    assert bool(audio.isfinite().all())


def chunks(total: int, cuts: list[int]) -> list[slice]:
    edges = [0, *sorted(c % (total + 1) for c in cuts), total]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(total=st.integers(1, 300), cuts=st.lists(st.integers(0, 300), max_size=6), empty=st.booleans())
def test_encoding_in_chunks_equals_the_whole(kind: str, total: int, cuts: list[int], empty: bool) -> None:
    model, audio = made(kind), noise(2, total, seed=total)
    state, out = None, []
    parts = [audio[:, c] for c in chunks(total, cuts)]
    parts += [audio[:, :0]] if empty else []
    with torch.no_grad():
        for i, part in enumerate(parts):
            state, means = model.encode_step(state, part, flush=i == len(parts) - 1)
            out.append(means)
        close(torch.cat(out, 1), model.posterior(audio).mean)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(frames=st.integers(1, 40), cuts=st.lists(st.integers(0, 40), max_size=6), empty=st.booleans())
def test_decoding_in_chunks_equals_the_whole(kind: str, frames: int, cuts: list[int], empty: bool) -> None:
    model = made(kind)
    latents, labels = points(frames, 2, seed=frames)
    state, out = None, []
    parts = chunks(frames, cuts) + ([slice(frames, frames)] if empty else [])
    with torch.no_grad():
        for i, c in enumerate(parts):
            state, audio = model.decode_step(state, latents[:, c], labels[:, c], seed=7, flush=i == len(parts) - 1)
            out.append(audio)
        close(torch.cat(out, 1), model.render(latents, labels, seeds=[7, 7]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_says_no_sooner_and_no_later_than_it_must(kind: str) -> None:
    """One hop in: the audio that comes is ``decode``'s share of the look-ahead behind, and states are values."""
    model = made(kind)
    behind = model.config.n_bands - 1 if kind == "ddsp" else 0
    latents, labels = points(12)
    with torch.no_grad():
        state, first = model.decode_step(None, latents[:, :6], labels[:, :6], seed=1)
        assert first.shape == (1, 6 * HOP - behind)
        once = model.decode_step(state, latents[:, 6:], labels[:, 6:], seed=1, flush=True)[1]
        again = model.decode_step(state, latents[:, 6:], labels[:, 6:], seed=1, flush=True)[1]
    assert torch.equal(once, again)
    assert first.shape[1] + once.shape[1] == 12 * HOP


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_is_nothing_out(kind: str) -> None:
    model = made(kind)
    assert model.encode_step(None, torch.zeros(2, 0), flush=True)[1].shape == (2, 0, 5)
    nothing = torch.zeros(2, 0, 5), torch.zeros(2, 0, 2)
    assert model.decode_step(None, *nothing, seed=0, flush=True)[1].shape == (2, 0)
    assert model.render(*nothing, seeds=[0, 1]).shape == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_lookahead_is_true_and_no_larger_than_needed(kind: str) -> None:
    """Sample n depends on nothing from ``(n // hop + 1) * hop + lookahead`` on, and on something in the hop before."""
    model = made(kind).double()
    audio = noise(1, 24 * HOP).double()

    def through(x: Tensor) -> Tensor:
        mean = model.posterior(x).mean
        return model.render(mean, mean.new_zeros(1, 24, 2), seeds=[3])

    with torch.no_grad():
        base = through(audio)
        for hop in (4, 5, 9):
            end = (hop + 1) * HOP
            beyond, within = audio.clone(), audio.clone()
            beyond[:, end + model.lookahead :] = 0.9
            within[:, end + model.lookahead - HOP :] = 0.9
            assert torch.allclose(through(beyond)[:, :end], base[:, :end], rtol=0, atol=1e-12)
            assert not torch.allclose(through(within)[:, :end], base[:, :end], rtol=0, atol=1e-8)
    assert model.causal


def test_look_aheads_of_the_papers_sizes() -> None:
    assert DDSPNoiseVAE().lookahead == 192 + 256  # its frame beyond its atom, two atoms that overlap
    assert NoiseBandVAE(NoiseBandConfig(n_bands=4, loop_length=256)).lookahead == 256  # half a frame


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_and_batches(kind: str) -> None:
    model = made(kind)
    latents, labels = points(9, 3)
    with torch.no_grad():
        whole = model.render(latents, labels, seeds=[4, 5, 6])
        for i, seed in enumerate([4, 5, 6]):
            close(model.render(latents[i : i + 1], labels[i : i + 1], seeds=[seed]), whole[i : i + 1])
        assert not torch.allclose(model.render(latents, labels, seeds=[7, 5, 6])[0], whole[0], atol=1e-4)
        assert torch.equal(model.render(latents, labels, seeds=[4, 5, 6]), whole)
        audio = noise(3, 100)
        close(model.posterior(audio[1:2]).mean, model.posterior(audio).mean[1:2])


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_that_of_the_absolute_frame(kind: str) -> None:
    """With steady amplitudes, frames 3 … of a rendering are a rendering from ``first_frame=3``."""
    model = made(kind)
    steady, _ = points(1)
    latents, labels = steady.expand(1, 30, 5), torch.zeros(1, 30, 2)
    model.decoder.gru.requires_grad_(False)
    for weight in model.decoder.gru.parameters():
        weight.zero_()  # no memory: the same amplitudes in every frame
    with torch.no_grad():
        whole = model.render(latents, labels, seeds=[2])
        part = model.render(latents[:, 3:], labels[:, 3:], seeds=[2], first_frame=3)
    edge = 2 * HOP  # DDSP: the atoms before the first still sound there
    close(part[:, edge:], whole[:, 3 * HOP + edge :])


def test_the_filters_excitation_is_uniform_noise() -> None:
    model = made("ddsp")
    white = uniform_noise(5, 8, HOP, [3])
    atoms = model._atoms(torch.ones(1, 8, 22), [3], 5)
    close(overlap_add(atoms, HOP)[:, 21 : 21 + 8 * HOP], white.flatten(1) * 3**0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_heard(kind: str) -> None:
    model = made(kind)
    latents, labels = points(8)
    with torch.no_grad():
        base = model.render(latents, labels, seeds=[0])
        other = model.render(latents, 1 - labels, seeds=[0])
        assert not torch.allclose(base, other, atol=1e-4)
        plain = made(kind, labels=())
        assert plain.render(latents, torch.zeros(1, 8, 0), seeds=[0]).shape == (1, 8 * HOP)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_has_a_slope(kind: str) -> None:
    model = made(kind)
    posterior = model.posterior(noise(2, 200))
    latents = posterior.sample(torch.Generator().manual_seed(0))
    audio = model.render(latents, torch.rand(2, latents.shape[1], 2), seeds=[0, 1])
    (audio.square().mean() + 0.1 * posterior.log_variance.square().mean()).backward()  # type: ignore[no-untyped-call]
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
        assert float(weight.grad.abs().max()) > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_silence_has_finite_slopes(kind: str) -> None:
    model = made(kind)
    mean = model.posterior(torch.zeros(1, 100)).mean
    model.render(mean, torch.zeros(1, 7, 2), seeds=[0]).abs().mean().backward()  # type: ignore[no-untyped-call]
    assert all(bool(w.grad.isfinite().all()) for w in model.parameters() if w.grad is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_is_a_vocoder(kind: str) -> None:
    """White, quiet, low and high noise come back with about their spectrum and level."""
    torch.manual_seed(0)
    model = DDSPNoiseVAE() if kind == "ddsp" else NoiseBandVAE()
    white = noise(1, 12800)
    low = white.unfold(1, 4, 1).mean(2)
    audio = torch.cat([white[:, 3:], white[:, 3:] * 0.01, low, white[:, 3:] - white[:, 2:-1]])
    with torch.no_grad():
        mean = model.posterior(audio).mean
        out = model.render(mean, mean.new_zeros(4, 100, 0), seeds=range(4))

    def octaves_db(x: Tensor) -> Tensor:
        power = torch.fft.rfft(x[:, 2000:10000] * torch.hann_window(8000)).abs().square()
        return 10 * torch.log10(torch.stack([power[:, 125 << k : 250 << k].mean(1) for k in range(5)], 1))  # 375 Hz up

    assert float((octaves_db(out) - octaves_db(audio)).abs().max()) < 6


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind: str) -> None:
    """Loud and quiet noise, told apart by level alone: after a few steps each comes back at about its own."""
    model = made(kind, labels=())
    audio = noise(4, 8 * HOP) * torch.tensor([1.0, 0.1, 0.01, 0.0])[:, None]
    wanted = torch.log10(audio.square().mean(1).sqrt() + 1e-5)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.005)
    for step in range(60):
        mean = model.posterior(audio).mean
        out = model.render(mean, mean.new_zeros(4, 8, 0), seeds=range(step, step + 4))
        loss = (torch.log10((out.square().mean(1) + 1e-20).sqrt() + 1e-5) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    level = torch.log10(out.detach().square().mean(1).sqrt() + 1e-5)
    assert float((level - wanted).abs().max()) < 0.3
    assert float(level[3]) < -4  # silence: below -80 dBFS


@pytest.mark.parametrize("kind", KINDS)
def test_only_weights_are_saved(kind: str) -> None:
    a, b = made(kind, seed=0), made(kind, seed=1)
    assert set(a.state_dict()) == {name for name, _ in a.named_parameters()}
    b.load_state_dict(a.state_dict())
    latents, labels = points(6)
    assert torch.equal(a.render(latents, labels, seeds=[1]), b.render(latents, labels, seeds=[1]))
    size = sum(w.numel() for w in type(a)().parameters()) * 2 / 2**20
    assert size <= 5  # MiB in float16, at the paper's sizes


@pytest.mark.parametrize("config", [DDSPNoiseConfig(**SMALL), NoiseBandConfig(**SMALL)])
def test_configs_go_through_json(config: NoiseVAEConfig) -> None:
    assert type(config)(**json.loads(json.dumps(dataclasses.asdict(config)))) == config


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_mfcc": 0}, "n_mfcc must be a whole number >= 1, got 0"),
        ({"n_mfcc": 129}, "n_mfcc must be at most n_mels 128, got 129"),
        ({"frame_length": 200}, "frame_length must be even and at least twice hop_length 128, got 200"),
        ({"frame_length": 301}, "frame_length must be even"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, int], said: str) -> None:
    for kind in (DDSPNoiseConfig, NoiseBandConfig):
        with pytest.raises(ArgumentError, match=said):
            kind(**changes)
    with pytest.raises(ArgumentError, match="n_bands must be >= 2, got 1"):
        DDSPNoiseConfig(n_bands=1)
    with pytest.raises(ArgumentError, match="loop_length must be a power of two and a multiple of hop_length 128"):
        NoiseBandConfig(loop_length=3 * 2**10)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_shapes_are_refused(kind: str) -> None:
    model = made(kind)
    with pytest.raises(ShapeError, match=r"audio must be \(batch, samples >= 1\), got \(1, 0\)"):
        model.posterior(torch.zeros(1, 0))
    with pytest.raises(ShapeError, match=r"audio must be \(batch, samples\), got \(1, 1, 9\)"):
        model.encode_step(None, torch.zeros(1, 1, 9))
    with pytest.raises(ShapeError, match=r"latents must be \(batch, frames, 5\), got \(1, 4, 6\)"):
        model.render(torch.zeros(1, 4, 6), torch.zeros(1, 4, 2), seeds=[0])
    with pytest.raises(ShapeError, match=r"labels must be \(batch, frames, n_labels\) \(1, 4, 2\), got \(1, 4, 1\)"):
        model.render(torch.zeros(1, 4, 5), torch.zeros(1, 4, 1), seeds=[0])
    with pytest.raises(ArgumentError, match=r"seeds must be one a batch item \(2\), got 1"):
        model.render(torch.zeros(2, 4, 5), torch.zeros(2, 4, 2), seeds=[0])
