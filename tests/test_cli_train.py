"""``lgr train codec``: a run of two steps, and one that is stopped."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import done, run, two_sounds

from lgr.cli.support.errors import STOPPED
from lgr.models.bundled.envelope_net import EnvelopeNetConfig
from lgr.sound.audio import load_audio


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    (tmp_path / "sounds").mkdir()
    return two_sounds(tmp_path / "sounds")


NET = EnvelopeNetConfig(encoder_width=8, encoder_blocks=1, decoder_width=8, decoder_blocks=1)  # else of its full size


def test_train_codec_trains_resumes_and_makes_a_codec(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgr.train.codec.train.EnvelopeNetConfig", lambda: NET)
    out = tmp_path / "run"
    common = ["train", "codec", "--data", sounds, "--out", out, "--batch-size", 2, "--validate-every", 1]
    said = done(*common, "--steps", 1)
    assert re.search(r"step 1 of 1, \d+ s: held out: log_mel \d", said)
    done(*common, "--steps", 2, "--resume")
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2]
    score = tmp_path / "s.json"
    done(
        "resynth",
        sounds / "source.wav",
        "-t",
        sounds / "target.wav",
        "-o",
        tmp_path / "a.wav",
        "--codec",
        out,
        "--score",
        score,
    )
    done("render", score, "-o", tmp_path / "b.wav")  # the score names the codec's folder
    assert torch.equal(load_audio(tmp_path / "a.wav")[0], load_audio(tmp_path / "b.wav")[0])


def test_stopping_training_says_how_to_go_on(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lgr.train.codec.train.training_loss", stop)
    (tmp_path / "run").mkdir()
    result = run("train", "codec", "--data", sounds, "--out", tmp_path / "run", "--batch-size", 2)
    assert result.exit_code == STOPPED
    assert result.stderr.count("\n") == 1
    assert "stopped; there is no checkpoint yet" in result.stderr
