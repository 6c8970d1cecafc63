"""What OSC clients may set, and what names they may use."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")
from command_line import CLIPS

from lgr.cli.live import STEPS
from lgr.errors import ArgumentError, LgrError
from lgr.live import LiveConfig
from lgr.osc.addresses import ADDRESSES
from lgr.osc.folder import Folder
from lgr.osc.settings import READERS, Settings, dialled, dials
from lgr.resynth_config import ResynthConfig


def test_every_setting_of_resynthesis_can_be_set_and_shown() -> None:
    """But for the embedding, which is a path."""
    assert set(READERS) == {field.name for field in fields(ResynthConfig)} - {"embedding"} | {"seed"}
    settings = Settings()
    for name, values, shown in (
        ("grain_frames", [6.0], 6),
        ("hop_frames", [2], 2),
        ("hop_frames", ["none"], "none"),
        ("stride", [2], 2),
        ("metric", ["cosine"], "cosine"),
        ("sampler", ["viterbi"], "viterbi"),
        ("temperature", [0.2], 0.2),
        ("temperature", ["0:0.1,2:0.5"], "0:0.1,2:0.5"),
        ("continuity", [0.5], 0.5),
        ("pitch", [0], 0.0),
        ("wet", ["0:0,1:1"], "0:0,1:1"),
        ("match_loudness", [0], 0),
        ("silence_db", [-60], -60),
        ("silence_db", ["none"], "none"),
        ("source_weights", [1, "0:1,4:0"], "1 0:1,4:0"),
        ("source_weights", ["none"], "none"),
        ("augmentations", ["gain=-6", "speed=2"], "gain=-6 speed=2"),
        ("augmentations", ["none"], "none"),
        ("transpose", [-2.0, 3], "-2 3"),
        ("sampler", ["online"], "online"),
        ("repetition_frames", [3], 3),
        ("repetition_penalty", [0.1], 0.1),
        ("bridge", ["regression"], "regression"),
        ("bridge_levels", [2], 2),
        ("bridge_levels", ["none"], "none"),
        ("bridge_steps", [1], 1),
        ("bridge_steps", ["none"], "none"),
        ("bridge", ["none"], "none"),
        ("seed", [7], 7),
    ):
        settings.set(name, values)
        assert settings.shown(name) == shown, name
    assert settings.pairs()[::2] == list(READERS)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("colour", [1], "a setting must be one of grain_frames"),
        ("temperature", [-1], "temperature must be >= 0"),
        ("temperature", [float("nan")], "temperature: envelope points must be finite"),
        ("temperature", ["warm"], "temperature: envelope must be a number"),
        ("temperature", [1, 2], "temperature must be one value, got 2"),
        ("wet", [2], "wet must stay within 0 and 1"),
        ("seed", [-1], "seed must be from 0"),
        ("seed", ["x"], "seed must be a whole number"),
        ("grain_frames", [0], "grain_frames must be"),
        ("hop_frames", [5], "hop_frames must be in"),
        ("metric", ["nice"], "metric must be one of"),
        ("bridge", ["runs/mine"], "bridge must be none or one of regression"),
        ("bridge_levels", [2], "bridge_levels is of a bridge, and there is none"),
        ("match_loudness", [2], "match_loudness must be from 0 to 1"),
        ("transpose", [1], "transpose must be the lowest and the highest"),
        ("transpose", [-99, 99], "transpose must be the lowest and the highest"),
        ("augmentations", [3], "augmentations must be a text"),
    ],
)
def test_a_wrong_setting_changes_nothing(name: str, values: list[Any], says: str) -> None:
    settings = Settings()
    settings.set("temperature", [0.3])
    before = settings.pairs()
    with pytest.raises(ArgumentError, match=says):
        settings.set(name, values)
    assert settings.pairs() == before


def test_a_default_that_follows_another_setting_comes_back() -> None:
    settings = Settings()
    settings.set("sampler", ["independent"])
    assert settings.shown("continuity") == 0
    settings.set("sampler", ["auto"])
    assert settings.shown("continuity") == 0.9


def test_dials_are_those_of_the_live_loop() -> None:
    assert set(dials(LiveConfig())[::2]) == {field.name for field in fields(LiveConfig)}
    assert set(dials(LiveConfig())[::2]) >= {name for name, _ in STEPS.values()}
    assert dialled(LiveConfig(), "wet", 0.5).wet == 0.5
    assert dialled(LiveConfig(), "freeze", 1).freeze is True
    for name, value, says in (
        ("wet", 2, "wet must be from"),
        ("volume", 1, "a dial must be"),
        ("wet", "x", "a number"),
    ):
        with pytest.raises(ArgumentError, match=says):
            dialled(LiveConfig(), name, value)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A served folder with links in it, beside a file that is not served."""
    (tmp_path / "secret.wav").write_bytes((CLIPS / "glass.flac").read_bytes())
    root = tmp_path / "served"
    (root / "sub").mkdir(parents=True)
    (root / "in.flac").write_bytes((CLIPS / "glass.flac").read_bytes())
    (root / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "sub" / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "up").symlink_to(tmp_path)
    (root / "round").symlink_to(root / "round")
    (root / "near.flac").symlink_to(root / "in.flac")
    return Folder(root)


