"""Residual quantizers: against brute force and known optima, what each level adds, seeds, and what a run leaves."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import done, refused, run
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lgr.codecs.coded import read_quantizer
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, WeightsError
from lgr.models.rvq import ResidualQuantizer, nearest
from lgr.sound.audio import save_audio
from lgr.train.latents import Latents
from lgr.train.quantizer.fit import QuantizerTrainConfig, fit_quantizer
from lgr.train.quantizer.train import measure, train_quantizer

RATE, HOP = 8000, 80
TOY = ToyCodec(40, sample_rate=RATE, hop_length=HOP)
QUICK = QuantizerTrainConfig(steps=60, batch_size=512, crop_frames=32, keep=0.9)


def latents(rows: Tensor, recordings: int = 20) -> Latents:
    """``(n, latent_dim)`` as the latents of ``recordings`` of one length."""
    length = len(rows) // recordings
    starts = tuple(i * length for i in range(recordings))
    return Latents(rows.half(), starts, (length,) * recordings, ("all",) * recordings)


def fitted(material: Latents, levels: int, entries: int, **changes: Any) -> ResidualQuantizer:
    form = changes.pop("form", None)
    return fit_quantizer(material, replace(QUICK, **changes), form=form, levels=levels, entries=entries)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def correlated(n: int, seed: int) -> Tensor:
    """Rows of 8 numbers that hang together and have other variances."""
    return drawn(n, 8, seed=seed) @ (drawn(8, 8, seed=99) * torch.linspace(0.2, 2, 8))


FORM = drawn(8, 8, seed=7) @ drawn(8, 8, seed=7).T  # how far apart such rows sound


def test_nearest_is_brute_force() -> None:
    rows, book = drawn(50, 5), drawn(17, 5, seed=1)
    wanted = [min(range(17), key=lambda j: float((row - book[j]).square().sum())) for row in rows]
    assert nearest(rows, book).tolist() == wanted


def test_quantize_is_nearest_after_nearest_and_dequantize_is_their_sum() -> None:
    quantizer = fitted(latents(correlated(2000, 0)), 3, 12, form=FORM)
    x = correlated(30, 1)
    codes = quantizer.quantize(x.T[None])
    assert codes.shape == (1, 3, 30)
    assert codes.dtype == torch.int64
    form = quantizer.turn @ quantizer.turn.T
    for frame in range(30):
        said = quantizer.mean
        for level in range(3):
            entries = quantizer.entries[level].float() * quantizer.steps[level] @ quantizer.back
            off = [x[frame] - said - entry for entry in entries]
            heard = torch.tensor([float(each @ form @ each) for each in off])
            assert int(codes[0, level, frame]) == int(heard.argmin())
            said = said + entries[heard.argmin()]
            torch.testing.assert_close(quantizer.dequantize(codes[:, : level + 1])[0, :, frame], said)


def test_two_gaussians_are_found() -> None:
    centres = torch.tensor([[4.0, -3.0], [-4.0, 1.0]])
    which = torch.arange(8000) % 2
    rows = centres[which] + 0.5 * drawn(8000, 2)
    quantizer = fitted(latents(rows), 1, 2)
    found = quantizer.codebook(0) + quantizer.mean
    found = found[found[:, 0].argsort(descending=True)]
    torch.testing.assert_close(found, centres, atol=0.1, rtol=0)
    # what is left is the variance within them
    fresh = centres[which] + 0.5 * drawn(8000, 2, seed=1)
    between = float(((centres - centres.mean(0)) ** 2).mean(0).sum())
    assert measure(quantizer, latents(fresh))[0].left == pytest.approx(0.5 / (0.5 + between), rel=0.05)


def test_every_gaussian_of_many_has_an_entry_and_no_entry_lies_between_them() -> None:
    centres = 10 * drawn(6, 4, seed=3)
    rows = centres[torch.arange(9000) % 6] + 0.3 * drawn(9000, 4)
    quantizer = fitted(latents(rows), 1, 16)
    found = quantizer.codebook(0) + quantizer.mean
    distances = torch.cdist(found, centres)
    assert float(distances.amin(1).max()) < 1.5  # five standard deviations
    assert float(distances.amin(0).max()) < 1.5


@pytest.mark.parametrize(("entries", "optimum"), [(2, 0.3634), (4, 0.1175), (8, 0.03454)])
def test_a_gaussian_is_said_as_well_as_it_can_be(entries: int, optimum: float) -> None:
    """Max, Quantizing for minimum distortion, IRE Trans. Information Theory 6, 1960, table I."""
    quantizer = fitted(latents(drawn(40000, 1)), 1, entries, steps=100, batch_size=2048, keep=0.5)
    held_out = measure(quantizer, latents(drawn(40000, 1, seed=1)))[0]
    assert optimum * 0.98 < held_out.left < optimum * 1.03
    assert held_out.perplexity <= held_out.used == entries


def test_every_level_leaves_less_and_has_no_dead_entries() -> None:
    quantizer = fitted(latents(correlated(20000, 0)), 5, 32, steps=40, batch_size=2048, form=FORM)
    uses = measure(quantizer, latents(correlated(8000, 1)))
    left = [use.left for use in uses]
    assert left == sorted(left, reverse=True)
    assert left[0] < 0.6
    assert left[4] < 0.2
    for use in uses:
        assert use.used == 32
        assert use.perplexity > 16


def test_measures_are_those_of_their_definitions() -> None:
    quantizer = fitted(latents(correlated(2000, 0)), 2, 4, form=FORM)
    held_out = correlated(500, 1).half().float()
    uses = measure(quantizer, latents(held_out))
    codes = quantizer.quantize(held_out.T[None])
    for level, use in enumerate(uses):
        error = (held_out - quantizer.dequantize(codes[:, : level + 1])[0].T) @ quantizer.turn
        whole = (held_out - quantizer.mean) @ quantizer.turn
        assert use.left == pytest.approx(float(error.square().sum() / whole.square().sum()), rel=1e-4)
        shares = [float((codes[0, level] == j).float().mean()) for j in range(4)]
        assert use.perplexity == pytest.approx(2 ** -sum(p * math.log2(p) for p in shares if p), rel=1e-4)


def test_eight_bits_cost_little() -> None:
    quantizer = ResidualQuantizer(6, levels=1, entries=40)
    rows = drawn(40, 6) * torch.tensor([0.01, 0.1, 1, 10, 100, 0])
    quantizer.set_codebook(0, rows)
    off = (quantizer.codebook(0) - rows).abs().amax(0)
    assert bool((off <= rows.abs().amax(0) / 254 + 1e-8).all())


def test_a_fingerprint_tells_quantizers_apart() -> None:
    material = latents(correlated(2000, 0))
    one, again, other = (fitted(material, 2, 8, seed=seed, steps=3) for seed in (1, 1, 2))
    assert one.fingerprint() == again.fingerprint() != other.fingerprint()
    assert len(one.fingerprint()) == 16


def tone(hz: float, seconds: float = 0.6) -> Tensor:
    time = torch.arange(int(seconds * RATE)) / RATE
    return (0.3 * torch.sin(2 * math.pi * hz * time) + 0.02 * drawn(len(time), seed=int(hz)))[None]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for i in range(8):
        save_audio(folder / f"tone_{i}.wav", tone(110 * (i + 2)), RATE)
    return folder


def test_a_run_leaves_a_quantizer_and_a_card_and_replays(sounds: Path, tmp_path: Path) -> None:
    said: list[str] = []
    options: dict[str, Any] = {"codec": TOY, "config": replace(QUICK, steps=5), "levels": 3, "entries": 16}
    trained = train_quantizer(sounds, tmp_path / "a", **options, licence="CC0", report=said.append)
    kept = (tmp_path / "a" / "quantizer.safetensors").read_bytes()
    read = read_quantizer(tmp_path / "a" / "quantizer.safetensors", TOY.info)
    assert read.fingerprint() == trained.fingerprint()
    with safe_open(tmp_path / "a" / "quantizer.safetensors", "pt") as file:
        assert json.loads(file.metadata()["codec"]) == TOY.info.to_json()
    card = (tmp_path / "a" / "quantizer.md").read_text()
    assert "3 levels of 16 entries, 0.4 kbit/s a level" in card
    assert "Licence of the quantizer: CC0." in card
    assert "lgr train quantizer --codec toy" in card
    assert len([line for line in card.splitlines() if line.startswith(("| 1 |", "| 2 |", "| 3 |"))]) == 3
    with (tmp_path / "a" / "quantizer_data.csv").open(newline="") as lines:
        uses = [row["use"] for row in csv.DictReader(lines)]
    assert (uses.count("training"), uses.count("held out")) == (7, 1)
    assert said[-1].startswith("held out: 3 levels leave ")
    with pytest.raises(ArgumentError, match="out already holds a quantizer, and it is kept"):
        train_quantizer(sounds, tmp_path / "a", **options)
    train_quantizer(sounds, tmp_path / "a", **options, force=True)
    train_quantizer(sounds, tmp_path / "b", **options)
    for folder in ("a", "b"):
        assert (tmp_path / folder / "quantizer.safetensors").read_bytes() == kept
    other = train_quantizer(sounds, tmp_path / "c", **{**options, "config": replace(QUICK, steps=5, seed=1)})
    assert other.fingerprint() != trained.fingerprint()


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"levels": 0}, "levels must be 1 to 64, got 0"),
        ({"entries": 1}, "entries must be 2 to 65536, got 1"),
        ({"entries": 60000}, "data must hold as many latent frames as a level has entries .60000., got 840"),
    ],
)
def test_what_cannot_be_is_refused(sounds: Path, tmp_path: Path, bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        train_quantizer(sounds, tmp_path / "out", codec=TOY, config=QUICK, **bad)
    assert not (tmp_path / "out" / "quantizer.safetensors").exists()


def test_a_quantizer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path, size = tmp_path / "quantizer.safetensors", TOY.info.latent_dim
    fits = ResidualQuantizer(size, levels=1, entries=4).state_dict()
    save_file(fits, path)
    assert read_quantizer(path, TOY.info).entries.shape == (1, 4, size)  # a file that does not say whose it is
    with pytest.raises(WeightsError, match=f"must be for latents of 9, got a quantizer of {size}"):
        read_quantizer(path, replace(TOY.info, latent_dim=9))
    save_file(fits, path, {"codec": json.dumps({"name": "mine", "version": "old"})})
    with pytest.raises(WeightsError, match=r"weights beside it .version new., got one for 'mine' .version old."):
        read_quantizer(path, replace(TOY.info, version="new"))
    for damage in ({"codec": "no json"}, {"codec": "[1]"}):
        save_file(fits, path, damage)
        with pytest.raises(WeightsError, match="must hold a quantizer that `lgr train quantizer` wrote"):
            read_quantizer(path, TOY.info)
    save_file({"mean": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="must hold a quantizer that `lgr train quantizer` wrote"):
        read_quantizer(path, TOY.info)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="must hold a quantizer that `lgr train quantizer` wrote"):
        read_quantizer(path, TOY.info)


def test_the_command_line(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained"
    common = ["train", "quantizer", "--codec", "toy", "--data", sounds]
    said = done(*common, "--out", out, "--steps", 2, "--levels", 2, "--entries", 8)
    assert f"{out}: trained for toy; {out / 'quantizer.safetensors'} in the folder of that codec gives it codes" in said
    refused(tmp_path, *common, "--out", out, says="already holds a quantizer")
    missing, new = tmp_path / "missing", tmp_path / "new"
    refused(tmp_path, "train", "quantizer", "--codec", "toy", "--data", missing, "--out", new, says=f"got {missing}")
    assert not new.exists()


def test_stopping_says_that_nothing_was_written(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lgr.train.quantizer.train.fit_quantizer", stop)
    result = run("train", "quantizer", "--codec", "toy", "--data", sounds, "--out", tmp_path / "run", "--entries", 8)
    assert "stopped; no quantizer was written" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run" / "quantizer.safetensors").exists()
