"""When sound begins within a latent: turned down before an attack, left alone where a moment is held or a tone low."""

import math

import pytest
import torch
from torch import Tensor

from lgr.models.level_latent import level_to_latent
from lgr.models.spectral.envelope import BLOCKS, SLACK_DB, envelope, envelope_step

HOP = 320
BLOCK = HOP // BLOCKS
SLACK = 10 ** (SLACK_DB / 20)


def coded(audio: Tensor) -> Tensor:
    """Level and envelope of ``(1, samples)``: a hop's own RMS for its level."""
    level = audio.unflatten(1, (-1, HOP)).square().mean(-1, keepdim=True).sqrt()
    return torch.cat([level_to_latent(level), envelope(audio, level, HOP)], -1)


def shaped(latents: Tensor, audio: Tensor) -> Tensor:
    return envelope_step(None, latents, audio, HOP, flush=True)[1]


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def test_a_sound_keeps_to_its_own_envelope() -> None:
    audio = noise(20 * HOP) * torch.linspace(-3, 0, 20 * HOP).mul(3).exp()
    torch.testing.assert_close(shaped(coded(audio), audio), audio)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_what_comes_before_an_attack_is_turned_down(block: int) -> None:
    onset = 10 * HOP + block * BLOCK
    audio = noise(20 * HOP)
    audio[:, :onset] *= 1e-3
    early = noise(20 * HOP, seed=1)
    early[:, : onset - 1024] *= 1e-3  # a window too soon
    heard = shaped(coded(audio), early)
    before, after = heard[0, onset - 240 : onset], heard[0, onset + BLOCK : onset + 1024]
    assert 20 * math.log10(float(before.square().mean() / after.square().mean()) ** 0.5) < -45 + SLACK_DB + 1
    torch.testing.assert_close(after, early[0, onset + BLOCK : onset + 1024])


def test_what_comes_after_an_end_is_turned_down() -> None:
    audio = noise(20 * HOP)
    audio[:, 10 * HOP + BLOCK :] = 0
    heard = shaped(coded(audio), noise(20 * HOP, seed=1))
    inside = heard[0, 10 * HOP + 2 * BLOCK : 11 * HOP].square().mean().sqrt()
    assert 20 * math.log10(float(inside) / 0.1) == pytest.approx(-45 - 6 + SLACK_DB, abs=2)  # a quarter: 6 dB less
    assert float(heard[0, 11 * HOP + BLOCK :].abs().max()) < 1e-4


def test_a_held_attack_does_not_buzz() -> None:
    audio = noise(20 * HOP)
    audio[:, : 10 * HOP + 2 * BLOCK] *= 1e-3
    attack = coded(audio)[:, 10:11].expand(-1, 20, -1)
    assert float(attack[0, 0, 1] - attack[0, 0, -1]) < -1.5  # 45 dB within the hop
    steady = noise(20 * HOP, seed=1)
    torch.testing.assert_close(shaped(attack, steady)[:, HOP:], steady[:, HOP:])  # but in the first hop it begins


@pytest.mark.parametrize("hz", [50.0, 100.0, 440.0])
def test_a_tone_in_another_phase_is_left_alone(hz: float) -> None:
    time = torch.arange(20 * HOP)[None] / 24000
    audio, turned = (torch.sin(2 * math.pi * hz * time + phase) for phase in (0.0, 1.5))
    torch.testing.assert_close(shaped(coded(audio), turned)[:, HOP:-HOP], turned[:, HOP:-HOP])


def test_never_up_and_no_lower_than_was_coded() -> None:
    audio, other = noise(40 * HOP), noise(40 * HOP, seed=1)
    audio *= (
        torch.rand(1, 40 * BLOCKS, 1, generator=torch.Generator().manual_seed(2))
        .pow(8)
        .expand(-1, -1, BLOCK)
        .flatten(1)
    )
    heard = shaped(coded(audio), other)
    assert bool((heard.abs() <= other.abs() + 1e-7).all())
    late = slice(BLOCK // 2, None)  # where the gain has arrived
    blocks = [x.unflatten(1, (-1, BLOCK)) for x in (audio, other, heard)]
    coded_level, made, kept = (x.square().mean(-1).sqrt() for x in blocks)
    gain = blocks[2][..., late].square().mean(-1).sqrt() / blocks[1][..., late].square().mean(-1).sqrt()
    least = (coded_level * SLACK / made).clamp(max=1)
    assert bool((gain >= 0.99 * least).all())
    assert bool((kept <= made + 1e-7).all())


def test_silence_is_silent_whatever_its_envelope_asks() -> None:
    latents = torch.zeros(1, 20, 1 + BLOCKS)
    latents[..., 0], latents[..., 1:] = -2.0, 3.0
    assert float(shaped(latents, 0.5 + noise(20 * HOP)).abs().max()) < 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_any_chunks_give_the_same(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    audio = noise(30 * HOP) * torch.rand(1, 30 * HOP, generator=draw).pow(4)
    latents, other = coded(audio), noise(30 * HOP - 37, seed=1)
    whole = shaped(latents, other)
    assert whole.shape == other.shape
    state, pieces = None, []
    frame = sample = 0
    while frame < 30 or sample < other.shape[1]:
        more, further = (int(torch.randint(0, n, (), generator=draw)) for n in (4, 1000))
        state, piece = envelope_step(state, latents[:, frame : frame + more], other[:, sample : sample + further], HOP)
        pieces.append(piece)
        frame, sample = frame + more, sample + further
    pieces.append(envelope_step(state, latents[:, :0], other[:, :0], HOP, flush=True)[1])
    torch.testing.assert_close(torch.cat(pieces, 1), whole)
