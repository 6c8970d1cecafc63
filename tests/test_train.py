"""Training: the split, the cache, batches that depend on the step alone, splices, runs that resume as if unbroken."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lgr.codecs.bundled import BundledCodec
from lgr.errors import ArgumentError, AudioFileError
from lgr.models.bundled.envelope_net import EnvelopeNet, EnvelopeNetConfig
from lgr.models.mdct import mdct_basis
from lgr.models.timbre import FLOOR_DECADES, raise_floor
from lgr.train.codec.config import CodecTrainConfig
from lgr.train.codec.export import mean_raised_envelope
from lgr.train.codec.steps import splice, training_loss
from lgr.train.codec.train import train_codec
from lgr.train.data import AudioCache, Clip, CropSampler, read_manifest, shipped_groups, split_by_group

RATE = 8000
NET = EnvelopeNetConfig(
    sample_rate=RATE,
    hop_length=64,
    window_length=256,
    n_bands=8,
    n_detail=16,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)


def tiny(**changes: Any) -> CodecTrainConfig:
    return CodecTrainConfig(**{"steps": 6, "batch_size": 4, "crop_frames": 12, "warmup_steps": 2, **changes})


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two categories of four short sounds each."""
    folder = tmp_path_factory.mktemp("recordings")
    for category, kind in (("tones", 0), ("noises", 1)):
        (folder / category).mkdir()
        for i in range(4):
            n = np.arange(RATE // 4 + 100 * i)
            random = np.random.default_rng(10 * kind + i)
            audio = random.normal(0, 0.1, len(n)) if kind else 0.4 * np.sin(2 * np.pi * 110 * (i + 1) * n / RATE)
            soundfile.write(folder / category / f"{i}.wav", audio, RATE)
    return folder


# ---- data ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_folders_gives_categories(recordings: Path) -> None:
    clips = read_manifest(recordings)
    assert len(clips) == 8
    assert {c.category for c in clips} == {"tones", "noises"}
    assert len({c.group for c in clips}) == 8


def manifest(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_manifest_is_read_for_what_may_be_shipped(tmp_path: Path) -> None:
    columns = ("path", "category", "class", "instrument", "group", "redistributable")
    values = [
        ("a.wav", "drums", "kick", "", "g1", "yes"),
        ("b.wav", "notes", "C4", "flute", "g2", "yes-attribution"),
        ("c.wav", "drums", "snare", "", "g3", "no"),
        ("d.wav", "", "", "", "", ""),
    ]
    path = manifest(tmp_path / "manifest.csv", [dict(zip(columns, row, strict=True)) for row in values])
    clips = read_manifest(path)
    assert [Path(c.path).name for c in clips] == ["a.wav", "b.wav"]
    assert [(c.category, c.label, c.group) for c in clips] == [("drums", "kick", "g1"), ("notes", "flute", "g2")]
    assert clips[0].path == str(tmp_path / "a.wav")  # beside the manifest
    assert read_manifest(tmp_path) == clips  # a folder that holds a manifest is that manifest
    everything = read_manifest(path, redistributable_only=False)
    assert len(everything) == 4
    assert (everything[3].category, everything[3].group) == ("all", everything[3].path)


def test_data_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"data must be a folder of audio or a manifest.csv that exists"):
        read_manifest(tmp_path / "missing.csv")
    with pytest.raises(AudioFileError, match="no wav, flac, ogg or mp3 file"):
        read_manifest(tmp_path)
    with pytest.raises(ArgumentError, match="at least one clip that may be used"):
        read_manifest(manifest(tmp_path / "no.csv", [{"path": "a.wav", "redistributable": "no"}]))
    with pytest.raises(ArgumentError, match="a path in every row, got none in row 1"):
        read_manifest(manifest(tmp_path / "odd.csv", [{"file": "a.wav"}]))


@given(
    groups=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), min_size=1, max_size=40),
    seed=st.randoms(use_true_random=False),
    always=st.sets(st.integers(0, 12), max_size=3),
)
def test_the_split_never_separates_a_group_and_is_stable(
    groups: list[tuple[str, int]], seed: Any, always: set[int]
) -> None:
    clips = [
        Clip(path=f"{i}", category=category, label="", group=f"g{group}") for i, (category, group) in enumerate(groups)
    ]
    held = frozenset(f"g{g}" for g in always)
    training, held_out = split_by_group(clips, 0.3, held)
    assert sorted(c.path for c in training + held_out) == sorted(c.path for c in clips)
    assert {c.group for c in training}.isdisjoint(c.group for c in held_out)
    assert {c.group for c in training}.isdisjoint(held)
    shuffled = clips.copy()
    seed.shuffle(shuffled)
    again, _ = split_by_group(shuffled, 0.3, held)
    assert {c.path for c in again} == {c.path for c in training}
    for category in "ab":
        names = {c.group for c in clips if c.category == category}
        if len(names) > 1:  # every category is heard in the validation
            assert any(c.category == category for c in held_out)


