"""A map of grains: where they lie, what is known of each, and where a target's grains go."""

import math

import pytest
import torch

from lgr.codebook import CodebookConfig
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, AudioFileError, CodebookError
from lgr.grain_map.layout import SILENT_DB, GrainMap, map_grains
from lgr.latents.projection import fit_projection
from lgr.sources import build_codebook

TOY = ToyCodec(sample_rate=8000, hop_length=80)
RATE, HOP = TOY.info.sample_rate, TOY.info.hop_length
CONFIG = CodebookConfig(grain_frames=4, stride=2)


def sine(hz, amplitude, seconds):
    return amplitude * torch.sin(2 * math.pi * hz * torch.arange(round(seconds * RATE)) / RATE)[None]


def noise(frames, seed=0):
    return 0.1 * torch.randn(1, frames * HOP, generator=torch.Generator().manual_seed(seed))


def test_the_map_is_the_projection_of_what_matching_reads():
    sounds = [(noise(60, seed=i), RATE) for i in range(2)]
    drawn = map_grains(sounds, TOY, CONFIG)
    vectors = build_codebook(sounds, TOY, CONFIG).vectors_
    torch.testing.assert_close(drawn.points, fit_projection(vectors).points, atol=1e-5, rtol=0)
    assert len(drawn) == len(drawn.codebook) == len(vectors)
    assert torch.equal(drawn.seconds, (drawn.codebook.source_frame_ * HOP / RATE).float())


def test_of_large_grains_frames_are_averaged(monkeypatch):
    sounds = [(noise(60, seed=i), RATE) for i in range(2)]
    vectors = build_codebook(sounds, TOY, CONFIG).vectors_
    dim = vectors.shape[1] // 4
    for most, stretches in ((2 * dim, [(0, 1), (2, 3)]), (dim + 5, [(0, 1, 2, 3)]), (3, [(0, 1, 2, 3)])):
        monkeypatch.setattr("lgr.grain_map.layout.MOST_NUMBERS", most)
        frames = vectors.view(-1, 4, dim)
        averaged = torch.cat([frames[:, stretch].mean(1) for stretch in stretches], 1)
        drawn = map_grains(sounds, TOY, CONFIG)
        torch.testing.assert_close(drawn.points, fit_projection(averaged).points, atol=1e-5, rtol=0)
        path = drawn.place(sounds[0], TOY)  # as its own grains
        torch.testing.assert_close(path[:14], drawn.points[drawn.codebook.recording_ == 0][:28:2], atol=1e-5, rtol=0)


def test_level_and_centroid_are_those_of_each_grain():
    quiet = torch.zeros(1, RATE // 2)
    sounds = [(sine(1000, 0.5, 0.5), RATE), (torch.cat([sine(3000, 0.05, 0.5), quiet], 1), RATE)]
    drawn = map_grains(sounds, TOY, CONFIG)
    owner, length = drawn.codebook.recording_, CONFIG.grain_frames * HOP / RATE
    loud = owner == 0
    tone = ~loud & (drawn.seconds + length < 0.5)
    silent = ~loud & (drawn.seconds > 0.5)
    assert min(int(mask.sum()) for mask in (loud, tone, silent)) > 3
    for mask, hz, amplitude in ((loud, 1000, 0.5), (tone, 3000, 0.05)):
        inside = mask & (drawn.seconds + length < 0.5)
        assert drawn.level_db[inside].numpy() == pytest.approx(20 * math.log10(amplitude / math.sqrt(2)), abs=0.2)
        assert drawn.centroid_hz[inside].numpy() == pytest.approx(hz, rel=0.06)
    assert drawn.level_db[silent].numpy() == pytest.approx(SILENT_DB)
    assert torch.equal(drawn.centroid_hz[silent], torch.zeros(int(silent.sum())))


def test_a_target_that_is_a_source_lies_on_its_own_grains():
    sounds = [(noise(61, seed=i), RATE) for i in range(2)]
    drawn = map_grains(sounds, TOY, CONFIG)
    path = drawn.place(sounds[1], TOY)
    own = drawn.points[(drawn.codebook.recording_ == 1) & (drawn.codebook.source_frame_ % 4 == 0)][:15]
    torch.testing.assert_close(path[:15], own, atol=1e-5, rtol=0)
    assert len(path) == 16  # the last one runs over the end


def test_umap_is_fitted_to_some_grains_and_places_all(monkeypatch):
    """With a stand-in for UMAP itself, which tests/test_projection.py tries and takes a minute to compile."""
    asked = []

    def layout(z, seed, neighbours, min_distance):
        asked.append((len(z), seed))
        return z[:, :2] * 3

    monkeypatch.setattr("lgr.latents.projection._umap", layout)
    monkeypatch.setattr("lgr.grain_map.layout.UMAP_GRAINS", 30)
    sounds = [(noise(40, seed=i), RATE) for i in range(2)]
    drawn, other = (map_grains(sounds, TOY, CONFIG, method="umap", seed=seed) for seed in (3, 4))
    assert asked == [(30, 3), (30, 4)]
    assert drawn.projection.rows.tolist() != other.projection.rows.tolist()
    assert len(drawn.points) == len(drawn.codebook) > 30
    torch.testing.assert_close(drawn.points[drawn.projection.rows], drawn.projection.points)
    inside = drawn.projection.points.aminmax(dim=0)  # the others lie among these
    assert bool((drawn.points >= inside.min - 1e-5).all())
    assert bool((drawn.points <= inside.max + 1e-5).all())


def test_progress_is_told_and_can_stop_the_work():
    sounds = [(noise(60, seed=i), RATE) for i in range(2)]
    told = []
    map_grains(sounds, TOY, CONFIG, progress=lambda what, done, of: told.append((what, done, of)))
    assert [what for what, _, _ in told] == ["encoding sources"] * 3 + ["measuring grains"] * 2 + [
        "laying out the map"
    ] * 2
    assert all(done <= of for _, done, of in told)

    def leave(what, done, of):
        if what == "measuring grains":
            raise InterruptedError(what)

    with pytest.raises(InterruptedError, match="measuring grains"):
        map_grains(sounds, TOY, CONFIG, progress=leave)


def test_what_cannot_be_mapped_is_refused(tmp_path):
    sound = (noise(60), RATE)
    with pytest.raises(CodebookError, match="at least 3 grains, got 2"):
        map_grains([(noise(6), RATE)], TOY, CONFIG)
    with pytest.raises(ArgumentError, match="method must be one of pca, umap, got 'tsne'"):
        map_grains([sound], TOY, CONFIG, method="tsne")
    with pytest.raises(ArgumentError, match="at least one recording"):
        map_grains([], TOY, CONFIG)
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(AudioFileError, match="holds text"):
        map_grains([tmp_path / "text.wav"], TOY, CONFIG)
    drawn: GrainMap = map_grains([sound], TOY, CONFIG)
    with pytest.raises(ArgumentError, match="target must hold some sound"):
        drawn.place((torch.zeros(1, RATE), RATE), TOY)
