"""A made-up codec's codebooks, for the tests of codebooks and of their files."""

import dataclasses

import torch

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import CodecInfo
from lgr.sound.recording import Recording

CODEC = CodecInfo(name="made-up", sample_rate=8000, hop_length=80, channels=1, latent_dim=5)


def recording(i: int, **changes: object) -> Recording:
    return dataclasses.replace(Recording(f"r{i}", "", 8000, 4000), **changes)


def made(frames=(9, 4, 13), lanes=(1, 1, 1), seed=0, **config):
    """A codebook with three features that are not the latents, and what it was made from."""
    generator = torch.Generator().manual_seed(seed)
    latents = [torch.randn(n_lanes, 5, n, generator=generator) for n, n_lanes in zip(frames, lanes, strict=True)]
    features = [torch.randn(3, n, generator=generator) + 2 for n in frames]
    recordings = [recording(i) for i in range(len(frames))]
    book = GrainCodebook(CodebookConfig(**config))
    book.fit(latents, recordings, features=features, codec=CODEC)
    return book, latents, features


def assert_same(a: GrainCodebook, b: GrainCodebook) -> None:
    assert a.config == b.config
    assert a.codec_ == b.codec_
    assert a.recordings_ == b.recordings_
    assert a.frames_ == b.frames_
    for name in ("latents_", "features_", "starts_", "recording_", "mean_", "whitener_", "vectors_"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
