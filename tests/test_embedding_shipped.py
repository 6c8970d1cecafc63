"""The embeddings that come with lgr: found by their codec, small, credited, and deaf to what they should be."""

import csv
import json
from pathlib import Path

import pytest
import torch

from lgr.codecs.base import Codec
from lgr.codecs.registry import load_codec
from lgr.files import assets_dir
from lgr.latents.embedding import embedding_folder, load_embedding
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio
from lgr.train.data import shipped_groups
from lgr.train.material import short_name

CLIPS = Path(__file__).parents[1] / "assets" / "audio"


@pytest.fixture(params=["bundled", "soundstream"])
def codec(request: pytest.FixtureRequest) -> Codec:
    if request.param == "soundstream":
        return load_codec("soundstream", weights=request.getfixturevalue("soundstream_folder"))
    return load_codec("bundled")


def clip(codec: Codec, name: str) -> torch.Tensor:
    """A second of a bundled clip from its loudest place on, ``(1, 1, samples)``, with a peak of 1."""
    rate = codec.info.sample_rate
    audio = load_audio(CLIPS / f"{name}.flac", sample_rate=rate, channels=1)[0][0]
    start = min(int(audio.abs().argmax()), max(0, len(audio) - rate))
    piece = audio[start : start + rate]
    return (piece / piece.abs().max())[None, None]


def rows(codec: Codec, audio: torch.Tensor) -> torch.Tensor:
    """Grains of four frames as the metric compares them but for the mean, ``(n, size)``."""
    features = load_embedding(codec.info).features(codec.encode(audio))[0]
    return features.unfold(1, 4, 4).permute(1, 0, 2).flatten(1)


@pytest.mark.parametrize("change", ["gain", "polarity", "shift"])
def test_a_changed_sound_stays_nearer_to_itself_than_to_others(codec: Codec, change: str) -> None:
    sounds = [clip(codec, name) for name in ("glass", "violin", "rain", "foley", "speech_reader")]
    hop = codec.info.hop_length
    changed = {
        "gain": [0.1 * x for x in sounds],
        "polarity": [-x for x in sounds],
        "shift": [torch.nn.functional.pad(x, (hop // 2, -(hop // 2))) for x in sounds],
    }[change]
    plain, other = (torch.stack([rows(codec, x) for x in each]) for each in (sounds, changed))
    mean = plain.flatten(0, 1).mean(0)
    unit = torch.nn.functional.normalize
    plain, other = unit(plain - mean, dim=2), unit(other - mean, dim=2)
    similarity = torch.einsum("anx,bmx->anbm", other, plain)
    nearest = similarity.flatten(2).argmax(2) // plain.shape[1]  # (sounds, grains): the sound of the nearest grain
    right = (nearest == torch.arange(len(sounds))[:, None]).float().mean(1)
    assert float(right.min()) > 0.8, right
    if change == "gain":
        same = (plain * other).sum(2).mean(1)  # cosine of each grain with itself, louder
        assert float(same.min()) > 0.8, same


def test_it_plays(codec: Codec) -> None:
    target, source = (clip(codec, name)[0] for name in ("drum_loop", "glass"))
    rate = codec.info.sample_rate
    result = resynthesise((target, rate), [(source, rate)], codec=codec, config=ResynthConfig(metric="learned"))
    assert result.audio.shape == target.shape
    assert bool(result.audio.isfinite().all())
    assert result.config.embedding.startswith(f"{codec.info.name}@")


@pytest.mark.parametrize("name", ["bundled", "soundstream"])
def test_it_is_small_and_says_what_it_heard(name: str) -> None:
    folder = embedding_folder(name)
    assert (folder / "model.safetensors").stat().st_size < 1 << 20
    assert f"lgr train embedding --codec {name}" in (folder / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((folder / "metrics.json").read_text())
    with (folder / "training_data.csv").open(newline="", encoding="utf-8") as lines:
        listed = list(csv.DictReader(lines))
    assert metrics["recordings"]["training"] == sum(row["use"] == "training" for row in listed)
    played = {short_name(group) for group in shipped_groups(assets_dir() / "audio" / "credits.csv")}
    assert played
    assert not played & {row["group"] for row in listed if row["use"] == "training"}
