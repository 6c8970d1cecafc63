"""The spectral model: phases against the papers' heap, spectra and back, likelihood, levels, controls, splices."""

import heapq
import math

import pytest
import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.grain_model import Posterior
from lgr.models.kinds import build_model, model_config
from lgr.models.level_latent import latent_to_level, level_to_latent
from lgr.models.spectral.fit import fit_components
from lgr.models.spectral.intensity import fit_intensity
from lgr.models.spectral.likelihood import (
    LEAST,
    LEAST_SPREAD,
    MOST_SPREAD,
    NOISE_SPREAD,
    TONE_SPREAD,
    noise_share,
    peak_share,
    spread_of,
    surprise,
)
from lgr.models.spectral.model import SHAPE, SpectralVAE
from lgr.models.spectral.objective import draw_splices
from lgr.models.spectral.phase import TINY, origins, phase_step
from lgr.models.spectral.spectra import log_magnitudes
from lgr.models.spectral.stft import Stft

SIZES = {"hop_length": 320, "width": 32, "encoder_blocks": 1, "decoder_blocks": 2, "latent_dim": 16, "band_width": 16}
RATE = 24000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tiny(**sizes: int) -> SpectralVAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model("spectral", model_config("spectral", {**SIZES, **sizes}))
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.05 * torch.randn_like(weight)
    assert isinstance(model, SpectralVAE)
    return model.eval().requires_grad_(False)


def render(model: SpectralVAE, latents: Tensor, seed: int = 0) -> Tensor:
    labels = latents.new_zeros(*latents.shape[:2], 0)
    return model.render(latents, labels, seeds=[seed] * latents.shape[0])


def heap_origins(previous: list[float], current: list[float]) -> list[int]:
    """Průša and Holighaus's heap, for one frame: the bin of the frame before from which each bin was reached."""
    heap = [(-value, "before", m, m) for m, value in enumerate(previous)]
    heapq.heapify(heap)
    found: dict[int, int] = {}
    while len(found) < len(current):
        _, where, m, origin = heapq.heappop(heap)
        reached = [m] if where == "before" else [k for k in (m - 1, m + 1) if 0 <= k < len(current)]
        for k in reached:
            if k not in found:
                found[k] = origin
                heapq.heappush(heap, (-current[k], "now", k, origin))
    return [found[m] for m in range(len(current))]


@pytest.mark.parametrize("seed", range(40))
def test_ways_are_those_of_the_heap(seed: int) -> None:
    bins = int(torch.randint(1, 40, (), generator=generator(seed)))
    smooth = torch.randn(2, bins + 4, generator=generator(seed + 100)).unfold(1, 5, 1).mean(2)
    previous, current = torch.exp(2 * smooth if seed % 2 else 2 * torch.randn(2, bins, generator=generator(seed)))
    assert origins(previous, current).tolist() == heap_origins(previous.tolist(), current.tolist())


def test_after_silence_everything_comes_from_the_loudest_bin() -> None:
    current = torch.tensor([0.1, 0.0, 3.0, 0.2])
    assert origins(torch.zeros(4), current).tolist() == [2, 2, 2, 2]
    assert origins(torch.zeros(4), torch.zeros(4)).tolist() == [0, 0, 0, 0]