@pytest.mark.parametrize(
    "name",
    [
        *("", "..", "../secret.wav", "sub/../../secret.wav", "/etc/passwd", "~/x.wav", "~root/x", "C:\\x.wav"),
        *(
            "\\\\host\\x",
            "sub\\..\\..\\secret.wav",
            "out.wav",
            "up/secret.wav",
            "round",
            "a\nb.wav",
            "x" * 300 + ".wav",
        ),
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Folder, name: str) -> None:
    before = sorted(folder.root.parent.rglob("*"))
    for use in (folder.path, folder.sound, lambda each: folder.sounds([each]), lambda each: folder.free(each, ())):
        with pytest.raises(LgrError) as refusal:
            use(name)
        assert str(folder.root.parent) not in folder.hidden(str(refusal.value))
    with pytest.raises(LgrError), folder.result(name, ()):
        pass
    assert sorted(folder.root.parent.rglob("*")) == before


def test_links_out_are_not_followed_in_folders_and_patterns(folder: Folder) -> None:
    assert folder.sounds(["in.flac", "near.flac"]) == [folder.root / "in.flac"]
    for name in (".", "sub", "*.wav", "sub/*"):
        with pytest.raises(ArgumentError, match="must not lead out"):
            folder.sounds([name])


def test_a_result_replaces_only_what_the_server_made(folder: Folder) -> None:
    for _ in range(2):  # its own it replaces
        with folder.result("new/a.wav", ()) as (file, name):
            file.write_bytes(b"x")
    assert name == "new/a.wav"
    assert (folder.root / name).read_bytes() == b"x"
    with pytest.raises(ArgumentError, match="was there before"), folder.result("in.flac", ()):
        pass
    with pytest.raises(ArgumentError, match="in use"), folder.result("new/a.wav", {folder.root / "new" / "a.wav"}):
        pass
    for wrong in ("a.txt", "sub", "b"):
        with pytest.raises(ArgumentError), folder.result(wrong, ()):
            pass
    with pytest.raises(LgrError, match=r"c\.wav is wrong") as refusal, folder.result("c.wav", ()) as (file, _):
        raise LgrError(f"{file} is wrong")
    assert ".lgr-" not in str(refusal.value)
    assert not (folder.root / "c.wav").exists()
    assert folder.unused("in", ()) == "in.wav"
    (folder.root / "in.wav").touch()
    assert folder.unused("in", ()) == "in-2.wav"
    assert folder.unused("new/a", ()) == "new/a.wav"


def test_texts_for_clients_have_no_paths_of_the_machine(folder: Folder) -> None:
    text = f"{folder.root}/sub/x.wav is damaged; /usr/lib/python/thing.py says no ({folder.root}); ask /lgr/live/stop"
    told = folder.hidden(text, ADDRESSES)
    assert told == "sub/x.wav is damaged; thing.py says no (the served folder); ask /lgr/live/stop"
    with pytest.raises(ArgumentError, match="must be one that exists"):
        Folder(folder.root / "none")
