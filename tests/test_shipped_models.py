"""The models in ``assets/models``: small, credited, loadable by name, and good for what the README says of them."""

import csv
import json
from pathlib import Path

import pytest
import torch
from command_line import CLIPS, done

from lgr.codecs import load_codec
from lgr.codecs.registry import shipped_models
from lgr.codecs.trained import TrainedCodec
from lgr.files import assets_dir
from lgr.latents.projection import load_projection
from lgr.losses import relative_mstft
from lgr.sound.audio import load_audio
from lgr.train.data import shipped_groups

MODELS = assets_dir() / "models"
LARGEST = {"spectral": 24 * 2**20, "notes-spectral": 12 * 2**20}  # bytes of weights; of the others SMALL
SMALL = 8 * 2**20


@pytest.fixture(scope="module", params=shipped_models())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_which_models_there_are() -> None:
    assert shipped_models() == [
        "drums-spectral",
        "notes-spectral",
        "spectral",
        "textures-encodec16",
        "textures-noiseband",
    ]


def test_weights_are_small_and_what_they_learned_from_is_credited(name: str) -> None:
    folder = MODELS / name
    assert (folder / "model.safetensors").stat().st_size <= LARGEST.get(name, SMALL)
    with (folder / "training_data.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["use"] for row in rows} == {"training", "held out"}
    groups = {use: {row["group"] for row in rows if row["use"] == use} for use in ("training", "held out")}
    assert not groups["training"] & groups["held out"]
    for row in rows:
        assert row["licence"].startswith("CC0") or row["attribution"], row
    assert not groups["training"] & shipped_groups(CLIPS / "credits.csv")  # the demo's clips were never heard
    card = (folder / "README.md").read_text(encoding="utf-8")
    for said in ("## Data", "## Training", "lgr train", "## Figures", "## Limits", "MIT"):
        assert said in card
    assert json.loads((folder / "metrics.json").read_text())["held_out"]["mstft"] < 1


def test_its_projection_is_its_own_and_decodes(name: str) -> None:
    codec = load_codec(name)
    projection = load_projection(MODELS / name, codec.info)
    latents = projection.inverse(projection.points[:8])
    audio = codec.decode(latents.T[None])
    assert audio.shape[2] == 8 * codec.info.hop_length
    assert audio.isfinite().all()


@pytest.mark.parametrize(
    ("model", "clip", "most"),
    [
        ("drums-spectral", "drum_loop", 0.8),
        ("spectral", "violin", 0.6),
        ("spectral", "speech_reader", 0.7),
        ("spectral", "rain", 0.65),
        ("notes-spectral", "violin", 0.8),
        ("textures-noiseband", "rain", 0.65),
        ("textures-encodec16", "thunder", 0.6),
    ],
)
def test_sounds_never_heard_come_back(model: str, clip: str, most: float) -> None:
    codec = load_codec(model)
    audio = load_audio(CLIPS / f"{clip}.flac", sample_rate=codec.info.sample_rate, channels=1)[0][:, :72000]
    estimate = codec.decode(codec.encode(audio[None]))[0, :, : audio.shape[1]]
    assert float(relative_mstft(estimate, audio)) < most


def test_silence_comes_back_as_silence(name: str) -> None:
    codec = load_codec(name)
    decoded = codec.decode(codec.encode(torch.zeros(1, 1, 24000)))
    assert decoded.abs().max() < 1e-3  # -60 dBFS


def test_eight_snares_differ_from_each_other_and_from_kicks(tmp_path: Path) -> None:
    done("sample", "drums-spectral", "--class", "snare", "--n", "8", "--seed", "3", "-o", str(tmp_path / "sounds"))
    done("sample", "drums-spectral", "--class", "Kick", "--n", "1", "--seed", "3", "-o", str(tmp_path / "kick"))
    sounds = [load_audio(path)[0][0] for path in sorted((tmp_path / "sounds").glob("*.wav"))]
    kick = load_audio(next((tmp_path / "kick").glob("*.wav")))[0][0]
    assert len(sounds) == 8
    for i, sound in enumerate(sounds):
        assert sound.abs().max() > 0.05
        for other in sounds[:i]:
            assert float(relative_mstft(sound[None], other[None])) > 0.05

    def centroid(x: torch.Tensor) -> float:
        power = torch.fft.rfft(x).abs().square()
        return float((power * torch.linspace(0, 12000, len(power))).sum() / power.sum())

    assert sorted(map(centroid, sounds))[4] > 1.5 * centroid(kick)


def test_a_label_changes_what_is_decoded() -> None:
    codec = load_codec("notes-spectral")
    assert isinstance(codec, TrainedCodec)
    latents = codec.encode(load_audio(CLIPS / "violin.flac", sample_rate=24000, channels=1)[0][None, :, :24000])
    tuba, flute = (codec.decode(codec.condition(latents, label)) for label in ("tuba", "flute"))
    assert float((tuba - flute).abs().mean()) > 0.01 * float(tuba.abs().mean())