def spectra(audio: Tensor, stft: Stft) -> Tensor:
    frames = -(-audio.shape[1] // stft.hop)
    length = (frames - 1) * stft.hop + stft.window_length
    return stft.frames(torch.nn.functional.pad(audio, (stft.before, length - stft.before - audio.shape[1])))


def played(spectrum: Tensor, stft: Stft, samples: int) -> Tensor:
    return stft.add(None, stft.pieces(spectrum), flush=True)[1][:, stft.before : stft.before + samples]


def test_spectra_come_back_as_they_were() -> None:
    stft = Stft(1024, 160)
    audio = torch.randn(2, 5000, generator=generator())
    torch.testing.assert_close(played(spectra(audio, stft), stft, 5000), audio, rtol=0, atol=2e-5)


def test_white_noise_has_power_one_in_every_bin() -> None:
    found = spectra(torch.randn(1, 400_000, generator=generator()), Stft(1024, 160))[0, 4:-4].abs().square().mean(0)
    assert found[2:-2].mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("hz", [100.0, 440.0, 1000.0, 5000.0, 8000.0])
def test_a_sine_keeps_its_pitch_through_phases_that_are_made(hz: float) -> None:
    stft = Stft(1024, 160)
    sine = 0.5 * torch.sin(2 * math.pi * hz * torch.arange(RATE) / RATE)[None]
    magnitudes = spectra(sine, stft).abs()
    phases = phase_step(None, magnitudes, hop=160, window_length=1024, flush=True)[1]
    again = spectra(played(torch.polar(magnitudes, phases), stft, RATE), stft).abs()
    assert float((again - magnitudes)[:, 8:-8].norm() / magnitudes[:, 8:-8].norm()) < 0.03
    heard = played(torch.polar(magnitudes, phases), stft, RATE)[0, 2000:-2000]
    peak = torch.fft.rfft(heard * torch.hann_window(heard.shape[0])).abs().argmax() * RATE / heard.shape[0]
    assert float(peak) == pytest.approx(hz, abs=2.0)


def test_a_click_stays_a_click() -> None:
    stft = Stft(1024, 160)
    click = torch.zeros(1, 4000)
    click[0, 2000] = 0.9
    magnitudes = spectra(click, stft).abs()
    phases = phase_step(None, magnitudes, hop=160, window_length=1024, flush=True)[1]
    power = played(torch.polar(magnitudes, phases), stft, 4000)[0].square()
    assert float(power[1900:2100].sum() / power.sum()) > 0.9


@pytest.mark.parametrize("sizes", [[1] * 13, [5, 0, 8], [13], [2, 11]])
def test_phases_do_not_depend_on_chunks(sizes: list[int]) -> None:
    magnitudes = torch.rand(2, 13, 33, generator=generator())
    whole = phase_step(None, magnitudes, hop=16, window_length=64, flush=True)[1]
    state, found, at = None, [], 0
    for size in sizes:
        state, phases = phase_step(state, magnitudes[:, at : at + size], hop=16, window_length=64)
        found.append(phases)
        at += size
    found.append(phase_step(state, magnitudes[:, :0], hop=16, window_length=64, flush=True)[1])
    apart = torch.polar(torch.ones_like(whole), torch.cat(found, 1)) - torch.polar(torch.ones_like(whole), whole)
    assert float(apart.abs().max()) < 1e-4


@pytest.mark.parametrize("sizes", [[320] * 20, [1, 700, 5699], [3333, 3067]])
def test_latents_are_to_the_last_bit_those_of_any_chunks(sizes: list[int]) -> None:
    model, audio = tiny(width=96), 0.3 * torch.randn(2, 6400, generator=generator())
    state, found, at = None, [], 0
    for size in [*sizes, 0]:
        state, latents = model.encode_step(state, audio[:, at : at + size], flush=size == 0)
        found.append(latents)
        at += size
    assert float((torch.cat(found, 1) != model.posterior(audio).mean).double().mean()) < 1e-3


def test_phases_of_nothing() -> None:
    state, phases = phase_step(None, torch.zeros(1, 0, 33), hop=16, window_length=64, flush=True)
    assert phases.shape == (1, 0, 33)
    assert state.waiting is None
    assert bool(phase_step(None, torch.zeros(1, 3, 33), hop=16, window_length=64, flush=True)[1].isfinite().all())


@pytest.mark.parametrize(("power", "spread"), [(0.0, 0.1), (1.0, 0.5), (-3.0, 1.2)])
def test_the_likelihood_is_a_density_of_log_magnitudes(power: float, spread: float) -> None:
    log_r = torch.linspace(math.log(LEAST) + 1.0, 8.0, 400_001, dtype=torch.float64)
    nats = surprise(log_r.exp(), torch.tensor(power).double(), torch.tensor(spread).double())
    assert float(torch.trapezoid(torch.exp(-nats), log_r)) == pytest.approx(1.0, abs=0.01)


def test_noise_is_least_surprising_as_noise_of_its_own_power() -> None:
    w = torch.randn(2, 200_000, generator=generator()) / 2**0.5
    r = 3.0 * torch.hypot(w[0], w[1])

    def mean(power: float, spread: float) -> float:
        return float(surprise(r, torch.tensor(power), torch.tensor(spread)).mean())

    best = min((mean(math.log(9.0), s), s) for s in (0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8))[1]
    assert float(noise_share(torch.tensor(best))) == 1.0
    assert mean(math.log(9.0), best) < min(mean(math.log(9.0) + d, best) for d in (-0.4, 0.4))


def test_what_is_known_well_is_a_tone() -> None:
    share = noise_share(torch.tensor([LEAST_SPREAD, TONE_SPREAD, 0.25, 0.3, NOISE_SPREAD, MOST_SPREAD]))
    assert share[:2].tolist() == [0.0, 0.0]
    assert share[4:].tolist() == [1.0, 1.0]
    assert bool((share.diff() >= 0).all())
    raw = torch.tensor([-100.0, 0.0, 100.0])
    found = spread_of(raw)
    assert found[0] == pytest.approx(LEAST_SPREAD)
    assert found[2] == pytest.approx(MOST_SPREAD)


@pytest.mark.parametrize("hz", [1000.0, 1011.7, 8000.0])
def test_a_narrow_peak_is_a_tone(hz: float) -> None:
    stft = Stft(1024, 160)
    sine = torch.sin(2 * math.pi * hz * torch.arange(4096) / RATE)[None]
    noise = 0.001 * torch.randn(1, 4096, generator=generator())
    power = 2 * torch.log(spectra(sine + noise, stft)[0, 10].abs())
    share, at = peak_share(power), round(hz * 1024 / RATE)
    assert bool((share[at - 1 : at + 2] > 0.95).all())
    assert float(share[: at - 3].sum() + share[at + 4 :].sum()) < 8  # of 513: noise has few chance peaks


def test_what_is_smooth_or_dense_has_no_narrow_peaks() -> None:
    slope = -torch.arange(513) * 0.01
    assert float(peak_share(slope).max()) == 0
    hill = 3 * torch.exp(-(((torch.arange(513) - 200.0) / 8) ** 2))  # 26 dB high, but wider than a window's lobe
    assert float(peak_share(slope + hill).max()) == 0
    assert float(peak_share(torch.zeros(2, 3, 513)).max()) == 0


def test_components_are_fitted_and_come_back() -> None:
    model = tiny(latent_dim=44)
    clips = [torch.sin(2 * math.pi * hz * torch.arange(12000) / RATE)[None] for hz in torch.linspace(200, 8000, 30)]
    fit_components(model, clips)
    unit, _, _ = model.spectra(clips[7])
    logs = log_magnitudes(unit)
    again = model.from_shape(model.to_shape(logs - model.from_shape.bias))
    spread = (logs - model.from_shape.bias).square().mean()
    assert float((again - logs).square().mean() / spread) < 0.05
    shapes = torch.cat([model.to_shape(log_magnitudes(model.spectra(c)[0]) - model.from_shape.bias) for c in clips], 1)
    torch.testing.assert_close(shapes[0].square().mean(0), torch.ones(37), rtol=0.05, atol=0.05)


def test_the_level_is_that_of_the_latent_whatever_the_shape() -> None:
    model = tiny()
    latents = torch.randn(1, 60, 16, generator=generator())
    latents[..., 1:SHAPE] = 0
    for level in (0.01, 0.1):
        latents[..., 0] = level_to_latent(torch.tensor(level))
        heard = render(model, latents)[0, 2000:-2000].square().mean().sqrt()
        assert 20 * math.log10(float(heard) / level) == pytest.approx(0, abs=3.0)  # random tones at odds


def test_a_gain_moves_the_level_alone() -> None:
    model = tiny()
    audio = 0.1 * torch.randn(1, 4000, generator=generator())
    loud, quiet = model.posterior(audio).mean, model.posterior(0.1 * audio).mean
    torch.testing.assert_close(loud[..., 1:], quiet[..., 1:], rtol=0, atol=2e-3)
    ratio = latent_to_level(quiet[..., 0]) / latent_to_level(loud[..., 0])
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.1), rtol=1e-3, atol=0)


