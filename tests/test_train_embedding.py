"""Training an embedding: what is learned from, that it learns, that a seed gives the same weights, and what is left."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import done, refused

from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError
from lgr.latents.embedding import open_embedding
from lgr.models.timbre_embedding import TimbreEmbeddingConfig
from lgr.sound.audio import save_audio
from lgr.train.embedding.config import EmbeddingTrainConfig
from lgr.train.embedding.data import Grains
from lgr.train.embedding.sounds import at_another_speed, cepstra, changed, log_mel, normalised
from lgr.train.embedding.steps import RIDGE, balance, contrast, draw, fit
from lgr.train.embedding.train import train_embedding

RATE, HOP = 8000, 80
TOY = ToyCodec(40, sample_rate=RATE, hop_length=HOP)
SMALL: dict[str, Any] = {"hidden": 16, "cepstra": 6, "contrast": 4}


def tone(hz: float, seconds: float = 0.6, seed: int = 0) -> torch.Tensor:
    """A harmonic tone with a little noise, ``(samples,)``."""
    time = torch.arange(int(seconds * RATE)) / RATE
    noise = torch.randn(time.shape, generator=torch.Generator().manual_seed(seed))
    partials = [torch.sin(2 * math.pi * f * time) / (i + 1) for i, f in enumerate(torch.arange(hz, 3500, hz).tolist())]
    return 0.2 * torch.stack(partials).sum(0) + 0.01 * noise


def made_up_grains(recordings: int = 12, seed: int = 0) -> Grains:
    """Grains whose latents are a fixed mixture of their recording's cepstra, at a gain, and noise."""
    g = torch.Generator().manual_seed(seed)
    own = torch.randn(1, recordings, 1, 6, 1, generator=g).expand(3, -1, 5, -1, 4)
    target = own + 0.1 * torch.randn(own.shape, generator=g)
    mixture = torch.randn(8, 6, generator=g)
    latents = torch.einsum("ij,crwjt->crwit", mixture, target)
    latents = torch.cat([latents[..., :1].expand(-1, -1, -1, -1, 3), latents], -1)
    latents = torch.cat([latents, torch.randn(3, recordings, 5, 2, 7, generator=g)], 3)  # two numbers mean nothing
    return Grains(latents.half(), target.half())


NETWORK = TimbreEmbeddingConfig(latent_dim=10, hidden=16, cepstra=6, contrast=4)


def recipe(**changes: Any) -> EmbeddingTrainConfig:
    return EmbeddingTrainConfig(**({"steps": 40, "batch_size": 8, "copies": 2, "grains": 4} | changes))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for i in range(8):
        save_audio(folder / f"tone_{i}.wav", tone(110 * (i + 2), seed=i)[None].clamp(-1, 1), RATE)
    return folder


def test_what_is_changed_keeps_its_length_and_has_the_same_magnitudes_but_for_a_tilt() -> None:
    audio = tone(220)
    for seed in range(6):
        other = changed(audio, RATE, torch.Generator().manual_seed(seed))
        assert other.shape == audio.shape
        assert -40.1 < 20 * math.log10(float(other.abs().max())) < 0.2
        ratio = torch.fft.rfft(other).abs() / torch.fft.rfft(audio).abs()
        partials = [round(f * len(audio) / RATE) for f in (220, 440, 880, 1760, 3080)]
        steps = 20 * torch.log10(ratio[partials])
        # 3.8 octaves at 1.5 dB, and what the all-passes smear at the ends
        assert float(steps.max() - steps.min()) < 1.5 * 3.8 + 1.5
        assert not torch.allclose(normalised(other), normalised(audio), atol=0.05)
    again = changed(audio, RATE, torch.Generator().manual_seed(5))
    assert torch.equal(again, other)


def test_another_speed_moves_pitch_and_length_alike() -> None:
    audio = tone(400, seconds=1)
    other = at_another_speed(audio, RATE, torch.Generator().manual_seed(1))
    speed = len(audio) / len(other)
    assert 2 ** (-5 / 12) - 0.01 < speed < 2 ** (5 / 12) + 0.01
    assert abs(speed - 1) > 0.01
    peak = torch.fft.rfft(other).abs().argmax() * RATE / len(other)
    assert abs(float(peak) / 400 - speed) < 0.01


