"""Trained grain models as codecs: what the protocol promises, labels, sampling, folders, for every kind there is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_grain_model import register
from torch import Tensor

from lgr.codecs import Codec, StreamingCodec, codec_card, codec_names, load_codec
from lgr.codecs.folder import NoFirstWeights
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError, ShapeError, WeightsError
from lgr.models.granular.temporal import TemporalConfig, TemporalVAE
from lgr.models.kinds import build_model, model_config
from lgr.train.vae.export import write_model
from lgr.train.vae.steps import Parts

LABELS = ("Kick", "Snare")
# As small as each kind allows.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"noisiness": 0.1},
    "granular": {
        "hop_length": 128,
        "latent_dim": 8,
        "n_bands": 16,
        "encoder_channels": [16, 16],
        "encoder_width": 32,
        "decoder_width": 32,
        "decoder_blocks": 1,
    },
    "ddsp-noise": {"width": 16, "latent_dim": 4, "n_bands": 33},
    "noiseband": {"width": 16, "latent_dim": 4, "n_bands": 16, "loop_length": 4096},
    "spectral": {
        "hop_length": 64,
        "window_length": 256,
        "latent_dim": 8,
        "width": 16,
        "encoder_blocks": 1,
        "decoder_blocks": 2,
        "n_bands": 12,
        "band_width": 16,
    },
    "encodec-vae": {"n_filters": 2, "latent_dim": 4},
}
KINDS = list(SIZES)


def write_folder(folder: Path, kind: str, *, temporal: bool = False, dtype: torch.dtype = torch.float32) -> Path:
    """A folder of a small model with seeded random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(kind, model_config(kind, {**SIZES[kind], "labels": list(LABELS)}))
        with torch.no_grad():
            for weight in model.parameters():  # layers that begin at zero would hide what they do
                weight += 0.02 * torch.randn_like(weight)
        sizes = TemporalConfig(latent_dim=model.config.latent_dim, labels=LABELS, frames=7, embedding_dim=3)
        parts = Parts(model, TemporalVAE(sizes) if temporal else None)
    folder.mkdir(parents=True)
    write_model(folder, kind, parts, parts.state_dict(), licence="CC0-1.0", with_temporal=temporal, dtype=dtype)
    return folder


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        yield write_folder(tmp_path_factory.mktemp("models") / request.param, request.param, temporal=True)


@pytest.fixture(scope="module")
def codec(folder: Path) -> TrainedCodec:
    opened = load_codec(folder)
    assert isinstance(opened, TrainedCodec)
    return opened


def noise(samples: int, batch: int = 1, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(seed))


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * max(float(expected.abs().max()), 1e-3))


def test_a_folder_is_a_codec(codec: TrainedCodec, folder: Path) -> None:
    assert isinstance(codec, Codec)
    assert isinstance(codec, StreamingCodec)
    info = codec.info
    assert (info.name, info.licence, info.channels) == (str(folder), "CC0-1.0", 1)
    assert len(info.version) == 12
    assert info.latent_dim == codec.config.latent_dim + 2
    assert codec.labels == LABELS
    assert codec_card(folder).info == info
    assert load_codec(info.name).info == info


