"""Codebooks there and back, and everything that can be wrong with one on disk."""

import dataclasses
import json
from pathlib import Path

import pytest
from made_up import CODEC, assert_same, made, recording

from lgr.codebook import GrainCodebook
from lgr.errors import ArgumentError, CodebookError


@pytest.mark.parametrize("lanes", [(1, 1, 1), (2, 1, 2)])
@pytest.mark.parametrize("own_features", [True, False])
def test_a_codebook_survives_saving(tmp_path, lanes, own_features):
    book, latents, _ = made(lanes=lanes, metric="whitened")
    if not own_features:
        book.fit(latents, book.recordings_, codec=CODEC)
    book.recordings_ = (recording(0, weight=0.3, augmentation="pitch=-3,gain=6"), *book.recordings_[1:])
    folder = book.save(tmp_path / "book.v1")
    loaded = GrainCodebook.load(folder, CODEC)
    assert_same(loaded, book)
    if not own_features:
        assert_same(loaded.extend(latents[:1], [recording(0)]), book.extend(latents[:1], [recording(0)]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book.v1"]


def test_an_existing_codebook_is_kept_unless_forced(tmp_path):
    first, second = made(seed=1)[0], made(seed=2)[0]
    folder = first.save(tmp_path / "book")
    with pytest.raises(CodebookError, match="exists already"):
        second.save(folder)
    assert_same(GrainCodebook.load(folder), first)
    second.save(folder, force=True)
    assert_same(GrainCodebook.load(folder), second)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(CodebookError, match="must be new, empty or a saved codebook"):
        second.save(folder, force=True)
    with pytest.raises(ArgumentError, match="must lie in an existing folder"):
        second.save(tmp_path / "missing" / "book")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book"]


def test_a_save_that_is_stopped_leaves_the_old_codebook(tmp_path, monkeypatch):
    first, second = made(seed=1)[0], made(seed=2)[0]
    folder = first.save(tmp_path / "book")

    def stopped(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("lgr.codebook.files.json.dumps", stopped)
    with pytest.raises(KeyboardInterrupt):
        second.save(folder, force=True)
    monkeypatch.undo()
    assert_same(GrainCodebook.load(folder), first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_codebook(tmp_path, monkeypatch):
    first, second = made(seed=1)[0], made(seed=2)[0]
    folder = first.save(tmp_path / "book")
    rename = Path.rename

    def refuse_the_new_one(path, target):
        if path.suffix == ".new":
            raise PermissionError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new_one)
    with pytest.raises(CodebookError, match="cannot be written: no"):
        second.save(folder, force=True)
    monkeypatch.undo()
    assert_same(GrainCodebook.load(folder), first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["book"]


def test_another_codec_or_version_is_refused(tmp_path):
    folder = made()[0].save(tmp_path / "book")
    with pytest.raises(CodebookError, match=r"made with codec 'made-up' .*, not 'other'"):
        GrainCodebook.load(folder, dataclasses.replace(CODEC, name="other"))
    with pytest.raises(CodebookError, match=r"hop 80.*hop 320"):
        GrainCodebook.load(folder, dataclasses.replace(CODEC, hop_length=320))
    with pytest.raises(CodebookError, match=r"use that codec and version"):
        GrainCodebook.load(folder, dataclasses.replace(CODEC, version="retrained"))
    path = folder / "codebook.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(CodebookError, match="format version 99"):
        GrainCodebook.load(folder)


def damage_json(folder):
    (folder / "codebook.json").write_text("{")


def damage_fields(folder):
    description = json.loads((folder / "codebook.json").read_text())
    del description["recordings"][0]["frames"]
    (folder / "codebook.json").write_text(json.dumps(description))


def damage_length(folder):
    path = folder / "codebook.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def damage_starts(folder):
    from safetensors.torch import load_file, save_file

    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "codebook.safetensors").items()}
    tensors["starts"][0] = 10**6
    save_file(tensors, folder / "codebook.safetensors")


@pytest.mark.parametrize("damage", [damage_json, damage_fields, damage_length, damage_starts])
def test_a_damaged_codebook_says_so(tmp_path, damage):
    folder = made()[0].save(tmp_path / "book")
    damage(folder)
    with pytest.raises(CodebookError, match="build the codebook again"):
        GrainCodebook.load(folder)


def test_what_is_no_codebook_is_refused(tmp_path):
    with pytest.raises(CodebookError, match="got nothing at"):
        GrainCodebook.load(tmp_path / "none")
    with pytest.raises(CodebookError, match=r"got a folder without codebook\.json at"):
        GrainCodebook.load(tmp_path)
    (tmp_path / "codebook.json").write_text("[]")
    with pytest.raises(CodebookError, match="does not describe one"):
        GrainCodebook.load(tmp_path)
