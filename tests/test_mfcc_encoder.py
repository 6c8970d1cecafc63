"""MFCCs against scipy's transform, silence and level, and where a frame lies against its atom."""

import math

import pytest
import scipy.fft
import torch
from torch import Tensor

from lgr.models.noise.mfcc_encoder import MfccEncoder
from lgr.sound.level import AMPLITUDE_FLOOR
from lgr.sound.mel import mel_filters


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encoder(**changes: int) -> MfccEncoder:
    sizes = {"hop_length": 128, "frame_length": 512, "lookahead": 192, "n_mels": 128, "n_mfcc": 30}
    return MfccEncoder(sample_rate=24000, width=8, latent_dim=3, **{**sizes, **changes})


def test_mfcc_is_scipys_dct_of_the_log_mel_spectrum() -> None:
    frames = noise(6, 512)
    window = torch.hann_window(512, dtype=torch.float64)
    spectrum = torch.fft.rfft(frames.double() * window * 2 / window.sum())
    power = spectrum.abs().square() @ mel_filters(512, 128, 24000).double().T
    levels = torch.log10((power + AMPLITUDE_FLOOR**2).sqrt() / AMPLITUDE_FLOOR)
    expected = scipy.fft.dct(levels.numpy(), type=2, norm="ortho", axis=-1)[:, :30]
    torch.testing.assert_close(encoder().mfcc(frames).double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-3)


def test_silence_is_the_zero_vector_and_level_is_the_first_coefficient() -> None:
    mfcc = encoder().mfcc
    assert float(mfcc(torch.zeros(1, 512)).abs().max()) < 1e-4
    frames = noise(1, 512)
    change = mfcc(frames) - mfcc(frames * 0.1)  # 20 dB: one decade in each of 128 bands
    assert float(change[0, 0]) == pytest.approx(math.sqrt(128), abs=0.01)
    assert float(change[0, 1:].abs().max()) < 0.01


@pytest.mark.parametrize("lookahead", [192, 256, 0])
def test_a_frame_lies_where_it_says(lookahead: int) -> None:
    """Frame t sees samples up to ``lookahead`` beyond its atom, and not one more."""
    torch.manual_seed(0)
    net = encoder(lookahead=lookahead)
    audio = noise(1, 128 * 8)
    base = net(audio, flush=True)[1].mean
    for t in range(4):
        seen = (t + 1) * 128 + lookahead  # exclusive
        later, last = audio.clone(), audio.clone()
        later[:, seen:] = noise(1, later.shape[1] - seen, seed=3)
        last[:, seen - 60 : seen] = 1.0  # the window's very last samples weigh next to nothing
        assert torch.allclose(net(later, flush=True)[1].mean[:, : t + 1], base[:, : t + 1], atol=1e-6)
        assert not torch.allclose(net(last, flush=True)[1].mean[:, t], base[:, t], atol=1e-4)


def test_untrained_means_are_the_first_mfccs_and_little_else() -> None:
    torch.manual_seed(0)
    net = encoder()
    audio = noise(1, 128 * 20)
    with torch.no_grad():
        mean = net(audio, flush=True)[1].mean[0, 2:16]
        mfcc = net.mfcc(torch.nn.functional.pad(audio, (net.history, 400)).unfold(1, 512, 128)[0, 2:16])
    expected = (mfcc / math.sqrt(128) - torch.tensor([2.4] + [0.0] * 29)) * (1 + torch.arange(30))
    assert float((mean - expected[:, :3]).abs().max()) < 0.1
