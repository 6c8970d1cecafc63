"""Noise in the place of what a linear path drops: right in level, absent where nothing was, a function of the seed."""

import pytest
import torch
from torch import Tensor

from lgr.losses import magnitudes
from lgr.models.encodec_vae.colour import TAPS, Colour
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.fit import fit_linear_path
from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE
from lgr.models.encodec_vae.noise_fill import SOFTER, NoiseFill
from lgr.models.mdct import mdct_basis

HOP, RATE = 32, 8000


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def shaped(frames: int, seed: int = 1) -> Tensor:
    """Coefficients ``(frames, HOP)`` that fall towards high frequencies and swell and ebb."""
    swell = 10 ** (0.7 * torch.sin(torch.arange(frames) / 40))[:, None]
    return 0.01 * noise(frames, HOP, seed=seed) * swell / (1 + torch.arange(HOP) / 4)


def fitted(n_levels: int = 1) -> NoiseFill:
    torch.manual_seed(0)
    made = NoiseFill(RATE, HOP, n_levels, 0)
    made.fit([shaped(400, seed) for seed in range(4)])
    return made


def play(made: NoiseFill, residual: Tensor, seed: int = 0) -> Tensor:
    _, levels = made.encode(None, residual[None])
    with torch.no_grad():
        return made.decode(None, levels, levels[..., :0], seeds=[seed], first_frame=0)[1][0]


def test_the_noise_has_the_spectrum_and_the_swell_of_what_it_stands_for() -> None:
    made, residual = fitted(), shaped(400, seed=9)
    played = play(made, residual) / SOFTER
    assert abs(float(torch.corrcoef(torch.stack([played.flatten(), residual.flatten()]))[0, 1])) < 0.05
    for axis in (0, 1):  # over time in 16 parts, over frequency in 4
        parts = [x.square().view(16, 25, 4, 8).mean((1, 3)).mean(axis).log10() * 10 for x in (played, residual)]
        assert float((parts[0] - parts[1]).abs().max()) < 2.0  # dB: a band is a triangle, the ramp within it a guess


def test_of_independent_noises_the_softer_one_is_nearer() -> None:
    reference, other = (magnitudes(noise(1, 200_000, seed=seed), 512)[0] for seed in (1, 2))
    apart = {g: float((reference - g * other).abs().mean() / reference.mean()) for g in (SOFTER, 0.6, 0.9, 1.0)}
    assert min(apart, key=lambda g: apart[g]) == SOFTER
    assert apart[SOFTER] == pytest.approx(0.55, abs=0.01)
    assert apart[1.0] == pytest.approx(0.59, abs=0.01)


def test_silence_is_silent() -> None:
    assert float(play(fitted(), torch.zeros(6, HOP)).abs().max()) < 1e-4


def test_what_all_recordings_lack_is_not_filled() -> None:
    """As resampled recordings lack what is next to Nyquist, which no band is narrow enough to tell."""
    recordings = [shaped(400, seed) for seed in range(5)]
    for each in recordings:
        each[:, -3:] *= 0.03
    torch.manual_seed(0)
    made = NoiseFill(RATE, HOP, 1, 0)
    made.fit(recordings[:4])
    levels = [10 * x[:, -8:].square().mean(0).log10() for x in (play(made, recordings[4]), recordings[4])]
    assert float((levels[0] - levels[1]).abs().max()) < 4.0  # dB, of the single coefficients
    assert float(levels[1][4] - levels[1][5]) > 25


def test_levels_are_of_unit_variance() -> None:
    _, levels = fitted(2).encode(None, torch.stack([shaped(400, seed) for seed in range(4)]))
    torch.testing.assert_close(levels.var((0, 1)), torch.ones(2), rtol=0.02, atol=0)
    assert abs(float(torch.corrcoef(levels.flatten(0, 1).T)[0, 1])) < 0.02


