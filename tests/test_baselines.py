"""Baselines: one length, one level and one set of refusals for all; then what each of them promises."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import done, refused, two_sounds
from scipy.stats import chisquare
from torch import Tensor

from lgr.baselines import Mosaic, baseline_names, play_baseline
from lgr.baselines.mosaic import BANDS, overlap_add, pieces
from lgr.codecs import ToyCodec
from lgr.errors import ArgumentError, LgrError
from lgr.rendering import render
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio
from lgr.sound.mel import mel_filters

RATE, HOP = 8000, 80
EXACT = ToyCodec(sample_rate=RATE, hop_length=HOP)
QUICK: dict[str, dict[str, Any]] = {"particle": {"particles": 30, "iterations": 3}, "nmf": {"window": 512}}
DRAWS = ("random", "nmf", "particle")
Pair = tuple[Tensor, int]


def noise(channels: int = 1, frames: float = 60, seed: int = 0, rate: int = RATE) -> Pair:
    """Noise whose colour and level wander, so that its grains differ."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(channels, round(frames * HOP), generator=generator)
    time = torch.arange(white.shape[1]) / RATE
    share = 0.5 + 0.5 * torch.sin(2 * torch.pi * 3 * time + seed)
    dark = torch.nn.functional.avg_pool1d(white, 9, 1, 4) * 3
    return 0.1 * (share * white + (1 - share) * dark) * (0.3 + share), rate


def play(name: str, target: Pair | Path, sources: Any, *, codec: Any = EXACT, **options: Any) -> Mosaic:
    return play_baseline(name, target, sources, codec=codec, **QUICK.get(name, {}), **options)


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


# ---- what holds for all --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", baseline_names())
@pytest.mark.parametrize("rate", [RATE, 5501])
def test_a_result_is_as_long_as_its_target(name: str, rate: int) -> None:
    target = noise(frames=41.3, rate=rate)
    result = play(name, target, [noise(seed=1), noise(seed=2, frames=12)])
    samples = target[0].shape[1] if rate == RATE else round(target[0].shape[1] * RATE / rate)
    assert (tuple(result.audio.shape), result.sample_rate) == ((1, samples), RATE)
    assert bool(result.audio.isfinite().all())
    assert 0.01 < float(result.audio.abs().max()) <= 1
    assert (result.name, result.seed) == (name, 0)
    assert result.seconds > 0


@pytest.mark.parametrize("name", baseline_names())
def test_a_faster_target_keeps_its_rate(name: str) -> None:
    target = noise(frames=50.7, rate=11025)
    result = play(name, target, [noise(seed=1)])
    assert (tuple(result.audio.shape), result.sample_rate) == (tuple(target[0].shape), 11025)