def test_lengths_and_unknown_labels(codec: TrainedCodec) -> None:
    hop, size = codec.info.hop_length, codec.config.latent_dim
    for samples in (1, hop - 1, hop, hop + 1, 3 * hop + 1):
        latents = codec.encode(noise(samples))
        frames = -(-samples // hop)
        assert latents.shape == (1, codec.info.latent_dim, frames)
        assert bool((latents[:, size:] == 0).all())
        features = codec.features(latents)
        assert (features.shape[0], features.shape[2]) == (1, frames)
        assert codec.decode(latents).shape == (1, 1, frames * hop)


def test_slices_cannot_be_heard(codec: TrainedCodec) -> None:
    """The whole file in slices of four frames is the model's own posterior and rendering in one go."""
    audio = noise(11 * codec.info.hop_length + 5, batch=2)
    whole = codec.encode(audio), codec.decode(codec.encode(audio))
    usual = codec._slice_frames
    codec._slice_frames = 4
    try:
        latents = codec.encode(audio)
        assert_close(latents, whole[0])
        assert_close(codec.decode(whole[0]), whole[1])
    finally:
        codec._slice_frames = usual
    model, size = codec._model, codec.config.latent_dim
    assert_close(whole[0][:, :size], model.posterior(audio[:, 0]).mean.transpose(1, 2))
    z = whole[0].transpose(1, 2)
    assert_close(whole[1][:, 0], model.render(z[..., :size], z[..., size:], seeds=[0, 0]))


def test_streaming_equals_offline(codec: TrainedCodec) -> None:
    hop = codec.info.hop_length
    audio = noise(9 * hop + 33, batch=2)
    latents = codec.encode(audio)
    for step, whole, sizes, expected in (
        (codec.encode_step, audio, [hop // 2, 3 * hop, 0, 4 * hop + 7], latents),
        (codec.decode_step, latents, [1, 0, 4, 2], codec.decode(latents)),
    ):
        sizes = [*sizes, whole.shape[2] - sum(sizes)]
        state, parts = None, []
        for chunk in whole.split(sizes, 2):
            state, out = step(state, chunk)
            parts.append(out)
        parts.append(step(state, whole[..., :0], flush=True)[1])
        assert_close(torch.cat(parts, 2), expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float16, 0.02)])
def test_outputs_follow_the_inputs(codec: TrainedCodec, dtype: torch.dtype, tolerance: float) -> None:
    audio = noise(3 * codec.info.hop_length).to(dtype)
    latents = codec.encode(audio)
    decoded = codec.decode(latents)
    assert (latents.dtype, decoded.dtype, codec.features(latents).dtype) == (dtype,) * 3
    assert_close(latents.float(), codec.encode(audio.float()), tolerance)
    assert_close(decoded.float(), codec.decode(latents.float()), tolerance)


def test_it_computes_in_double_where_asked(folder: Path) -> None:
    single, double = load_codec(folder), load_codec(folder, dtype=torch.float64)
    audio = noise(3 * single.info.hop_length)
    assert_close(double.encode(audio), single.encode(audio), 1e-3)
    assert double.decode(double.encode(audio.double())).dtype == torch.float64
    with pytest.raises(ArgumentError, match=r"must be torch.float32 or torch.float64, got torch.float16"):
        load_codec(folder, dtype=torch.float16)


def test_labels_are_part_of_the_latents(codec: TrainedCodec) -> None:
    size = codec.config.latent_dim
    latents = codec.encode(noise(3 * codec.info.hop_length, batch=2))
    snare = codec.condition(latents, "snare")
    assert torch.equal(snare[:, :size], latents[:, :size])
    assert snare[:, size:].unique(dim=2)[0, :, 0].tolist() == [0, 1]
    assert torch.equal(codec.condition(snare, None), latents)
    kick = codec.decode(codec.condition(latents, "KICK"))
    assert not torch.allclose(kick, codec.decode(snare))
    between = (codec.condition(latents, "Kick") + snare) / 2  # on the way from one to the other
    assert codec.decode(between).isfinite().all()
    with pytest.raises(ArgumentError, match=r"trained on \(Kick, Snare\), got 'gong'"):
        codec.condition(latents, "gong")
    with pytest.raises(ShapeError, match="latents must"):
        codec.condition(latents[:, 1:], "Kick")


def test_one_shots_are_drawn_from_the_embedding(codec: TrainedCodec) -> None:
    size = codec.config.latent_dim
    drawn = codec.sample("kick", 3, 5)
    assert drawn.shape == (3, size + 2, 7)
    assert torch.equal(drawn[:, size], torch.ones(3, 7))
    assert torch.equal(codec.sample("Kick", 3, 5), drawn)
    assert_close(codec.sample("Kick", 1, 5), drawn[:1])
    assert not torch.allclose(codec.sample("Kick", 3, 6), drawn)
    assert not torch.allclose(drawn[0], drawn[1])
    assert bool((codec.sample(None, 1, 5)[:, size:] == 0).all())
    assert codec.sample("Snare", 1, 0, frames=4).shape == (1, size + 2, 4)
    assert codec.decode(drawn).shape == (3, 1, 7 * codec.info.hop_length)
    with pytest.raises(ArgumentError, match=r"trained on \(Kick, Snare\), got 'gong'"):
        codec.sample("gong", 1, 0)
    for wrong in ({"n": 0}, {"n": 1, "frames": 0}):
        with pytest.raises(ArgumentError, match=f"{list(wrong)[-1]} must be >= 1, got 0"):
            codec.sample("Kick", seed=0, **wrong)


def test_what_does_not_fit_is_refused(codec: TrainedCodec) -> None:
    with pytest.raises(ShapeError, match="audio must"):
        codec.encode(torch.zeros(1, 2, 100))
    with pytest.raises(ShapeError, match="audio must"):
        codec.encode_step(None, torch.zeros(1, 2, 100))
    for call in (codec.decode, codec.features, lambda x: codec.decode_step(None, x)):
        with pytest.raises(ShapeError, match="latents must"):
            call(torch.zeros(1, codec.info.latent_dim + 1, 5))


# ---- folders: one small kind stands for all -----------------------------------------------------------------------


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


@pytest.mark.usefixtures("_tiny")
def test_weights_are_halved_unless_too_large(tmp_path: Path) -> None:
    half = load_codec(write_folder(tmp_path / "half", "tiny", dtype=torch.float16))
    whole = load_codec(write_folder(tmp_path / "whole", "tiny"))
    audio = noise(500)
    assert half.info.version != whole.info.version
    assert_close(half.encode(audio), whole.encode(audio), 1e-2)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]
    parts = Parts(build_model("tiny", model_config("tiny", {})))
    torch.nn.init.constant_(parts.model.inlet.weight, 1e6)  # type: ignore[arg-type]
    write_model(tmp_path / "half", "tiny", parts, parts.state_dict(), licence="", with_temporal=False)
    assert load_codec(tmp_path / "half").encode(audio).isfinite().all()