def test_cepstra_are_the_cosine_transform_and_do_not_hear_gain() -> None:
    from scipy.fft import dct

    spectra = log_mel(tone(220), HOP, RATE)
    assert spectra.shape == (60, 64)
    wanted = dct(spectra.numpy(), norm="ortho", axis=1)[:, 1:7]
    torch.testing.assert_close(cepstra(spectra, 6), torch.from_numpy(wanted), atol=1e-4, rtol=0)
    quiet = cepstra(log_mel(0.1 * tone(220), HOP, RATE), 6)
    torch.testing.assert_close(quiet, cepstra(spectra, 6), atol=0.02, rtol=0)


def test_a_frames_spectrum_ends_with_its_hop() -> None:
    audio = torch.zeros(10 * HOP)
    audio[5 * HOP] = 1
    loud = log_mel(audio, HOP, RATE).amax(1) > -4.9
    assert loud.tolist() == [False] * 5 + [True] * 5  # the window is five hops long


def test_draws_are_pairs_of_one_recording() -> None:
    g = torch.arange(5)[None, :, None, None, None].expand(2, 5, 3, 1, 7)
    grains = Grains(g.half(), g[..., :4].half())
    latents, target = draw(grains, 4, torch.Generator().manual_seed(0))
    assert latents.shape == (8, 1, 7)
    assert target.shape == (8, 1, 4)
    owners = latents[:, 0, 0].tolist()
    assert owners[:4] == owners[4:]
    assert len(set(owners[:4])) == 4


def test_contrast_is_infonce_by_brute_force() -> None:
    outputs = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0))
    rows = outputs.flatten(1) - outputs.flatten(1).mean(0)
    total, right = 0.0, 0
    for i in range(6):
        cosines = [float(torch.cosine_similarity(rows[i], rows[j], dim=0)) for j in range(6)]
        others = [j for j in range(6) if j != i]
        pair = (i + 3) % 6
        total += math.log(sum(math.exp((cosines[j] - cosines[pair]) / 0.2) for j in others))
        right += max(others, key=lambda j: cosines[j]) == pair
    loss, share = contrast(outputs, 0.2)
    assert float(loss) == pytest.approx(total / 6, abs=1e-5)
    assert float(share) == pytest.approx(right / 6)


def test_it_learns() -> None:
    _, log = fit(made_up_grains(), NETWORK, recipe(steps=150, learning_rate=0.01))
    assert log[-1]["cepstra"] < 0.5 * log[0]["cepstra"]
    assert log[-1]["contrast"] < 0.6 * log[0]["contrast"]


def test_a_seed_gives_the_same_weights() -> None:
    grains = made_up_grains()
    before = torch.random.get_rng_state()
    net, again, other = (fit(grains, NETWORK, recipe(steps=10, seed=seed))[0] for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name])
    assert not torch.allclose(net.first.weight, other.first.weight)


def test_the_linear_part_is_the_ridge_regression_of_one_frame_a_grain() -> None:
    grains = made_up_grains()
    net, _ = fit(grains, NETWORK, recipe(steps=1))
    x = net.standardised(grains.latents[..., :4].flatten(0, 2).float()).flatten(1).double()
    target = grains.cepstra.flatten(0, 2).float()
    mean, scale = target.mean((0, 2)), target.movedim(1, 2).flatten(0, 1).std(0)
    y = ((target[..., 0] - mean) / scale).double()
    # ridge as a least-squares problem with rows that pull towards zero
    pull = math.sqrt(RIDGE * len(x)) * torch.eye(x.shape[1], dtype=torch.float64)
    wanted = torch.linalg.lstsq(torch.cat([x, pull]), torch.cat([y, torch.zeros(len(pull), 6).double()])).solution
    torch.testing.assert_close(net.linear.weight.flatten(1).T, wanted.float(), atol=1e-4, rtol=0)
    left = (x.float() @ net.linear.weight.detach().flatten(1).T - y.float()).square().mean()
    assert float(left) < 0.1  # the latents are a mixture of these very cepstra


