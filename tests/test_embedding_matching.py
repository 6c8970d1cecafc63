"""``metric="learned"`` from codebook to score, and on the command line."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command_line import done, refused

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, CodebookError, WeightsError
from lgr.latents.embedding import open_embedding
from lgr.models.timbre_embedding import TimbreEmbedding, TimbreEmbeddingConfig
from lgr.rendering import render
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import load_audio, save_audio
from lgr.sounds import encode_levelled
from lgr.sources import build_codebook
from lgr.train.embedding.export import write_embedding

TOY = ToyCodec()  # 320 latents, 24 kHz
RATE = TOY.info.sample_rate


def write(folder: Path, seed: int = 0) -> Path:
    """An untrained embedding of the toy codec's latents."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = TimbreEmbedding(TimbreEmbeddingConfig(latent_dim=320, hidden=8, cepstra=5, contrast=2))
    folder.mkdir(exist_ok=True)
    write_embedding(folder, net, TOY.info, licence="MIT")
    return folder


def noise(seconds: float = 0.5, channels: int = 1, seed: int = 0) -> tuple[torch.Tensor, int]:
    samples = int(seconds * RATE)
    return 0.3 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed)).clamp(-3, 3), RATE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "embedding")


def test_a_codebook_holds_the_embeddings_features_and_its_name(folder: Path) -> None:
    sound = noise(channels=2)
    book = build_codebook([sound], TOY, CodebookConfig(metric="learned", embedding=str(folder), grain_frames=2))
    embedding = open_embedding(folder)
    assert book.config.embedding == embedding.reference
    wanted = embedding.features(encode_levelled(sound[0], book.recordings_[0], TOY)).mean(0)
    torch.testing.assert_close(book.features_, wanted)
    # centred cosine of whole grains
    grains = wanted.unfold(1, 2, 1).permute(1, 2, 0).flatten(1)
    rows = torch.nn.functional.normalize(grains - grains.mean(0), dim=1)
    torch.testing.assert_close(book.vectors_, rows, atol=1e-5, rtol=0)


def test_a_target_that_is_the_source_finds_its_own_grains(folder: Path) -> None:
    config = ResynthConfig(metric="learned", embedding=str(folder), temperature=0, grain_frames=3)
    sound = noise()
    result = resynthesise(sound, [sound], codec=TOY, config=config, seed=2)
    # the last grain is padded: the others must be found again
    assert result.score.source_frame[:-1].tolist() == result.score.target_frame[:-1].tolist()
    assert result.config.embedding == open_embedding(folder).reference
    again = resynthesise(sound, [sound], codec=TOY, config=result.config, seed=2)
    assert torch.equal(again.audio, result.audio)


def test_a_score_is_played_without_the_embedding(folder: Path, tmp_path: Path) -> None:
    paths = [save_audio(tmp_path / f"{name}.wav", *noise(seed=seed)) for seed, name in enumerate(("target", "source"))]
    config = ResynthConfig(metric="learned", embedding=str(folder))
    result = resynthesise(paths[0], [paths[1]], codec=TOY, config=config)
    score = Score.load(result.score.save(tmp_path / "score.json"))
    assert score.made_by["resynth"]["embedding"] == open_embedding(folder).reference
    (folder / "model.safetensors").unlink()
    assert torch.equal(render(score, codec=TOY)[0], result.audio)


def test_a_saved_codebook_finds_its_embedding_and_refuses_another(folder: Path, tmp_path: Path) -> None:
    config = CodebookConfig(metric="learned", embedding=str(folder))
    book = build_codebook([noise(seed=1)], TOY, config)
    loaded = GrainCodebook.load(book.save(tmp_path / "book"))
    assert loaded.config == book.config
    first = resynthesise(noise(), book, codec=TOY)
    assert torch.equal(resynthesise(noise(), loaded, codec=TOY).audio, first.audio)
    write(folder, seed=1)
    with pytest.raises(CodebookError, match="has other weights"):
        resynthesise(noise(), loaded, codec=TOY)
    other = build_codebook([noise(seed=2)], TOY, config)
    with pytest.raises(CodebookError, match="same codec and configuration to be merged"):
        book.merge(other)


def test_what_goes_wrong_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"embedding goes with metric .learned., got .* with 'centred'"):
        ResynthConfig(embedding=str(folder))
    with pytest.raises(WeightsError, match="lgr has none for codec 'toy': train one with `lgr train embedding"):
        resynthesise(noise(), [noise(seed=1)], codec=TOY, config=ResynthConfig(metric="learned"))
    smaller = ToyCodec(160)
    with pytest.raises(CodebookError, match="was made with codec 'toy'"):
        build_codebook([noise()], smaller, CodebookConfig(metric="learned", embedding=str(folder)))


def test_other_metrics_do_not_read_an_embedding() -> None:
    assert build_codebook([noise()], TOY).config.embedding == ""
    assert replace(ResynthConfig(metric="learned"), embedding="x").codebook_config().embedding == "x"


def test_the_command_line(folder: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("target", "source")):
        save_audio(tmp_path / f"{name}.wav", *noise(seed=seed))
    source, target, book = tmp_path / "source.wav", tmp_path / "target.wav", tmp_path / "book"
    learned = ("--codec", "toy", "--metric", "learned", "--embedding", folder)
    done("resynth", source, "-t", target, "-o", tmp_path / "out.wav", *learned)
    done("codebook", "build", source, "-o", book, *learned)
    assert f"learned, {open_embedding(folder).reference}" in done("codebook", "info", book)
    done("resynth", book, "-t", target, "-o", tmp_path / "again.wav")
    first, again = (load_audio(tmp_path / f"{name}.wav")[0] for name in ("out", "again"))
    torch.testing.assert_close(first, again, atol=1e-5, rtol=0)  # mapped tensors lie elsewhere: rounded otherwise
    out = tmp_path / "no.wav"
    refused(tmp_path, "resynth", source, "-t", target, "-o", out, *learned[:4], says="lgr has none for codec 'toy'")
    refused(tmp_path, "resynth", book, "-t", target, "-o", out, *learned[4:], says="--embedding was settled when")
    refused(tmp_path, "resynth", source, "-t", target, "-o", out, *learned[4:], says='goes with metric "learned"')