def test_the_cache_holds_the_clips_and_is_made_once(recordings: Path, tmp_path: Path) -> None:
    clips = read_manifest(recordings)
    cache = AudioCache.build(clips, tmp_path, RATE)
    for clip in cache.clips:
        audio, _ = soundfile.read(clip.path)
        np.testing.assert_allclose(cache.audio(clip).numpy(), audio, atol=1e-4)
    written = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    renamed = [Clip(path=c.path, category="new", label=c.label, group=c.group) for c in clips]
    again = AudioCache.build(renamed, tmp_path, RATE)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == written
    assert {c.category for c in again.clips} == {"new"}
    assert torch.equal(again.audio(again.clips[3]), cache.audio(cache.clips[3]))
    AudioCache.build(clips, tmp_path, RATE // 2)
    assert len(list(tmp_path.iterdir())) == 2 * len(written)


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    clips = [Clip(path=str(file), category="all", label="all", group="a")]
    for level, samples in ((0.25, 400), (0.5, 500)):
        soundfile.write(file, np.full(samples, level), RATE)
        cache = AudioCache.build(clips, tmp_path / "cache", RATE)
        np.testing.assert_allclose(cache.audio(cache.clips[0]).numpy(), np.full(samples, level), atol=1e-4)


def test_a_batch_depends_on_seed_and_step_alone(recordings: Path, tmp_path: Path) -> None:
    clips = read_manifest(recordings)
    cache = AudioCache.build(clips, tmp_path, RATE)

    def sampler(seed: int = 0, crop: int = 1000) -> CropSampler:
        return CropSampler(cache, clips, crop=crop, batch_size=5, seed=seed)

    one = sampler()
    first, third = one.batch(0), one.batch(3)
    assert torch.equal(sampler().batch(3), third)
    assert torch.equal(one.batch(0), first)
    assert not torch.equal(first, third)
    assert not torch.equal(sampler(seed=1).batch(0), first)
    assert first.shape == (5, 1000)
    peaks = torch.cat([sampler(seed=s).batch(0).abs().amax(1) for s in range(10)])
    assert float(peaks.max()) <= 1 + 1e-6
    assert float(peaks.min()) > 10 ** (-31 / 20)
    longer = sampler(crop=4000).batch(0)  # longer than any clip: each stands in silence
    assert bool((longer == 0).any(1).all())
    assert bool((longer.abs().amax(1) > 0).all())
    with pytest.raises(ArgumentError, match="data must hold clips to train on"):
        CropSampler(cache, [], crop=1000, batch_size=5, seed=0)


# ---- the loss ------------------------------------------------------------------------------------------------------


def test_splice_is_what_it_says() -> None:
    batch, frames, hop, n = 6, 12, 8, 3
    random = torch.Generator().manual_seed(1)
    latents, audio = torch.randn(batch, frames, 5, generator=random), torch.randn(batch, frames * hop, generator=random)
    before = latents.clone(), audio.clone()
    got, target = splice(latents, audio, n, hop, torch.Generator().manual_seed(7))
    assert torch.equal(latents, before[0])
    assert torch.equal(audio, before[1])
    basis = mdct_basis(hop)
    rise = (basis @ basis.T).diagonal()[:hop]  # the transform's own window, squared: the fade without its aliases
    draws = torch.Generator().manual_seed(7)
    for i in range(batch):
        cut, donor = frames, i
        if i < n:
            cut = int(torch.randint(4, frames - 2, (), generator=draws))
            donor = n + int(torch.randint(batch - n, (), generator=draws))
        for t in range(frames):
            torch.testing.assert_close(got[i, t], latents[donor if t >= cut else i, t])
        for s in range(frames * hop):
            block, along = divmod(s, hop)
            share = 0.0 if block < cut - 1 else float(rise[along]) if block == cut - 1 else 1.0  # of the donor
            expected = (1 - share) * audio[i, s] + share * audio[donor, s]
            torch.testing.assert_close(target[i, s], expected, rtol=1e-5, atol=1e-6)
    assert splice(latents, audio, 0, hop, draws)[0] is latents


def test_the_splice_fits_the_transform() -> None:
    """Where nothing else is lost, spliced latents decode to one sound before the fade and to the other after it."""
    net = EnvelopeNet(EnvelopeNetConfig(**{**NET.__dict__, "n_detail": NET.hop_length}))
    torch.nn.init.constant_(net.noise_bias, -100.0)
    audio = 0.2 * torch.randn(2, 40 * 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, latents = net.encode(None, audio)
        mixed, target = splice(latents, audio, 1, 64, torch.Generator().manual_seed(1))
        out = net(mixed)
    cut = int(torch.randint(4, 38, (), generator=torch.Generator().manual_seed(1)))
    clear = torch.ones(40 * 64, dtype=torch.bool)
    clear[(cut - 1) * 64 : cut * 64] = False  # the fade itself, where the transform's aliases meet
    clear[:256] = clear[-64:] = False
    torch.testing.assert_close(out[0, clear], target[0, clear], rtol=0, atol=2e-3)


def test_loss_is_a_pure_function() -> None:
    net = EnvelopeNet(NET)
    audio = 0.1 * torch.randn(4, 12 * 64, generator=torch.Generator().manual_seed(0))
    state = torch.random.get_rng_state()
    loss, terms = training_loss(net, audio, tiny(), 3)
    torch.rand(1)
    again, _ = training_loss(net, audio, tiny(), 3)
    torch.random.set_rng_state(state)
    assert torch.equal(loss, again)
    assert not torch.equal(loss, training_loss(net, audio, tiny(), 5)[0])
    assert set(terms) == {"log_mel", "convergence", "linear", "waveform"}


def test_the_rate_warms_up_holds_and_falls_to_nothing() -> None:
    config = tiny(steps=100, warmup_steps=10, decay=0.25, learning_rate=1.0)
    rates = [config.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:75] == [1.0] * 66
    assert rates[75:] == sorted(rates[75:], reverse=True)
    assert rates[99] == pytest.approx(0.04)


# ---- whole runs ----------------------------------------------------------------------------------------------------


class Interrupted(Exception):
    """Stands for the power cut."""


def losses(recordings: Path, out: Path, *, stop_at: int | None = None, **options: Any) -> dict[int, Any]:
    """Run a tiny training and give its held-out losses by step; ``stop_at`` breaks it off once that step is logged."""
    rows: dict[int, Any] = {}

    def report(row: dict[str, Any]) -> None:
        if "held_out" in row:
            rows[row["step"]] = row["held_out"]
        if row["step"] == stop_at:
            raise Interrupted

    train_codec(
        recordings,
        out,
        config=tiny(validate_every=1, checkpoint_seconds=-1.0),
        net_config=NET,
        report=report,
        **options,
    )
    return rows


def test_a_resumed_run_is_an_unbroken_one(recordings: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = losses(recordings, tmp_path / "whole", cache=cache)
    assert list(whole) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(Interrupted):
        losses(recordings, tmp_path / "broken", cache=cache, stop_at=4)  # its last checkpoint is that of step 3
    rest = losses(recordings, tmp_path / "broken", cache=cache, resume=True)
    assert rest == {step: whole[step] for step in (4, 5, 6)}
    weights = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True)["net"] for run in ("whole", "broken")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    exported = [(tmp_path / run / "model.safetensors").read_bytes() for run in ("whole", "broken")]
    assert exported[0] == exported[1]


def test_an_export_opens_and_an_existing_run_is_kept(recordings: Path, tmp_path: Path) -> None:
    out = train_codec(recordings, tmp_path / "run", config=tiny(steps=2), net_config=NET)
    assert {p.name for p in out.iterdir()} >= {"checkpoint.pt", "log.jsonl", "config.json", "model.safetensors"}
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 2
    assert all(math.isfinite(value) for value in rows[-1]["held_out"].values())
    codec = BundledCodec.from_folder(out)
    assert codec.config == NET
    audio: Tensor = 0.1 * torch.randn(1, 1, 1000, generator=torch.Generator().manual_seed(0))
    assert codec.decode(codec.encode(audio)).shape == (1, 1, 1024)
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    with pytest.raises(ArgumentError, match="already holds a training run: resume it, or choose another folder"):
        train_codec(recordings, out, config=tiny(), net_config=NET)
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before


def test_one_recording_is_not_enough(recordings: Path, tmp_path: Path) -> None:
    path = manifest(tmp_path / "one.csv", [{"path": str(recordings / "tones" / "0.wav")}])
    with pytest.raises(ArgumentError, match="of another group, clips to hold out"):
        train_codec(path, tmp_path / "run", config=tiny(), net_config=NET)


def test_resuming_with_another_recipe_is_refused(recordings: Path, tmp_path: Path) -> None:
    out = train_codec(recordings, tmp_path / "run", config=tiny(steps=1), net_config=NET)
    with pytest.raises(ArgumentError, match=r"config must be that of the run being resumed \(ema=0.999\)"):
        train_codec(recordings, out, config=tiny(steps=2, ema=0.5), net_config=NET, resume=True)
    (out / "checkpoint.pt").unlink()
    for resume in (False, True):
        with pytest.raises(ArgumentError, match=r"out (already holds a training run|must hold a checkpoint)"):
            train_codec(recordings, out, config=tiny(steps=2), net_config=NET, resume=resume)


def test_shipped_groups_are_read_from_the_credits(tmp_path: Path) -> None:
    assert shipped_groups(tmp_path / "none.csv") == frozenset()
    (tmp_path / "credits.csv").write_text("clip,group\na,one\nb,two\nc,one\n")
    assert shipped_groups(tmp_path / "credits.csv") == {"one", "two"}


@pytest.mark.parametrize("wrong", [{"crop_frames": 7}, {"splice_share": 1.0}, {"decay": 0.0}])
def test_a_recipe_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        CodecTrainConfig(**wrong)


def test_the_mean_envelope_is_that_of_the_given_clips(recordings: Path, tmp_path: Path) -> None:
    clips = read_manifest(recordings)
    cache = AudioCache.build(clips, tmp_path, RATE)
    net, some = EnvelopeNet(NET), clips[:3]
    frames = []
    for clip in cache.clips:
        audio = cache.audio(clip)
        if clip.path in {c.path for c in some}:
            frames.append(net.analyse(None, audio[None, : audio.shape[0] // 64 * 64])[1][0])
    expected = raise_floor(torch.cat(frames), FLOOR_DECADES).mean(0)
    torch.testing.assert_close(mean_raised_envelope(net, cache, some), expected)