@pytest.mark.usefixtures("_tiny")
def test_a_model_without_an_embedding_cannot_be_sampled(tmp_path: Path) -> None:
    codec = load_codec(write_folder(tmp_path / "plain", "tiny"))
    assert isinstance(codec, TrainedCodec)
    assert codec.temporal is None
    with pytest.raises(ArgumentError, match="cannot be sampled: it has no temporal embedding"):
        codec.sample("Kick", 1, 0)


def described(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


@pytest.mark.usefixtures("_tiny")
def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model", "tiny", temporal=True)
    good = (folder / "config.json").read_text()
    for change, message in (
        (lambda c: c.update(format=2), "must describe a model of format 1"),
        (lambda c: c["config"].update(latent_dim=5), "the weights do not fit config.json"),
        (lambda c: c["config"].update(colour="red"), "has no setting colour"),
        (lambda c: c["temporal"].update(frames=0), "frames must be a whole number"),
        (lambda c: c["temporal"].update(colour="red"), "the weights do not fit config.json"),
        (lambda c: c.pop("config"), "the weights do not fit config.json"),
    ):
        described(folder, change)
        with pytest.raises(WeightsError, match=message):
            load_codec(folder)
        (folder / "config.json").write_text(good)
    load_codec(folder)
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(WeightsError, match=r"must hold config.json and model.safetensors of a codec"):
        load_codec(folder)


@pytest.mark.usefixtures("_tiny")
def test_models_that_come_with_lgr_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_ASSETS", str(tmp_path))
    write_folder(tmp_path / "models" / "drums-tiny", "tiny")
    assert "drums-tiny" in codec_names()
    codec = load_codec("drums-tiny")
    assert codec.info.name == "drums-tiny"
    assert codec_card("drums-tiny").info == codec.info
    assert codec_card("drums-tiny").present
    here = tmp_path / "here"
    write_folder(here / "drums-tiny", "tiny", dtype=torch.float16)
    monkeypatch.chdir(here)
    assert load_codec("drums-tiny").info == codec.info  # the name means the same in every folder
    assert load_codec("./drums-tiny").info.version != codec.info.version
    with pytest.raises(ArgumentError, match="did you mean drums-tiny"):
        load_codec("drums-tinny")


def test_a_setting_that_a_kind_has_not_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a noiseband model has no setting decoder"):
        model_config("noiseband", {"decoder": "fi"})
    with pytest.raises(ArgumentError, match="kind must be one of granular"):
        model_config("granola", {})
    with pytest.raises(ArgumentError, match="config must be a NoiseBandConfig"):
        build_model("noiseband", model_config("granular", {}))


def test_first_weights_are_not_drawn_where_others_are_loaded() -> None:
    before = torch.get_rng_state()
    with NoFirstWeights():
        torch.nn.Linear(3, 4), torch.nn.Conv1d(3, 4, 5), torch.nn.GRU(3, 4), torch.nn.Embedding(3, 4)
        own = torch.empty(9).normal_(generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(own, torch.empty(9).normal_(generator=torch.Generator().manual_seed(1)))