def test_silence_stays_silence() -> None:
    model = tiny()
    assert float(render(model, model.posterior(torch.zeros(1, 4000)).mean).abs().max()) < 1e-7


def centroid(audio: Tensor) -> float:
    power = torch.fft.rfft(audio).abs().square()
    return float((power * torch.linspace(0, RATE / 2, power.shape[-1])).sum() / power.sum())


@pytest.mark.parametrize("octaves", [-1.0, -0.5, 0.5, 1.0])
def test_brightness_moves_the_centroid_and_keeps_the_level(octaves: float) -> None:
    model = tiny()
    latents = torch.zeros(1, 80, 16)
    latents[..., SHAPE:] = 0.5 * torch.randn(9, generator=generator())
    latents[..., 1] = -1.0  # away from the middle of the spectrum, which leaves no octave upwards
    plain = render(model, latents)[0]
    latents[..., 1] += octaves
    moved = render(model, latents)[0]
    assert math.log2(centroid(moved) / centroid(plain)) == pytest.approx(octaves, abs=0.15)
    assert 10 * math.log10(float(moved.square().mean() / plain.square().mean())) == pytest.approx(0, abs=1.0)


def test_noisiness_moves_power_from_tone_to_noise() -> None:
    model = tiny()
    latents = torch.randn(1, 10, 16, generator=generator())
    latents[..., 1:SHAPE] = 0
    labels = latents.new_zeros(1, 10, 0)
    powers = []
    for noisiness in (-1.0, 0.0, 1.0):
        latents[..., 2] = noisiness
        _, tone, noise = model.magnitudes(None, latents, labels)
        powers.append((float(tone.square().sum()), float(noise.square().sum())))
    assert powers[0][0] > powers[1][0] > powers[2][0]
    assert powers[0][1] < powers[1][1] < powers[2][1]
    assert sum(powers[0]) == pytest.approx(sum(powers[1]), rel=1e-4)
    assert sum(powers[2]) == pytest.approx(sum(powers[1]), rel=1e-4)