@pytest.mark.parametrize("name", baseline_names())
def test_a_seed_replays_and_another_is_another_result(name: str) -> None:
    target, sources = noise(), [noise(seed=1)]
    first, again, other = (play(name, target, sources, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.audio, again.audio)
    assert first.score == again.score
    assert torch.equal(first.audio, other.audio) == (name not in DRAWS)


@pytest.mark.parametrize("name", [n for n in baseline_names() if n != "unchanged"])
@pytest.mark.parametrize("stereo", ["target", "source"])
def test_two_channels_where_the_target_or_a_source_has_them(name: str, stereo: str) -> None:
    target, source = noise(2 if stereo == "target" else 1), noise(2 if stereo == "source" else 1, seed=1)
    result = play(name, target, [source, noise(seed=2)])
    assert result.audio.shape == (2, target[0].shape[1])
    assert not torch.equal(result.audio[0], result.audio[1])
    alike = play(name, (target[0][:1].repeat(2, 1), RATE), [(source[0][:1], RATE)])
    torch.testing.assert_close(alike.audio[0], alike.audio[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", baseline_names())
def test_the_level_is_the_targets_or_the_methods_own(name: str) -> None:
    target = noise()[0] * torch.linspace(0.05, 1, noise()[0].shape[1])
    sources = [noise(seed=1)]
    followed = play(name, (target, RATE), sources)
    own = play(name, (target, RATE), sources, match_loudness=False)

    def levels(audio: Tensor) -> Tensor:
        return 10 * torch.log10(audio[:, : audio.shape[1] // 400 * 400].view(-1, 400).square().mean(1))

    assert float((levels(followed.audio) - levels(target)).abs().max()) < 1.5  # dB in each 50 ms
    if name in ("random", "source", "mosaic"):
        assert float((levels(own.audio) - levels(target)).abs().max()) > 6


silent, short = (torch.zeros(1, 4000), RATE), noise(frames=3)


@pytest.mark.parametrize("name", baseline_names())
@pytest.mark.parametrize(
    ("target", "sources"),
    [
        (silent, [noise()]),
        (noise(), []),
        (noise(), [silent]),
        (noise(), [noise(), short]),
        (noise(), "glass.wav"),
        (noise(), [Path("nowhere.wav")]),
        ((torch.full((1, 4000), torch.nan), RATE), [noise()]),
        ((torch.zeros(4000), RATE), [noise()]),
    ],
)
def test_what_resynthesise_refuses_is_refused_in_its_words(name: str, target: Any, sources: Any) -> None:
    with pytest.raises(LgrError) as theirs:
        resynthesise(target, sources, codec=EXACT)
    with pytest.raises(type(theirs.value)) as ours:
        play(name, target, sources)
    assert str(ours.value) == str(theirs.value)


def test_what_a_baseline_does_not_know_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"name must be one of random, .*, got 'nfm'"):
        play_baseline("nfm", noise(), [noise(seed=1)], codec=EXACT)
    with pytest.raises(ArgumentError, match=r"'mosaic' must be among its own \(coefficients\), got temperature"):
        play_baseline("mosaic", noise(), [noise(seed=1)], codec=EXACT, temperature=1)
    with pytest.raises(ArgumentError, match="seed must be a whole number >= 0, got -1"):
        play_baseline("random", noise(), [noise(seed=1)], codec=EXACT, seed=-1)
    with pytest.raises(ArgumentError, match="grain_frames must be >= 1, got 0"):
        play_baseline("random", noise(), [noise(seed=1)], codec=EXACT, grain_frames=0)


def test_a_mosaic_keeps_its_options_and_saves_its_audio(tmp_path: Path) -> None:
    result = play("mosaic", noise(), [noise(seed=1)], coefficients=7)
    assert result.options == {"coefficients": 7}
    audio, rate = load_audio(result.save(tmp_path / "out.wav"))
    assert rate == RATE
    assert torch.equal(audio, result.audio)


# ---- random, unchanged, source -------------------------------------------------------------------------------------


def test_random_grains_are_uniform_over_all_recordings() -> None:
    frames = (12, 30)
    target = noise(frames=4200)
    score = play("random", target, [noise(frames=n) for n in frames], grain_frames=3, seed=5).score
    assert score is not None
    counts = [np.bincount(score.source_frame[score.recording == i], minlength=n - 2) for i, n in enumerate(frames)]
    assert [len(each) for each in counts] == [10, 28]
    assert np.concatenate(counts).sum() == len(score) == 1400
    assert chisquare(np.concatenate(counts)).pvalue > 0.01
    np.testing.assert_allclose(score.probability, 1 / 38, rtol=1e-6)
    np.testing.assert_allclose(score.entropy, np.log(38), rtol=1e-6)


def test_random_grains_are_played_again_from_their_score(tmp_path: Path) -> None:
    folder = two_sounds(tmp_path)
    result = play("random", folder / "target.wav", [folder / "source.wav"], codec="bundled", seed=2)
    assert result.score is not None
    assert torch.equal(render(result.score)[0], result.audio)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("match_loudness", [True, False])
def test_unchanged_is_a_resynthesis_without_grains(channels: int, match_loudness: bool) -> None:
    codec = ToyCodec(latent_dim=30, sample_rate=RATE, hop_length=HOP)
    target, sources = noise(channels, frames=33.4), [noise(seed=1)]
    result = play("unchanged", target, sources, codec=codec, match_loudness=match_loudness)
    dry = ResynthConfig(wet=0, match_loudness=match_loudness)  # type: ignore[arg-type]
    torch.testing.assert_close(
        result.audio, resynthesise(target, sources, codec=codec, config=dry).audio, rtol=0, atol=1e-6
    )


def test_source_plays_the_sources_on_and_on() -> None:
    a, b = noise(frames=7.5, seed=1), noise(frames=20, seed=2)
    result = play("source", noise(frames=100), [a, b], match_loudness=False)
    once = torch.cat([a[0], b[0]], 1)
    torch.testing.assert_close(result.audio, torch.cat([once] * 4, 1)[:, : 100 * HOP])
    assert result.score is None


# ---- mosaic --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grain_frames", [1, 3, 4, 8])
def test_a_target_inside_the_sources_is_put_together_again(grain_frames: int) -> None:
    target = noise(frames=64)
    result = play("mosaic", target, [noise(seed=1), target], grain_frames=grain_frames, match_loudness=False)
    score = result.score
    assert score is not None
    inside = score.target_frame + grain_frames <= 64
    assert score.recording[inside].tolist() == [1] * int(inside.sum())
    assert score.source_frame[inside].tolist() == score.target_frame[inside].tolist()
    whole = int(score.target_frame[inside][-1]) * HOP
    torch.testing.assert_close(result.audio[:, :whole], target[0][:, :whole], rtol=0, atol=1e-5)
    assert correlation(result.audio, target[0]) > 0.99


def test_the_nearest_grain_is_the_nearest_of_all() -> None:
    target, source = noise(frames=30), noise(frames=80, seed=1)
    score = play("mosaic", target, [source], coefficients=5).score
    assert score is not None

    def cepstra(audio: Tensor, at: Any) -> Tensor:
        """From their definition: cosines over the logarithms of mel bands at most 60 dB deep."""
        spectra = torch.fft.rfft(pieces(audio, HOP, 4)[at] * torch.hann_window(4 * HOP))
        power = spectra.abs().square() @ mel_filters(4 * HOP, BANDS, RATE).T
        logs = torch.maximum(power, power.amax(1, keepdim=True) / 1e6).log10().double()
        band = (torch.arange(BANDS) + 0.5).double() * torch.pi / BANDS
        return torch.stack([(logs * torch.cos(k * band)).sum(1) * (2 / BANDS) ** 0.5 for k in range(1, 6)], 1)

    distance = torch.cdist(
        cepstra(target[0][0], torch.from_numpy(score.target_frame[:-1])), cepstra(source[0][0], slice(None))
    )
    chosen = distance.gather(1, torch.from_numpy(score.source_frame[:-1, None]))[:, 0]
    torch.testing.assert_close(chosen, distance.amin(1), rtol=0, atol=1e-4)


def test_no_gain_changes_what_is_chosen() -> None:
    target, source = noise(), noise(seed=1)
    first, second = (play("mosaic", (target[0] * gain, RATE), [source]).score for gain in (1.0, 0.02))
    assert first is not None
    assert second is not None
    assert first.source_frame.tolist() == second.source_frame.tolist()


def test_grains_next_to_silence_are_left_out() -> None:
    target, loud = noise(), noise(seed=1)
    quiet = torch.cat([loud[0], target[0] * 1e-4, torch.zeros(1, 800)], 1)  # 80 dB down lies the very target
    score = play("mosaic", target, [(quiet, RATE)]).score
    assert score is not None
    assert score.source_frame.max() < 60


def test_grains_that_play_on_sound_as_they_did() -> None:
    source = noise(2, frames=40)
    score = play("mosaic", source, [source], match_loudness=False).score
    assert score is not None
    played = overlap_add((source[0],), score, 2)
    torch.testing.assert_close(played[:, : 36 * HOP], source[0][:, : 36 * HOP], rtol=0, atol=1e-5)


def test_mosaic_refuses_what_it_cannot_compare() -> None:
    for given in (0, BANDS):
        with pytest.raises(ArgumentError, match=rf"coefficients must be in \[1, {BANDS}\), got {given}"):
            play("mosaic", noise(), [noise(seed=1)], coefficients=given)


# ---- command line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["random", "mosaic", "nmf"])
def test_the_command_writes_what_the_function_returns(name: str, tmp_path: Path) -> None:
    folder = two_sounds(tmp_path)
    out, score = folder / "out.wav", folder / "out.json"
    written = () if name == "nmf" else ("--score", score)
    said = done("baseline", name, folder / "source.wav", "-t", folder / "target.wav", "-o", out, "--seed", 4, *written)
    result = play_baseline(name, folder / "target.wav", [folder / "source.wav"], seed=4)
    assert torch.equal(load_audio(out)[0], result.audio)
    assert f"1.00 s, 24000 Hz, mono; {name}; made in" in said
    assert score.exists() == (name != "nmf")


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("nothing", (), "NAME must be one of random, unchanged, source, mosaic, nmf, particle, got 'nothing'"),
        ("nmf", ("--score", "score.json"), "--score goes with random and mosaic, which choose grains, got 'nmf'"),
        ("mosaic", ("--grain-frames", "0"), "grain_frames must be >= 1, got 0"),
        ("mosaic", ("--codec", "nocodec"), "nocodec"),
    ],
)
def test_the_command_refuses_in_a_line(name: str, more: tuple[str, ...], says: str, tmp_path: Path) -> None:
    folder = two_sounds(tmp_path)
    options = ("-t", folder / "target.wav", "-o", folder / "out.wav", *more)
    refused(folder, "baseline", name, folder / "source.wav", *options, says=says)


@pytest.mark.parametrize("codec", [(), ("--codec", "bundled")])
def test_the_score_of_a_mosaic_is_not_rendered(codec: tuple[str, ...], tmp_path: Path) -> None:
    two_sounds(tmp_path)
    score = tmp_path / "mosaic.json"
    sources = ("baseline", "mosaic", tmp_path / "source.wav", "-t", tmp_path / "target.wav")
    done(*sources, "-o", tmp_path / "mosaic.wav", "--score", score)
    refused(tmp_path, "render", score, "-o", tmp_path / "again.wav", *codec, says="pieces of waveform, which no codec")


def test_the_command_takes_no_codebook(tmp_path: Path) -> None:
    folder = two_sounds(tmp_path)
    done("codebook", "build", folder / "source.wav", "-o", folder / "book")
    options = ("-t", folder / "target.wav", "-o", folder / "out.wav")
    refused(folder, "baseline", "random", folder / "book", *options, says="SOURCE must name recordings for a baseline")
