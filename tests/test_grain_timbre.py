"""Features of grain latents: the spectrum that a latent decodes to, at its level, whatever the phase."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.fit import fit_linear_path
from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE
from lgr.models.encodec_vae.seanet_vae import SEANetVAE
from lgr.models.grain_model import GrainModel
from lgr.models.grain_timbre import GrainTimbre
from lgr.models.granular.model import DECODERS, GranularConfig, GranularVAE
from lgr.models.level_latent import level_to_latent
from lgr.models.mdct import mdct_basis
from lgr.sound.mel import mel_filters

RATE, HOP = 8000, 128


def untrained(decoder: str = "fi+pp", **changes: object) -> GranularVAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"sample_rate": RATE, "hop_length": HOP, "decoder": decoder, "latent_dim": 60, **changes}
        return GranularVAE(GranularConfig(**sizes)).eval()


def coloured(seconds: float, tilt: float = 0.9, seed: int = 0) -> Tensor:
    noise = 0.2 * torch.randn(1, int(seconds * RATE), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.conv1d(noise[:, None], torch.tensor([[[1.0, -tilt]]]))[:, 0]


@pytest.mark.parametrize("decoder", ["fi", "fi+pp"])
@torch.no_grad()
def test_features_are_the_mel_spectrum_of_what_is_decoded(decoder: str) -> None:
    """A held latent against a plain STFT of its sound, averaged over time, through the same fixed map."""
    model, frames = untrained(decoder), 500
    one = torch.randn(1, 1, 60, generator=torch.Generator().manual_seed(0))
    one[..., 0] = level_to_latent(torch.tensor(0.3))  # well above the floor of the features
    latents = one.expand(-1, frames, -1)
    x = model.render(latents, torch.zeros(1, frames, 0), seeds=[0])
    spectrum = torch.stft(x[0], 4 * HOP, HOP, window=torch.hann_window(4 * HOP), return_complex=True).abs().square()
    power = mel_filters(4 * HOP, 40, RATE) @ spectrum.mean(1) / (0.375 * 4 * HOP)  # of a sample, bin by bin
    decades = torch.log10(power.sqrt() / 1e-6)
    expected = decades @ model.timbre.matrix.T + model.timbre.bias
    assert_close(model.features(latents)[0, 0], expected, rtol=0, atol=0.03)


def test_a_tone_is_in_its_band_whatever_its_phase() -> None:
    timbre, time = GrainTimbre(HOP, RATE), torch.arange(2 * RATE) / RATE
    rows = []
    for phase in (0.0, 1.0, 2.0):
        frames = (0.3 * torch.sin(2 * torch.pi * 700 * time + phase)).unfold(0, 2 * HOP, HOP)
        coefficients = frames @ mdct_basis(HOP)
        rows.append(timbre(torch.zeros_like(coefficients), coefficients))
    loudest = int(mel_filters(4 * HOP, 40, RATE)[:, round(700 / (RATE / (4 * HOP)))].argmax())
    assert (torch.cat(rows).argmax(1) - loudest).abs().max() <= 1
    assert torch.cat(rows)[:, loudest].std() < 0.1


def test_an_encodec_vae_is_matched_by_timbre_too() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = EncodecVAEConfig(sample_rate=RATE, hop_length=80, strides=(2, 5, 8), latent_dim=16, n_filters=2)
        model = LinearPathVAE(config).eval()
    fit_linear_path(model, [coloured(3.0, seed=1)])
    x = coloured(3.0)
    with torch.no_grad():
        a, b = (model.posterior(each).mean[0, 3:-4] for each in (x, x[:, 40:]))
        n = min(len(a), len(b))
        both = [torch.nn.functional.cosine_similarity(p[:n], q[:n]).mean() for p, q in ((a, b), _of(model, a, b))]
    assert both[1] > 0.9
    assert both[0] < both[1] - 0.2
    bare = EncodecVAEConfig(sample_rate=RATE, hop_length=80, strides=(2, 5, 8), n_filters=2, linear_path=False)
    z = torch.randn(1, 3, 16)
    assert SEANetVAE(bare).features(z) is z


def _of(model: GrainModel, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return model.features(a[None])[0], model.features(b[None])[0]


def test_a_tenfold_level_moves_every_feature_by_its_share_of_a_decade() -> None:
    timbre, power = GrainTimbre(HOP, RATE), 0.01 + torch.rand(5, HOP, generator=torch.Generator().manual_seed(0))
    assert_close(timbre(power) - timbre(0.01 * power), torch.full((5, 40), 0.45), rtol=0, atol=0.02)


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_frame_stands_alone_and_silence_is_finite(decoder: str) -> None:
    model = untrained(decoder, labels=("a", "b"))
    with torch.no_grad():
        z = model.posterior(coloured(0.5)).mean
        whole = model.features(z)
        assert_close(model.features(z[:, 2:3]), whole[:, 2:3], rtol=1e-4, atol=1e-5)
        assert whole.shape[2] == (60 if decoder in ("tr", "up") else 40)
        assert torch.isfinite(model.features(model.posterior(torch.zeros(1, 5 * HOP)).mean)).all()
