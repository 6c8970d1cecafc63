"""What grain models are trained on: bad files, silence, one recording, splits, labels, one-shots."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny_grain_model import RATE, TinyConfig, register, write_sounds

from lgr.errors import ArgumentError, AudioFileError
from lgr.models.labels import label_weights
from lgr.train.data import Clip
from lgr.train.material import choose_clips, gather, split_in_time
from lgr.train.vae.batches import hidden_labels
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.one_shots import PEAK, one_shot
from lgr.train.vae.train import train_model


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    monkeypatch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def trained(data: Path, out: Path, *, steps: int = 1, labels: bool = False) -> list[dict[str, Any]]:
    """Train a tiny model and give what was reported."""
    rows: list[dict[str, Any]] = []
    config = VaeTrainConfig(steps=steps, batch_size=3, crop_seconds=0.2, log_every=1, windows=(256, 64))
    train_model("tiny", data, out, config=config, model_config=TinyConfig(), labels=labels, report=rows.append)
    return rows


def gathered(data: Path, tmp_path: Path, **options: Any) -> Any:
    return gather(choose_clips(data), sample_rate=RATE, cache=tmp_path / "cache", shortest=256, **options)


def test_corrupt_files_are_named_skipped_and_counted(sounds: Path, tmp_path: Path) -> None:
    data = write_sounds(tmp_path / "data")
    (data / "bell" / "torn.wav").write_bytes((data / "bell" / "0.wav").read_bytes()[:200])
    (data / "bell" / "page.wav").write_text("<html>not found</html>")
    out = tmp_path / "run"
    rows = trained(data, out)
    note = next(row["note"] for row in rows if "left out" in row.get("note", ""))
    assert note.startswith("2 of 10 recordings left out: ")
    assert "torn.wav is cut short" in note
    assert "page.wav holds text, not audio" in note
    metrics = json.loads((out / "metrics.json").read_text())
    assert len(metrics["left_out"]) == 2
    again = gathered(data, tmp_path)  # the cache remembers
    assert [Path(path).name for path, _ in again.skipped] == ["page.wav", "torn.wav"]
    for file in data.rglob("?.wav"):
        file.unlink()
    with pytest.raises(ArgumentError, match=r"data must hold a recording that can be read, got 2 that cannot: .*page"):
        gathered(data, tmp_path)


def test_silence_is_left_out_and_silence_alone_refused(tmp_path: Path) -> None:
    data = write_sounds(tmp_path / "data")
    soundfile.write(data / "hiss" / "silent.wav", np.zeros(RATE), RATE)
    material = gathered(data, tmp_path)
    assert [(Path(path).name, why.strip()) for path, why in material.skipped] == [("silent.wav", "is silent")]
    assert len(material.training) + len(material.held_out) == 8
    for file in data.rglob("?.wav"):
        file.unlink()
    with pytest.raises(ArgumentError, match="data must hold sound, got 1 silent recordings"):
        gathered(data, tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioFileError, match="no wav, flac, ogg or mp3 file found"):
        trained(tmp_path / "empty", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_files_shorter_than_a_grain_are_used(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for i in range(4):
        soundfile.write(data / f"{i}.wav", 0.3 * np.ones(40 + i), RATE)
    rows = trained(data, tmp_path / "run", steps=2)
    assert any(row.get("note", "").startswith("4 recordings are shorter than a grain (256 samples)") for row in rows)
    assert all(math.isfinite(row["loss"]) for row in rows if "loss" in row)


@pytest.mark.parametrize("as_file", [False, True])
def test_one_recording_is_split_in_time(tmp_path: Path, as_file: bool) -> None:
    file = write_sounds(tmp_path / "data", n=1, seconds=4.0) / "hiss" / "0.wav"
    rows = trained(file if as_file else file.parent, tmp_path / "run")
    note = next(row["note"] for row in rows if "one source" in row.get("note", ""))
    assert "the first 80 % of each recording trains and the last 15 % tests" in note
    assert note in (tmp_path / "run" / "README.md").read_text()
    table = (tmp_path / "run" / "training_data.csv").read_text()
    assert "(to 3.20 s)" in table
    assert "(from 3.40 s)" in table


def test_parts_of_a_split_recording_do_not_overlap(tmp_path: Path) -> None:
    clips = [Clip(path="a", category="x", label="x", group="a", start=100, samples=20 * RATE)]
    (training,), (held_out,) = split_in_time(clips, RATE)
    assert (training.start, training.samples) == (100, 16 * RATE)
    assert (held_out.start, held_out.start + held_out.samples) == (100 + 17 * RATE, 100 + 20 * RATE)
    with pytest.raises(ArgumentError, match=r"or a second of sound to be split, got 0.50 s"):
        split_in_time([replace(clips[0], samples=RATE // 2)], RATE)


def test_groups_are_never_separated_and_classes_are_all_held_out(sounds: Path, tmp_path: Path) -> None:
    material = gathered(sounds, tmp_path)
    assert {clip.label for clip in material.held_out} == {"bell", "hiss"} == set(material.labels)
    assert {c.group for c in material.training}.isdisjoint(c.group for c in material.held_out)
    shipped = frozenset(clip.group for clip in choose_clips(sounds))
    with pytest.raises(ArgumentError, match="got none but always held-out ones"):
        gathered(sounds, tmp_path, always_held_out=shipped)


def test_rows_of_a_manifest_are_chosen(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "path,category,class,instrument,group,redistributable,licence,attribution\n"
        "a.wav,drums8,Kick,,g1,yes,CC0-1.0,by a\nb.wav,drums8,Snare,,g2,nc,CC-BY-NC,by b\n"
        "c.wav,notes,,flute,g3,yes,CC-BY-4.0,by c\n"
    )
    assert [clip.label for clip in choose_clips(tmp_path)] == ["Kick", "flute"]
    assert [clip.label for clip in choose_clips(tmp_path, redistributable_only=False)] == ["Kick", "Snare", "flute"]
    chosen = choose_clips(tmp_path, categories=["DRUMS8"], redistributable_only=False)
    assert [(clip.label, clip.category, clip.attribution) for clip in chosen] == [
        ("Kick", "Kick", "by a"),
        ("Snare", "Snare", "by b"),
    ]
    assert [clip.label for clip in choose_clips(tmp_path, classes=["kick"])] == ["Kick"]
    with pytest.raises(ArgumentError, match=r"category must be among those of the data \(drums8, notes\), got drum"):
        choose_clips(tmp_path, categories=["drum"])
    with pytest.raises(ArgumentError, match=r"class must be among those of the data \(Kick\), got tom"):
        choose_clips(tmp_path, categories=["drums8"], classes=["tom"])


def test_labels_need_classes(tmp_path: Path) -> None:
    data = write_sounds(tmp_path / "data") / "bell"
    with pytest.raises(ArgumentError, match="labels need two classes or more to tell apart, got all"):
        trained(data, tmp_path / "run", labels=True)


def test_labels_are_hidden_as_often_as_asked() -> None:
    names = ["b", "a", "?"] * 400
    whole = label_weights(names, ("a", "b"))
    assert whole[:3].tolist() == [[0, 1], [1, 0], [0, 0]]
    hidden = hidden_labels(whole, 0.25, torch.Generator().manual_seed(0))
    assert bool((hidden <= whole).all())
    assert float(hidden.sum() / whole.sum()) == pytest.approx(0.75, abs=0.05)
    assert label_weights(names, ()).shape == (1200, 0)


def test_a_one_shot_begins_with_its_onset() -> None:
    audio = torch.zeros(4000)
    audio[1000:3000] = torch.linspace(0.2, 0.1, 2000)
    cut = one_shot(audio, 3000, RATE)
    assert cut.shape == (3000,)
    assert bool((cut[:24] == 0).all())  # 3 ms
    assert float(cut[24]) == pytest.approx(PEAK)
    assert bool((cut[2024:] == 0).all())
    short = one_shot(audio, 500, RATE)
    assert float(short[-1]) == 0
    torch.testing.assert_close(short[:300], cut[:300])
    assert bool(one_shot(torch.zeros(10), 20, RATE).eq(0).all())