def test_a_frame_s_energies_are_those_of_two_frames() -> None:
    made, residual = fitted(), noise(1, 3, HOP)
    last, logs = made.log_energies(None, residual)
    energies = residual.square() @ made.bands
    torch.testing.assert_close(logs[:, 2].exp(), (energies[:, 1] + energies[:, 2]) / 2)
    torch.testing.assert_close(logs[:, 0].exp(), energies[:, 0])
    _, after = made.log_energies(last, residual[:, :1])
    torch.testing.assert_close(after[:, 0].exp(), (energies[:, 2] + energies[:, 0]) / 2)


def test_noise_is_a_function_of_the_seed_and_the_absolute_frame() -> None:
    made, residual = fitted(), shaped(8)
    assert torch.equal(play(made, residual), play(made, residual))
    assert not torch.equal(play(made, residual), play(made, residual, seed=1))
    _, levels = made.encode(None, residual[None])
    with torch.no_grad():
        _, late = made.decode(None, levels[:, 5:], levels[:, 5:, :0], seeds=[0], first_frame=5)
    assert torch.equal(late[0].sign(), play(made, residual)[5:].sign())


def test_noise_keeps_out_of_the_coefficients_that_are_kept() -> None:
    torch.manual_seed(0)
    sizes = {"sample_rate": RATE, "hop_length": HOP, "n_filters": 2, "strides": (2, 4, 4), "latent_dim": 8}
    made = LinearPathVAE(EncodecVAEConfig(**sizes, noise_levels=2)).eval()
    audio = (shaped(2000) @ mdct_basis(HOP).T)[None]
    audio = torch.nn.functional.fold(audio.transpose(1, 2), (1, 2001 * HOP), (1, 2 * HOP), stride=(1, HOP))[:, 0, 0]
    fit_linear_path(made, [audio])
    with torch.no_grad():
        means = made.posterior(audio).mean
        labels = means[..., :0]
        plain, other = (made.render(means, labels, seeds=[seed]) for seed in (0, 1))
    frames = torch.stack([audio[0], plain[0], other[0]])[:, 2 * HOP : -2 * HOP].unfold(1, 2 * HOP, HOP)
    latents, _ = made.linear.encode(frames)
    torch.testing.assert_close(latents[1], latents[0], rtol=0, atol=1e-3)  # what is coded is what it was
    left = [(each @ made.dropped).square().mean() for each in frames]
    assert float(left[1] / left[0]) == pytest.approx(SOFTER**2, rel=0.25)
    assert not torch.equal(plain, other)


def test_a_colour_is_its_spectrum() -> None:
    colour, hz = Colour(), torch.linspace(0, 1, 320)
    power = 1 / (0.01 + hz**2)
    colour.fit(power)
    response = torch.fft.rfft(colour.taps, 640).abs().square()[1:320]
    wanted = power[1:]
    difference = 10 * torch.log10((response / response.mean()) / (wanted / wanted.mean()))
    assert float(difference.abs().max()) < 1.0
    assert float(colour.taps.square().sum()) == pytest.approx(1, abs=1e-5)
    # Minimum phase: no delay of the same magnitudes has its energy earlier.
    assert float(colour.taps[:32].square().sum()) > 0.9


def test_a_new_colour_changes_nothing_and_a_stream_is_a_whole() -> None:
    colour, audio = Colour(), noise(2, 700)
    torch.testing.assert_close(colour(None, audio)[1], audio, rtol=0, atol=1e-5)
    colour.fit(1 / (0.1 + torch.arange(64.0)))
    _, whole = colour(None, audio)
    naive = torch.nn.functional.conv1d(
        torch.nn.functional.pad(audio, (TAPS - 1, 0))[:, None], colour.taps.flip(0)[None, None]
    )[:, 0]
    torch.testing.assert_close(whole, naive, rtol=0, atol=1e-5)
    history, first = colour(None, audio[:, :33])
    _, second = colour(history, audio[:, 33:])
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=1e-5)
