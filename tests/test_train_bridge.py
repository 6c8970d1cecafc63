"""Training bridges: what is left behind, that a seed gives the same weights, that resuming changes nothing."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from coded_toy import clip, toy
from command_line import done, refused

from lgr.bridge.files import KINDS, load_bridge, open_bridge
from lgr.codecs.base import codes_version
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError
from lgr.progress import silent
from lgr.sound.audio import save_audio
from lgr.train.bridge.config import BridgeTrainConfig
from lgr.train.bridge.data import draw, pairs_of
from lgr.train.bridge.train import some_of, train_bridge
from lgr.train.data import AudioCache, Clip
from lgr.train.latents import latents_of
from lgr.train.material import Material

RATE = 8000
MODEL: dict[str, Any] = {"most_given": 2, "width": 16, "layers": 1, "heads": 2, "reach": 4, "expansion": 2}


def recipe(**changes: Any) -> BridgeTrainConfig:
    quick = {"steps": 6, "batch_size": 3, "crop_frames": 16, "validate_every": 3, "copies": 1, "warmup_steps": 2}
    return BridgeTrainConfig(**(quick | changes))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for name in ("violin", "rain", "drum_loop", "speech_reader", "flute", "glass"):
        save_audio(folder / f"{name}.wav", clip(name, 1, RATE), RATE)
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_leaves_a_folder_that_opens(kind: str, sounds: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    out = tmp_path / "run"
    bridge = train_bridge(
        sounds, out, kind=kind, codec=toy(), config=recipe(), model=MODEL, licence="MIT", report=rows.append
    )
    assert bridge.kind == kind
    assert load_bridge(out, toy()).config == bridge.config
    assert [row["step"] for row in rows if "held_out" in row] == [3, 6]
    opened, made_for, codes = open_bridge(out)
    assert (made_for, codes) == (toy().info, codes_version(toy()))
    torch.testing.assert_close(opened.turn @ opened.back, torch.eye(40), rtol=0, atol=1e-3)
    card = (out / "README.md").read_text()
    metrics = json.loads((out / "metrics.json").read_text())
    for said in (
        f"# Bridge ({kind}) for toy",
        "Licence of the weights: MIT",
        f"{metrics['recordings']['training']} recordings (0.1 minutes) for training",
        f"    lgr train bridge --kind {kind} --codec toy\n",
        "6 steps of 3 crops of 16 frames",
        f"| the coarse latents | {metrics['held_out']['coarse']:.3f} |",
        f"| the bridge's, in one evaluation | {metrics['held_out']['bridged']:.3f} |",
    ):
        assert said in card
    with (out / "training_data.csv").open() as lines:
        told = {row["name"].split("/")[-1]: row["use"] for row in csv.DictReader(lines)}
    assert len(told) == 6
    assert set(told.values()) == {"training", "held out"}
    assert set(metrics["held_out"]) == {"coarse", "bridged"}
    assert metrics["recordings"]["training"] + metrics["recordings"]["held_out"] == 6


def test_the_same_seed_gives_the_same_bytes_and_resuming_changes_nothing(sounds: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"kind": "schrodinger", "codec": toy(), "model": MODEL}
    whole, again, parts, other = (tmp_path / name for name in ("whole", "again", "parts", "other"))
    train_bridge(sounds, whole, config=recipe(), **options)
    train_bridge(sounds, again, config=recipe(), **options)
    assert weights(again) == weights(whole)
    train_bridge(sounds, other, config=recipe(seed=1), **options)
    assert weights(other) != weights(whole)

    class StopError(Exception):
        pass

    def stop(row: dict[str, Any]) -> None:
        if "held_out" in row and row["step"] == 3:
            raise StopError

    eager = recipe(checkpoint_seconds=0)  # a checkpoint after every step
    with pytest.raises(StopError):
        train_bridge(sounds, parts, config=eager, report=stop, **options)
    assert not (parts / "model.safetensors").exists()
    assert torch.load(parts / "checkpoint.pt", weights_only=True)["step"] == 2
    train_bridge(sounds, parts, config=eager, resume=True, **options)
    assert weights(parts) == weights(whole)
    with pytest.raises(ArgumentError, match="config must be that of the run being resumed"):
        train_bridge(sounds, parts, config=recipe(learning_rate=0.1), resume=True, **options)


def test_what_is_held_out_never_trains_and_groups_stay_together(tmp_path: Path) -> None:
    """Other sounds in the held-out files, and the weights are the same; in a training file, and they are others."""
    names = ("violin", "rain", "drum_loop", "speech_reader", "flute", "glass")
    rows = ["path,category,group"]
    for name in names:  # two files of each source
        for i in range(2):
            save_audio(tmp_path / f"{name}{i}.wav", clip(name, 2, RATE)[:, i * RATE : (i + 1) * RATE], RATE)
            rows.append(f"{name}{i}.wav,all,{name}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    options: dict[str, Any] = {"kind": "regression", "codec": toy(), "model": MODEL, "redistributable_only": False}

    def trained(run: str, **changes: Any) -> dict[str, set[str]]:
        """The groups of each use."""
        train_bridge(tmp_path / "manifest.csv", tmp_path / run, config=recipe(**changes), **options)
        uses: dict[str, set[str]] = {"training": set(), "held out": set()}
        files: list[str] = []
        with (tmp_path / run / "training_data.csv").open() as lines:
            for row in csv.DictReader(lines):
                uses[row["use"]].add(row["group"])
                files.append(row["group"])
        assert all(files.count(group) == 2 for group in files)
        return uses

    first = trained("first")
    assert first["training"] | first["held out"] == set(names)
    assert not first["training"] & first["held out"]
    half = trained("half", data_share=0.5)
    assert half["training"] < first["training"]
    assert half["held out"] == first["held out"]
    for use, same in (("held out", True), ("training", False)):
        other = tmp_path / f"{min(first[use])}0.wav"
        save_audio(other, clip("choir", 1, RATE), RATE, force=True)
        trained(use)
        assert (weights(tmp_path / use) == weights(tmp_path / "first")) == same


def test_a_share_of_the_data_is_whole_groups_of_every_category() -> None:
    clips = [
        Clip(path=f"{c}{g}{i}", category=c, label=c, group=f"{c}{g}") for c in "ab" for g in range(10) for i in range(3)
    ]
    material = Material(cache=AudioCache([], torch.zeros(0).numpy(), RATE), training=clips, held_out=[], labels=())
    tenth = some_of(material, 0.1)
    assert {c.category for c in tenth} == {"a", "b"}
    assert len({c.group for c in tenth}) == 2
    assert len(tenth) == 6
    assert {c.path for c in tenth} <= {c.path for c in some_of(material, 0.3)}
    assert some_of(material, 1.0) == clips


def test_batches_are_what_the_codes_say(sounds: Path, tmp_path: Path) -> None:
    """The coarse latents of a batch are those of its codes, turned; padding is marked; given levels are in range."""
    files = sorted(sounds.glob("*.wav"))
    clips = [Clip(path=str(f), category=f.stem, label="", group=f.stem) for f in files]
    cache = AudioCache.build(clips, tmp_path, RATE)
    pairs = pairs_of(latents_of(cache, cache.clips, toy(), tmp_path, silent), toy(), None, silent)
    network = load_bridge_config()
    batch = draw(pairs, network, recipe(batch_size=8, crop_frames=150), torch.Generator().manual_seed(0))
    assert batch.fine.shape == (8, 150, 40)
    assert set((batch.setting + 1).tolist()) <= {1, 2}
    assert (batch.known.sum(1) == 100).all()  # a second of frames, and padding
    for i in range(8):
        given, known = int(batch.setting[i]) + 1, batch.known[i]
        latents = toy().dequantize(batch.codes[i : i + 1, :given])[0].T
        torch.testing.assert_close(
            batch.coarse[i][known], ((latents - pairs.mean) @ pairs.turn)[known], rtol=1e-3, atol=1e-3
        )
        fine = batch.fine[i][known] @ pairs.back + pairs.mean
        assert torch.equal(toy().quantize(fine.half().float().T[None])[0, 0], batch.codes[i, 0][known])


def load_bridge_config() -> Any:
    from lgr.bridge.config import BridgeConfig

    return BridgeConfig(latent_dim=40, levels=4, entries=64, **MODEL)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "bridge"}, "kind must be one of regression, tokens, coarse-to-fine, schrodinger, got 'bridge'"),
        ({"codec": ToyCodec(40, sample_rate=RATE, hop_length=80)}, "codec must be one that has codes, got toy"),
        ({"resume": True}, "out must hold a checkpoint to resume from"),
        ({"model": {"given": 3, "most_given": 2}}, "given and most_given must be in order"),
    ],
)
def test_what_cannot_be_trained_is_told(change: dict[str, Any], says: str, sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=says):
        train_bridge(sounds, tmp_path / "run", **({"codec": toy(), "config": recipe(), "model": MODEL} | change))
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_run_that_is_there_is_kept(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"kept")
    with pytest.raises(ArgumentError, match="out already holds a training run"):
        train_bridge(sounds, tmp_path, codec=toy(), config=recipe(), model=MODEL)
    assert weights(tmp_path) == b"kept"


@pytest.mark.parametrize(
    ("change", "says"),
    [({"steps": 0}, "steps must be >= 1"), ({"data_share": 0.0}, "data_share"), ({"more_given": 1.0}, "more_given")],
)
def test_a_recipe_that_cannot_be_is_told(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        recipe(**change)


def test_the_command_line_trains(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "bridge"
    small = ("--width", 12, "--layers", 1, "--batch-size", 2, "--steps", 2)
    said = done("train", "bridge", "--kind", "regression", "--data", sounds, "-o", out, *small)
    assert f"lgr refine --bridge {out}" in said
    card = (out / "README.md").read_text()
    assert str(sounds) not in card
    refused(
        tmp_path, "train", "bridge", "--data", sounds, "-o", tmp_path / "x", "--kind", "x", says="kind must be one of"
    )