def test_balance_gives_contrast_its_share() -> None:
    grains = made_up_grains()
    net, _ = fit(grains, NETWORK, recipe(steps=5, contrast_share=0.4))
    x = grains.latents[0].flatten(0, 1).float()
    shares = net(x[..., 3:], x[..., :3]).detach().var((0, 2))
    assert float(shares[6:].sum() / shares.sum()) == pytest.approx(0.4, abs=1e-4)
    balance(net, grains, torch.ones(6), recipe(contrast_share=0.0))
    assert float(net.balance[6:].abs().max()) == 0


def test_a_run_leaves_an_embedding_and_a_card_and_replays(sounds: Path, tmp_path: Path) -> None:
    said: list[str] = []
    options: dict[str, Any] = {"codec": TOY, "config": recipe(pitch_invariant=True, copies=3), "model": SMALL}
    trained = train_embedding(sounds, tmp_path / "a", **options, report=said.append)
    latents = TOY.encode(tone(300)[None, None])
    assert trained.features(latents).shape == (1, 10, 60)
    opened = open_embedding(tmp_path / "a")
    assert opened.codec == TOY.info
    assert opened.fingerprint == trained.fingerprint
    card = (tmp_path / "a" / "README.md").read_text()
    assert "overhear gain, phase, tilt, noise and pitch" in card
    assert "lgr train embedding --codec toy" in card
    metrics = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert set(metrics["held_out"]) == {"features", "cepstra"}
    assert metrics["recipe"]["steps"] == 40
    with (tmp_path / "a" / "training_data.csv").open(newline="") as lines:
        uses = [row["use"] for row in csv.DictReader(lines)]
    assert (uses.count("training"), uses.count("held out")) == (7, 1)
    assert said
    assert said[-1].startswith("held out: features ")
    # the second run reads what the first one encoded, the third encodes again
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a" / "cache").iterdir()}
    with pytest.raises(ArgumentError, match="out already holds a trained model, and it is kept"):
        train_embedding(sounds, tmp_path / "a", **options)
    again = train_embedding(sounds, tmp_path / "a", **options, force=True)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a" / "cache").iterdir()} == kept
    elsewhere = train_embedding(sounds, tmp_path / "b", **options)
    for other in (again, elsewhere):
        torch.testing.assert_close(other.features(latents), trained.features(latents))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"batch_size": 1}, "batch_size must be >= 2, got 1"),
        ({"temperature": 0.0}, "temperature must be > 0, got 0.0"),
        ({"contrast_share": 1.0}, "contrast_share must be at least 0 and below 1, got 1.0"),
        ({"pitch_invariant": True, "copies": 2}, "copies must be >= 3 to be invariant to pitch, got 2"),
    ],
)
def test_recipes_out_of_range_are_refused(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        EmbeddingTrainConfig(**bad)


def test_too_little_data_is_refused(tmp_path: Path) -> None:
    for i in range(2):
        save_audio(tmp_path / f"{i}.wav", tone(200 + 50 * i)[None].clamp(-1, 1), RATE)
    with pytest.raises(ArgumentError, match="at least two recordings to tell apart in training, got one"):
        train_embedding(tmp_path, tmp_path / "out", codec=TOY, config=recipe(), model=SMALL)


def test_the_command_line(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained"
    said = done("train", "embedding", "--codec", "toy", "--data", sounds, "--out", out, "--steps", 2)
    assert f"{out}: trained for toy; try it with --metric learned --embedding {out}" in said
    source, target, played = sounds / "tone_1.wav", sounds / "tone_2.wav", tmp_path / "out.wav"
    done("resynth", source, "-t", target, "-o", played, "--codec", "toy", "--metric", "learned", "--embedding", out)
    refused(tmp_path, "train", "embedding", "--codec", "toy", "--data", sounds, "--out", out, says="already holds a")
    missing = tmp_path / "missing"
    refused(tmp_path, "train", "embedding", "--data", missing, "--out", tmp_path / "new", says=f"got {missing}")
    assert not (tmp_path / "new").exists()