def test_intensity_is_what_goes_with_the_level_within_recordings() -> None:
    model = tiny()

    class Told:
        config = model.config

        def posterior(self, rows: Tensor) -> Posterior:  # a recording that is a latent already
            return Posterior(rows.view(1, -1, 16), rows.view(1, -1, 16))

    slope = torch.linspace(-1, 1, 16)
    slope[0] = 1.0
    recordings = []
    for seed in range(4):
        level = torch.randn(320, 1, generator=generator(seed)).cumsum(0) * 0.03
        noise = 0.01 * torch.randn(320, 16, generator=generator(seed + 9))
        noise[:, 0] = 0
        recordings.append((level * slope + noise + 5 * torch.randn(16, generator=generator(seed + 20))).flatten())
    torch.testing.assert_close(fit_intensity(Told(), recordings), slope, rtol=0, atol=0.02)  # type: ignore[arg-type]
    assert fit_intensity(model, [torch.zeros(400)]).tolist() == [1.0] + [0.0] * 15
    model.intensity[:] = slope
    latents = torch.zeros(1, 5, 16)
    moved = model.steered(latents, "intensity", torch.full((5,), 30.0))
    torch.testing.assert_close(moved[0, 2, SHAPE:], slope[SHAPE:])
    assert bool((moved[..., :SHAPE] == 0).all())


def test_noise_is_of_the_seed() -> None:
    model = tiny()
    latents = torch.zeros(1, 20, 16)
    latents[..., 2] = 2
    first, again, other = (render(model, latents, seed) for seed in (1, 1, 2))
    assert bool((first == again).all())
    assert float((first - other).abs().max()) > 0.1 * float(first.abs().max())


def test_splices_leave_some_clips_whole_and_take_pieces_of_others() -> None:
    clip = draw_splices(64, 75, generator())
    own = torch.arange(64)[:, None]
    whole = (clip == own).all(1)
    assert 0 < int((~whole).sum()) < 40
    changes = (clip[:, 1:] != clip[:, :-1]).nonzero()
    assert bool((changes[:, 1] >= 3).all())
    assert torch.equal(clip, draw_splices(64, 75, generator()))


def test_the_objective_has_its_terms_and_their_gradients() -> None:
    model = tiny()
    for name, weight in model.named_parameters():
        weight.requires_grad_("_shape" not in name)
    audio = 0.1 * torch.randn(3, 12000, generator=generator())
    latents = model.posterior(audio).sample(generator())
    terms = model.objective(audio, latents, torch.zeros(3, 0), generator())
    assert set(terms) == {"surprise", "linear", "mel", "bands", "loudness"}
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters() if p.requires_grad)
    silent = model.objective(torch.zeros(1, 4000), model.posterior(torch.zeros(1, 4000)).mean, torch.zeros(1, 0))
    assert all(bool(value.isfinite()) for value in silent.values())


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"hop_length": 322}, "hop_length must be a multiple of 4, got 322"),
        ({"window_length": 512}, "window_length must be a multiple of 4 and at least 640, twice hop_length, got 512"),
        ({"latent_dim": 7}, r"latent_dim must be >= 8 \(level, two controls, four of an envelope, the rest\), got 7"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
    ],
)
def test_sizes_that_cannot_be(sizes: dict[str, int], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        model_config("spectral", {**SIZES, **sizes})


def test_tiny_is_below_what_counts() -> None:
    assert TINY < LEAST * 1e-4
