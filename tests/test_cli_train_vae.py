"""``lgr train granular`` and the other models, and ``lgr sample``: small runs, and everything that is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import done, refused, run
from tiny_grain_model import RATE, write_sounds

from lgr.cli.support.errors import STOPPED
from lgr.codecs import load_codec
from lgr.codecs.trained import TrainedCodec
from lgr.models.kinds import MODELS
from lgr.sound.audio import load_audio

SMALL = ["--steps", 2, "--batch-size", 2, "--validate-every", 9, "--crop-seconds", 0.1, "--sample-rate", RATE]


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def drums(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A granular model with a temporal embedding, three steps old."""
    out = tmp_path_factory.mktemp("models") / "drums"
    options = ["--labels", "--temporal", "--frames", 8, "--hop-length", 128, "--latent-dim", 8, "--steps", 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")
        said = done("train", "granular", "--data", sounds, "--out", out, *SMALL, *options)
    assert "stage grains ended: the budget was spent" in said
    assert f"{out}: trained; try it with --codec {out}" in said
    return out


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "granular"])
def test_every_kind_trains_and_resumes(kind: str, sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = done("train", kind, "--data", sounds, "--out", out, *SMALL, "--latent-dim", 8, "--licence", "MIT")
    assert re.search(r"step 2 \(grains\), 100 %, \d+ s: held out: mstft \d", said)
    said = done("train", kind, "--data", sounds, "--out", out, *SMALL, "--latent-dim", 8, "--steps", 3, "--resume")
    assert "step 3 (grains), 100 %" in said
    codec = load_codec(out)
    assert (codec.info.latent_dim, codec.info.sample_rate) == (8, RATE)
    audio, _ = load_audio(sounds / "bell" / "0.wav")
    assert codec.decode(codec.encode(audio[None])).isfinite().all()
    assert f"A `{kind}` model: {RATE} Hz" in (out / "README.md").read_text()


def test_the_discriminators_come_in(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done("train", "encodec-vae", "--data", sounds, "--out", out, *SMALL, "--steps", 4, "--adversarial")
    adversary = torch.load(out / "checkpoint.pt", weights_only=True)["adversary"]
    assert set(adversary["balancer"]) == {"waveform", "spectrum", "adversarial", "feature_matching"}


def test_samples_are_written_by_class_and_seed(drums: Path, tmp_path: Path) -> None:
    shots = tmp_path / "one-shots"
    said = done("sample", drums, "--class", "BELL", "--n", 3, "--seed", 5, "-o", shots)
    assert said == f"{shots}: 3 sounds, bell-seed5-1.wav to bell-seed5-3.wav\n"
    files = sorted(shots.iterdir())
    assert [file.name for file in files] == [f"bell-seed5-{i}.wav" for i in (1, 2, 3)]
    sounds = [load_audio(file)[0] for file in files]
    assert all(sound.shape == (1, 8 * 128) for sound in sounds)
    assert not torch.equal(sounds[0], sounds[1])
    done("sample", drums, "--class", "bell", "--n", 1, "--seed", 5, "-o", tmp_path / "one")
    torch.testing.assert_close(load_audio(tmp_path / "one" / "bell-seed5-1.wav")[0], sounds[0], rtol=0, atol=1e-5)
    refused(tmp_path, "sample", drums, "--class", "bell", "--n", 1, "--seed", 5, "-o", shots, says="exists and is kept")
    done("sample", drums, "--class", "bell", "--n", 1, "--seed", 5, "-o", shots, "--force")
    done("sample", drums, "--n", 1, "--frames", 3, "-o", shots)
    assert load_audio(shots / "one-shot-seed0-1.wav")[0].shape == (1, 3 * 128)


def test_a_label_that_was_not_trained_is_refused(drums: Path, tmp_path: Path) -> None:
    refused(tmp_path, "sample", drums, "--class", "gong", "-o", tmp_path / "x", says="(bell, hiss), got 'gong'")
    refused(tmp_path, "sample", "toy", "-o", tmp_path / "x", says="MODEL must be a grain model")
    refused(tmp_path, "sample", tmp_path / "none", "-o", tmp_path / "x", says="codec must be a folder or one of")
    assert not (tmp_path / "x").exists()


def test_a_model_without_an_embedding_is_not_sampled(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done("train", "granular", "--data", sounds, "--out", out, *SMALL, "--decoder", "fi", "--class", "bell")
    codec = load_codec(out)
    assert isinstance(codec, TrainedCodec)
    assert codec.labels == ()
    assert getattr(codec.config, "decoder", "") == "fi"
    refused(tmp_path, "sample", out, "-o", tmp_path / "x", says="it has no temporal embedding")


def test_wrong_options_are_refused_in_one_line(sounds: Path, tmp_path: Path) -> None:
    def no(*args: object, says: str, data: Path = sounds) -> None:
        refused(tmp_path, "train", args[0], "--data", data, "--out", tmp_path / "run", *args[1:], says=says)
        assert not (tmp_path / "run").exists()

    no("noiseband", "--decoder", "fi", says="No such option: --decoder")
    no("granular", "--decoder", "magic", says="decoder must be one of tr, up, fi, fi+pp, got 'magic'")
    no("granular", "--frames", 4, says="--frames needs --temporal")
    no("granular", "--minutes", 0, says="minutes must be above 0")
    no("granular", "--device", "abacus", says="device must be one that PyTorch has here")
    no("granular", "--class", "gong", says="class must be among those of the data (bell, hiss), got gong")
    no("granular", "--resume", says="out must hold a checkpoint to resume from")
    no("granular", data=tmp_path / "none", says="data must be a folder of audio or a manifest.csv")
    (tmp_path / "empty").mkdir()
    no("granular", data=tmp_path / "empty", says="no wav, flac, ogg or mp3 file found")


def test_stopping_says_how_to_go_on(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lgr.train.vae.trainer.Trainer._step", stop)
    (tmp_path / "run").mkdir()
    result = run("train", "granular", "--data", sounds, "--out", tmp_path / "run", *SMALL)
    assert result.exit_code == STOPPED
    assert result.stderr.count("\n") == 1
    assert "stopped; there is no checkpoint yet" in result.stderr
