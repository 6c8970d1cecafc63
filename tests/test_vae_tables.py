"""The tables of the grain models: their measures against brute force, their rules, and one tiny run of each."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_grain_model import TinyConfig, TinyModel, register

from benchmarks import vae_classes, vae_figure1, vae_granular, vae_runs, vae_speed, vae_tables, vae_textures
from benchmarks.vae_figure1 import choose_pair
from benchmarks.vae_held_out import HeldOutClip, held_out, material, spread
from benchmarks.vae_runs import Run, Setup, check_never_heard, trained
from benchmarks.vae_scores import load_scorer, plain, spectral_scores, summary
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.models.granular.temporal import TemporalConfig, TemporalVAE
from lgr.train.data import Clip

RATE = 24000
TEXTURES = ("sea_waves", "rain", "thunderstorm")
SIZES: dict[str, Any] = {"sample_rate": RATE, "hop_length": 240}
SMALL: dict[str, Any] = {"batch_size": 2, "crop_seconds": 0.1}
TINY: dict[str, Any] = {"kind": "tiny", "sizes": SIZES, "changes": SMALL}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    register(monkeypatch)
    monkeypatch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noises of three sources a class, coloured by class and source, and one a class that may not be passed on."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for category, labels, seconds in (
        ("drums8", ("Kick", "Snare"), 0.3),
        ("notes", ("flute", "piano"), 0.3),
        ("textures", TEXTURES, 2.2),
    ):
        for k, label in enumerate(labels):
            for source in range(4):
                noise = np.random.default_rng(100 * k + source).uniform(-1, 1, int(seconds * RATE))
                sound = np.convolve(noise, np.ones(1 + 4 * k), "same") / (3 + 4 * k) / (source + 1)
                if category == "drums8":
                    sound *= np.exp(-20 * np.arange(len(sound)) / RATE)
                name = f"{label}{source}.wav"
                soundfile.write(folder / name, sound, RATE)
                licence = "nc" if source == 3 else "yes"
                rows.append((name, category, label, label, f"{label}:{source}", licence))
    with (folder / "manifest.csv").open("w", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(("path", "category", "class", "instrument", "group", "redistributable"))
        table.writerows(rows)
    return folder / "manifest.csv"


@pytest.fixture
def setup(manifest: Path, tmp_path: Path) -> Setup:
    scorer = tmp_path / "scorer.py"
    scorer.write_text(
        "def score(a, b, sr):\n"
        "    assert sr == 24000 and a.shape == b.shape\n"
        "    error = abs(a - b).mean() / abs(a).mean()\n"
        "    return dict(mstft=error, lsd=2 * error, env=1.0, sisdr=float('nan'))\n"
    )
    return Setup(data=manifest, work=tmp_path / "work", models=tmp_path / "models", scorer=scorer, minutes=1.0, steps=2)


def options(setup: Setup, out: Path, *only: str) -> list[str]:
    paths = {"data": setup.data, "scorer": setup.scorer, "work": setup.work, "models": setup.models, "out": out}
    words = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    return [*words, "--minutes", "1", "--steps", "2", "--threads", "1", "--only", *only]


# ---- measures --------------------------------------------------------------------------------------------------------


def test_rmse_and_lsd_are_what_their_definition_says() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3000, generator=generator).double() for _ in range(2))
    found = spectral_scores(a, b, 512)
    window = torch.hann_window(512).double()
    frames = 1 + 3000 // 128
    padded = [torch.nn.functional.pad(x, (256, 256)) for x in (a, b)]
    squares, distances = [], []
    for i in range(frames):
        x, y = (torch.fft.rfft(p[128 * i : 128 * i + 512] * window).abs() for p in padded)
        squares.append((x - y).square())
        distances.append(((5e-3 + x**2).log() - (5e-3 + y**2).log()).square().mean().sqrt())
    assert found["rmse"] == pytest.approx(float(torch.stack(squares).mean().sqrt()), rel=1e-4)
    assert found["lsd_paper"] == pytest.approx(float(torch.stack(distances).mean()), rel=1e-4)
    assert spectral_scores(a, a, 512) == {"rmse": 0.0, "lsd_paper": 0.0}


def test_a_summary_leaves_out_what_is_no_number() -> None:
    rows = [{"x": 1.0, "y": math.nan}, {"x": 2.0, "y": 5.0}, {"x": 6.0, "y": math.inf}]
    found = summary(rows)
    assert found["x"] == {"mean": 3.0, "sd": pytest.approx(math.sqrt(7)), "median": 2.0}
    assert found["y"] == {"mean": 5.0, "sd": 0.0, "median": 5.0}
    assert plain({"a": [math.nan, 1.0], "b": (math.inf, "c")}) == {"a": [None, 1.0], "b": [None, "c"]}


def test_a_scorer_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"--scorer must be a Python file .* got .*nothing\.py"):
        load_scorer(tmp_path / "nothing.py")


def test_accuracy_counts_every_class_alike() -> None:
    table = vae_classes.confusion(list("aaab"), list("aabb"), ["a", "b", "c"])
    assert table.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert vae_classes.accuracy(table) == pytest.approx((2 / 3 + 1) / 2)


def test_features_of_a_hit_do_not_know_its_level() -> None:
    noise = torch.randn(6000, generator=torch.Generator().manual_seed(1)) * torch.linspace(1, 0, 6000) ** 3
    loud, soft, other = (vae_classes.features(x) for x in (0.5 * noise, 0.05 * noise, 0.5 * noise.cumsum(0) / 80))
    assert np.abs(loud - soft).max() < 0.1 * np.abs(loud - other).max()


# ---- what is tested on -----------------------------------------------------------------------------------------------


def test_clips_are_taken_from_classes_and_groups_in_turn() -> None:
    def clip(i: int, label: str, group: str) -> Clip:
        return Clip(path=f"{label}{group}{i}", category="c", label=label, group=group)

    clips = [clip(i, "x", "g") for i in range(5)] + [clip(0, "x", "h"), clip(0, "y", "k"), clip(1, "y", "k")]
    chosen = spread(clips, 4)
    assert [(c.label, c.group) for c in chosen] == [("x", "g"), ("y", "k"), ("x", "h"), ("y", "k")]
    assert sorted(c.path for c in spread(clips, 99)) == sorted(c.path for c in clips)


def test_what_is_held_out_shares_no_source_with_training(setup: Setup) -> None:
    training = {clip.group for clip in material(setup, "textures", TEXTURES).training}
    few = held_out(setup, "textures", TEXTURES)
    all_of_them = held_out(setup, "textures", TEXTURES, every_licence=True)
    assert len(training) == 6
    assert len(few) == 3
    assert {c.group for c in all_of_them} == {c.group for c in few} | {f"{label}:3" for label in TEXTURES}
    assert not training & {c.group for c in all_of_them}
    assert all(c.audio.shape == (int(2.2 * RATE),) for c in few)
    assert len(held_out(replace(setup, clips=2), "textures", TEXTURES)) == 2


def test_a_model_that_heard_the_test_is_refused(tmp_path: Path) -> None:
    (tmp_path / "training_data.csv").write_text("name,class,use\nd/a.wav,x,training\nd/b.wav,x,held out\n")
    check_never_heard(tmp_path, ["/somewhere/d/b.wav"])
    with pytest.raises(ArgumentError, match=r"must not have been trained on held-out clips, got d/a\.wav"):
        check_never_heard(tmp_path, ["/somewhere/d/a.wav", "/somewhere/d/b.wav"])


def test_pairs_of_figure_1_follow_their_rule() -> None:
    t = torch.arange(RATE) / RATE

    def clip(path: str, group: str, level: float, hz: float) -> HeldOutClip:
        return HeldOutClip(path, "rain", group, level * torch.sin(2 * math.pi * hz * t))

    clips = [clip("a", "1", 0.5, 900), clip("b", "1", 0.01, 900), clip("c", "2", 0.3, 100), clip("d", "3", 0.02, 500)]
    clips.append(clip("silent", "4", 1e-5, 500))
    assert [second.clip.path for second in choose_pair("rain", clips)] == ["a", "d"]
    assert [second.clip.path for second in choose_pair("thunderstorm", clips)] == ["c", "b"]
    with pytest.raises(ArgumentError, match="audible seconds of two sources of rain, got 2 seconds"):
        choose_pair("rain", clips[:2])


# ---- what is trained -------------------------------------------------------------------------------------------------


def test_a_model_is_trained_once(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(name="one", category="notes", **TINY)
    assert trained(run, replace(setup, training=False)) is None
    first = trained(run, setup)
    assert first is not None
    assert first.steps == 2
    calls: list[bool] = []

    def count(*args: Any, resume: bool, **more: Any) -> None:
        calls.append(resume)
        raise ArgumentError("called")

    monkeypatch.setattr(vae_runs, "train_model", count)
    again = trained(run, setup)
    assert again is not None
    assert again.codec.info.version == first.codec.info.version
    with pytest.raises(ArgumentError, match=r"holds another tiny \(steps 2 and not 3\)"):
        trained(run, replace(setup, steps=3))
    with pytest.raises(ArgumentError, match="latent_dim 6 and not 4"):
        trained(replace(run, sizes={**SIZES, "latent_dim": 4}), setup)
    assert calls == []
    (setup.work / "one" / "metrics.json").unlink()  # as a killed run leaves it
    with pytest.raises(ArgumentError, match="called"):
        trained(run, setup)
    with pytest.raises(ArgumentError, match="called"):
        trained(replace(run, name="two"), setup)
    assert calls == [True, False]


# ---- whole tables ----------------------------------------------------------------------------------------------------


def test_texture_tables_from_tiny_models(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_of(model: str, classes: tuple[str, ...]) -> Run:
        return Run(name=f"{model}_{len(classes)}_{classes[0]}", category="textures", classes=classes, **TINY)

    for module in (vae_textures, vae_figure1):
        monkeypatch.setattr(module, "run_of", run_of)
    monkeypatch.setattr(vae_textures, "MODELS", {"noiseband": ("tiny", SIZES, {})})
    monkeypatch.setattr(vae_figure1, "MODELS", {"Tiny": ("not-there", "noiseband")})
    monkeypatch.setattr(vae_figure1, "CLASSES", ("rain",))
    clip = tmp_path / "storm.wav"
    soundfile.write(clip, np.random.default_rng(5).uniform(-0.5, 0.5, RATE), RATE)
    out = tmp_path / "out"
    vae_tables.main([*options(setup, out, "table2"), "--no-training"])
    assert json.loads((out / "vae_table2.json").read_text())["models"] == {}
    vae_tables.main([*options(setup, out, "table2", "thunder", "figure1"), "--thunder-clip", str(clip)])
    table = json.loads((out / "vae_table2.json").read_text())
    assert set(table["models"]) == {"noiseband, singly", "noiseband, combined"}
    for row in table["models"].values():
        assert set(row) == set(TEXTURES)
        assert all(figures["mstft"] > 0 and figures["frechet_mel_statistics"] > 0 for figures in row.values())
    thunder = json.loads((out / "vae_thunder.json").read_text())
    assert thunder["storm"]["clips"] == 1
    assert thunder[vae_textures.HELD_OUT]["clips"] == thunder[vae_textures.DARK]["clips"] == 2
    assert "| paper: encodec-vae 16 |  | 0.093 | 1.71 | 20.7 |" in (out / "vae_thunder.md").read_text()
    figure = json.loads((out / "vae_figure1.json").read_text())
    assert figure["rain"]["from"].split()[0] != figure["rain"]["to"].split()[0]
    assert "relative_flux" in figure["rain"]["Tiny"]
    assert (out / "vae_figure1_rain.png").stat().st_size > 1000


def test_table_1_from_tiny_models(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vae_granular, "run_of", lambda domain, decoder: Run(name=domain + decoder, category="drums8", **TINY)
    )
    monkeypatch.setattr(vae_granular, "DOMAINS", {"drums": ("drums8", 256, ("not-there",))})
    monkeypatch.setattr(vae_granular, "DECODERS", ("fi", "fi+pp"))
    out = tmp_path / "out"
    vae_tables.main(options(setup, out, "table1"))
    found = json.loads((out / "vae_table1.json").read_text())["drums"]
    assert found["clips"] == 2
    assert set(found["decoders"]) == {"fi", "fi+pp"}
    for row in found["decoders"].values():
        assert row["steps"] == 2
        assert row["step_seconds"] > 0
        assert row["figures"]["lsd"]["median"] == pytest.approx(2 * row["figures"]["mstft"]["median"])
        assert "sisdr" not in row["figures"]  # not a number on any clip
    assert "(2.79)" in (out / "vae_table1.md").read_text()


def test_speed_and_classes_of_tiny_models(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    labels = ("Kick", "Snare")
    model = TinyModel(TinyConfig(labels=labels, sample_rate=RATE, hop_length=240))
    temporal = TemporalVAE(TemporalConfig(latent_dim=6, frames=30, embedding_dim=4, labels=labels))
    codec = TrainedCodec(model, temporal, name="drums")
    monkeypatch.setattr(vae_classes, "shipped", lambda name, setup: codec)
    monkeypatch.setattr(vae_classes, "N_A_CLASS", 3)
    monkeypatch.setattr(vae_classes, "NEIGHBOURS", 1)
    monkeypatch.setattr(vae_speed, "FRESH", {"tiny": ("tiny", SIZES)})
    out = tmp_path / "out"
    vae_tables.main(options(setup, out, "speed", "classes"))
    timed = json.loads((out / "vae_speed.json").read_text())
    assert timed["threads"] == 1
    assert 0 < timed["cpu"]["tiny"]["best"] <= timed["cpu"]["tiny"]["median"]
    assert timed["cpu"]["tiny"]["weights"] == sum(p.numel() for p in TinyModel(TinyConfig(**SIZES)).parameters())
    found = json.loads((out / "vae_classes.json").read_text())
    assert found["chance"] == 0.5
    assert found["real hits of other sources"]["accuracy"] == 1.0  # white noise and dull noise
    assert found["real hits of other sources"]["hits"] == 4
    assert found["the same through the embedding"]["hits"] == 4
    assert np.sum(found["sampled hits"]["confusion"], 1).tolist() == [3, 3]
