"""Drum voices, kits and the sequencer: every hit on its sample, a change is of one voice, files are exact."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_grain_model import RATE, tiny_sampler

from lgr.codecs import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.codecs.trained import TrainedCodec
from lgr.drums import (
    Kit,
    Pattern,
    Track,
    Voice,
    default_pattern,
    draw_kit,
    draw_voice,
    load_kit,
    make_voice,
    morph_voice,
    morph_voices,
    render_pattern,
    resample_voice,
    sample_path,
    save_kit,
    series_voice,
    voice_series,
)
from lgr.drums.kit import check_codec
from lgr.drums.sequencer import FADE_SECONDS, faded
from lgr.errors import ArgumentError, LgrError
from lgr.one_shots import draw_one_shots, one_shot_latents

METHLAB = ["Bass", "Break", "Cymbal", "Fx", "Hat", "Kick", "Lead", "Pad", "Perc", "Snare"]  # paper 004's ten classes


@pytest.fixture(scope="module")
def codec() -> TrainedCodec:
    return tiny_sampler(METHLAB)


@pytest.fixture(scope="module")
def kit(codec: TrainedCodec) -> Kit:
    return draw_kit(codec, METHLAB, seed=3)


def same(a: Voice, b: Voice) -> bool:
    return (
        (a.label, a.kind, a.frames) == (b.label, b.kind, b.frames)
        and torch.equal(a.rows, b.rows)
        and torch.equal(a.sounds, b.sounds)
    )


def same_kit(a: Kit, b: Kit) -> bool:
    return (a.codec, a.codec_version, a.sample_rate, len(a.voices)) == (
        b.codec, b.codec_version, b.sample_rate, len(b.voices)
    ) and all(map(same, a.voices, b.voices))  # fmt: skip


def impulses(*sounds: list[float], labels: list[str] | None = None) -> Kit:
    """A kit whose voices are these samples; no model made it."""
    voices = [
        Voice((labels or METHLAB)[i], "one-shot", torch.zeros(1, 3), 1, torch.tensor([sound]))
        for i, sound in enumerate(sounds)
    ]
    return Kit("none", "", RATE, tuple(voices))


# --- voices and kits ---


def test_a_seed_is_a_kit(codec: TrainedCodec, kit: Kit) -> None:
    assert kit.labels == METHLAB
    assert same_kit(kit, draw_kit(codec, [name.upper() for name in METHLAB], seed=3))
    assert not any(map(same, kit.voices, draw_kit(codec, METHLAB, seed=4).voices))


def test_voices_are_the_one_shots_that_are_sampled(codec: TrainedCodec) -> None:
    kit = draw_kit(codec, ["Kick", "Hat", "kick", None], seed=5)
    for voice, label, nth in zip(kit.voices, ["Kick", "Hat", "Kick", None], [0, 0, 1, 0], strict=True):
        assert voice.label == label
        row = draw_one_shots(codec, label, nth + 1, 5)[nth:]
        sound = codec.decode(one_shot_latents(codec, row))[0]
        torch.testing.assert_close(voice.sounds * float(sound.abs().max()) / 0.5, sound, rtol=0, atol=1e-6)
    assert not same(kit.voices[0], kit.voices[2])


def test_every_sound_is_at_one_peak_but_for_near_silence(codec: TrainedCodec, kit: Kit) -> None:
    for voice in kit.voices:
        assert float(voice.sounds.abs().max()) == pytest.approx(0.5)
    row = kit.voices[0].rows

    class Quiet(TrainedCodec):
        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            return 1e-4 * super().decode(latents)

    quiet = make_voice(Quiet(codec._model, codec.temporal, name="quiet"), "Bass", row)
    loud = float(codec.decode(one_shot_latents(codec, row)).abs().max())
    assert float(quiet.sounds.abs().max()) == pytest.approx(loud * 1e-4 * 10 ** (24 / 20), rel=1e-4)


def test_resampling_a_voice_leaves_the_others(codec: TrainedCodec, kit: Kit) -> None:
    changed = resample_voice(kit, codec, 4, seed=17)
    assert [same(*pair) for pair in zip(kit.voices, changed.voices, strict=True)] == [i != 4 for i in range(10)]
    assert same(changed.voices[4], draw_voice(codec, "Hat", 17))
    assert same_kit(resample_voice(changed, codec, 4, seed=3), kit)


def test_a_morph_is_its_voices_at_its_ends(codec: TrainedCodec, kit: Kit) -> None:
    for first, last in ((5, 9), (0, 7)):
        a, b = kit.voices[first], kit.voices[last]
        assert same(morph_voices(codec, a, b, 0), a)
        there = morph_voices(codec, a, b, 1)
        assert there.label == a.label
        assert torch.equal(there.sounds, b.sounds)
        between = morph_voice(kit, codec, first, last, 0.25)
        torch.testing.assert_close(between.voices[first].rows, 0.75 * a.rows + 0.25 * b.rows)
        assert [same(*pair) for pair in zip(kit.voices, between.voices, strict=True)].count(False) == 1


def test_a_series_goes_from_one_voice_to_the_other(codec: TrainedCodec, kit: Kit) -> None:
    a, b = kit.voices[5], kit.voices[9]
    for n in (2, 3, 7):
        series = voice_series(codec, a, b, n)
        assert series.sounds.shape == (n, a.sounds.shape[1])
        assert torch.equal(series.sounds[0], a.sounds[0])
        assert torch.equal(series.sounds[-1], b.sounds[0])
        for i in range(n):  # each sound is the morph that far on the way
            torch.testing.assert_close(series.rows[i], morph_voices(codec, a, b, i / (n - 1)).rows[0])
    assert [len(v.sounds) for v in series_voice(kit, codec, 0, 3, 4).voices] == [4, *[1] * 9]


def test_a_sampled_path_is_a_straight_line_between_two_grains(codec: TrainedCodec) -> None:
    voice = sample_path(codec, "pad", 7)
    assert (voice.label, voice.kind) == ("Pad", "grain-path")
    assert same(voice, sample_path(codec, "Pad", 7))
    assert not torch.equal(voice.rows, sample_path(codec, "Pad", 8).rows)
    size = codec.config.latent_dim
    a, b, weights = voice.rows[0].split([size, size, 10])
    assert weights.tolist() == codec.label_weights("Pad").tolist()
    line = torch.stack([torch.cat([torch.lerp(a, b, i / 6), weights]) for i in range(7)], 1)
    sound = codec.decode(line[None])[0]
    torch.testing.assert_close(voice.sounds, sound * 0.5 / sound.abs().max(), rtol=0, atol=1e-5)
    drawn = one_shot_latents(codec, draw_one_shots(codec, "Pad", 2, 7))[:, :size]
    assert any(torch.equal(a, frame) for frame in drawn[0, :, :1].T)  # 7 // 4 frames
    assert any(torch.equal(b, frame) for frame in drawn[1].T)
    other = sample_path(codec, "Fx", 1)
    assert torch.equal(morph_voices(codec, voice, other, 1).sounds, other.sounds)
    assert sample_path(codec, None, 0, frames=1).sounds.shape == (1, 64)


def test_the_length_of_voices_can_be_said(codec: TrainedCodec) -> None:
    kit = draw_kit(codec, ["Kick"], 0, frames=11)
    assert kit.voices[0].sounds.shape == (1, 11 * 64)
    assert resample_voice(kit, codec, 0, 1).voices[0].frames == 11
    assert draw_kit(codec, ["Kick"], 0).voices[0].sounds.shape == (1, 7 * 64)


def test_a_model_without_labels_has_kits_too() -> None:
    plain = tiny_sampler([])
    kit = draw_kit(plain, default_pattern(plain.labels).labels, 0)
    assert kit.labels == [None] * 8
    assert len({tuple(voice.rows[0].tolist()) for voice in kit.voices}) == 8
    assert render_pattern(default_pattern([]), kit).abs().max() > 0


# --- the sequencer ---


def by_hand(pattern: Pattern, kit: Kit, loops: int) -> torch.Tensor:
    """The same sound, sample by sample, from the definitions alone."""
    fade = round(FADE_SECONDS * kit.sample_rate)
    step_seconds = 60 / pattern.tempo / 4
    out = [0.0] * 200_000
    end = int(loops * pattern.n_steps * step_seconds * kit.sample_rate + 0.5)
    for track, voice in zip(pattern.tracks, kit.voices, strict=True):
        hits = []
        for loop in range(loops):
            nth = 0
            for step, velocity in enumerate(track.steps):
                late = (2 * pattern.swing - 1) if step % 2 else 0
                at = int((loop * pattern.n_steps + step + late) * step_seconds * kit.sample_rate + 0.5)
                if velocity:
                    hits.append((at, velocity, voice.sounds[nth % len(voice.sounds)].tolist()))
                    nth += 1
        for i, (at, velocity, sound) in enumerate(hits):
            length = min(len(sound), hits[i + 1][0] - at + fade) if i + 1 < len(hits) else len(sound)
            tail = min(fade, length)
            for k in range(length):
                ramp = min(1.0, (length - k) / (tail + 1))
                out[at + k] += sound[k] * ramp * (velocity / 127) ** 2
            end = max(end, at + length)
    return torch.tensor(out[:end])


@pytest.mark.parametrize("loops", [1, 3])
@pytest.mark.parametrize(("tempo", "swing"), [(120, 0.5), (174.3, 0.62), (397, 0.75)])
def test_the_sound_is_what_the_definitions_say(loops: int, tempo: float, swing: float) -> None:
    noise = 0.1 * torch.randn(4, 900, generator=torch.Generator().manual_seed(0))
    voices = [Voice("Kick", "one-shot", torch.zeros(1, 3), 1, noise[:1]), Voice("Hat", "one-shot", noise, 1, noise[1:])]
    kit = Kit("none", "", RATE, tuple(voices))
    steps = torch.randint(-60, 128, (2, 13), generator=torch.Generator().manual_seed(1)).clamp(min=0)
    pattern = Pattern(
        tracks=(Track("Kick", tuple(steps[0].tolist())), Track("Hat", tuple(steps[1].tolist()))),
        tempo=tempo,
        swing=swing,
    )
    audio = render_pattern(pattern, kit, loops)
    assert audio.dtype == torch.float32
    torch.testing.assert_close(audio[0], by_hand(pattern, kit, loops), rtol=0, atol=1e-5)


def test_a_hit_begins_on_its_sample() -> None:
    kit = impulses([0.4, *[0.0] * 99])
    pattern = Pattern(tracks=(Track("Bass", (127,) * 16),), tempo=133.7, swing=0.58)
    audio = render_pattern(pattern, kit, loops=5)[0]
    expected = [pattern.onset(step, RATE, loop) for loop in range(5) for step in range(16)]
    assert audio.nonzero()[:, 0].tolist() == expected


def test_a_track_ends_its_own_hit_and_no_other() -> None:
    kit = impulses([0.2] * 4000, [0.1] * 4000)
    step = RATE // 8  # 1000 samples at tempo 120
    pattern = Pattern(tracks=(Track("Bass", (127, 0, 127, 0)), Track("Break", (127, 0, 0, 0))))
    audio = render_pattern(pattern, kit)[0]
    assert len(audio) == 6000
    torch.testing.assert_close(audio[: 2 * step], torch.full((2 * step,), 0.3))
    torch.testing.assert_close(audio[2 * step + 40 : 3960], torch.full((1920,), 0.3))  # 5 ms later only the second
    middle = audio[2 * step : 2 * step + 40]
    assert (middle > 0.3).all()
    assert (middle <= 0.5).all()


def test_velocity_is_a_square() -> None:
    kit = impulses([0.4, *[0.0] * 99])
    peaks = [float(render_pattern(Pattern(tracks=(Track("Bass", (v, 0)),)), kit).max()) for v in (127, 90, 1)]
    assert peaks == pytest.approx([0.4 * (v / 127) ** 2 for v in (127, 90, 1)])


def test_nothing_passes_full_scale_and_quiet_beats_are_left_alone() -> None:
    loud = impulses(*[[0.5] * 100] * 10)
    pattern = Pattern(tracks=tuple(Track(name, (127, 0, 0, 0)) for name in METHLAB))
    audio = render_pattern(pattern, loud)
    assert 0.99 < float(audio.abs().max()) <= 1
    assert audio.nonzero()[0, 1] == 0


def test_silence_lasts_as_long_as_the_pattern(kit: Kit) -> None:
    pattern = Pattern(tracks=(Track("Pad", (0,) * 16),))
    assert render_pattern(pattern, kit, 2).shape == (1, 4 * RATE)
    assert not render_pattern(pattern, kit).any()


def test_a_sound_shorter_than_its_fade_is_heard() -> None:
    assert faded(torch.ones(3), RATE).tolist() == pytest.approx([0.75, 0.5, 0.25])
    assert faded(torch.ones(500), RATE, 0).shape == (40,)


def test_tracks_find_their_voices_by_class(kit: Kit) -> None:
    found = kit.for_labels(["snare", "HAT", "Hat"])
    assert [voice.label for voice in found] == ["Snare", "Hat", "Hat"]
    two = Kit(kit.codec, kit.codec_version, RATE, (kit.voices[4], kit.voices[4]))
    assert two.for_labels(["Hat", "Hat", "Hat"])[1] is two.voices[1]


def test_the_same_beat_is_the_same_samples(codec: TrainedCodec) -> None:
    pattern = default_pattern(codec.labels)
    first, second = (render_pattern(pattern, draw_kit(codec, pattern.labels, 8), 2) for _ in range(2))
    assert torch.equal(first, second)


# --- files ---


@pytest.fixture
def mixed(codec: TrainedCodec) -> Kit:
    """A kit with every kind of voice, and names that files cannot have."""
    kit = draw_kit(codec, ["Kick", "Snare", None, "Pad"], 2)
    kit = series_voice(kit, codec, 1, 0, 3).with_voice(3, sample_path(codec, "Pad", 5))
    voice = kit.voices[0]
    return kit.with_voice(0, Voice("../É/\n", voice.kind, voice.rows, voice.frames, voice.sounds))


def test_a_zip_gives_back_the_kit(mixed: Kit, tmp_path: Path) -> None:
    path = save_kit(mixed, tmp_path / "kit.zip")
    assert same_kit(load_kit(path), mixed)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [
            "kit.json", "01-voice.wav", "02-snare-01.wav", "02-snare-02.wav", "02-snare-03.wav",
            "03-voice.wav", "04-pad.wav",
        ]  # fmt: skip
    first = path.read_bytes()
    assert save_kit(load_kit(path), path, force=True).read_bytes() == first


def test_its_json_rebuilds_every_sound(codec: TrainedCodec, mixed: Kit, tmp_path: Path) -> None:
    with zipfile.ZipFile(save_kit(mixed, tmp_path / "kit.zip")) as archive:
        said = json.loads(archive.read("kit.json"))
    assert (said["codec"], said["codec_version"], said["sample_rate"]) == ("tiny", "seed 0", RATE)
    for voice, was in zip(said["voices"], mixed.voices, strict=True):
        rows = torch.tensor(voice["rows"])
        made = make_voice(codec, voice["class"], rows, kind=voice["kind"], frames=voice["frames"])
        assert same(made, was)


def test_damaged_kits_are_told_in_one_sentence(mixed: Kit, tmp_path: Path) -> None:
    path = save_kit(mixed, tmp_path / "kit.zip")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    said = json.loads(files["kit.json"])

    def no(says: str, description: Any = None, **changed: bytes | None) -> None:
        content = files | {"kit.json": json.dumps(description).encode()} if description is not None else dict(files)
        for name, value in changed.items():
            name = name.replace("_", "-").replace("-wav", ".wav").replace("-json", ".json")
            content = {k: v for k, v in content.items() if k != name} | ({} if value is None else {name: value})
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            for name, value in content.items():
                archive.writestr(name, value)
        with pytest.raises(ArgumentError, match=f"bad.zip: .*{says}"):
            load_kit(tmp_path / "bad.zip")

    first = said["voices"][0]
    no("must hold kit.json, and does not", kit_json=None)
    no("kit.json must be JSON", kit_json=b"{")
    no('must say "format": "lgr-kit"', {"format": "lgr-pattern"})
    no("version must be 1, got 9", {**said, "version": 9})
    no("'voices' is missing", {key: value for key, value in said.items() if key != "voices"})
    no("voices must be 1 to 16, got 0", {**said, "voices": []})
    no("kind of a voice must be one of one-shot, grain-path, got 'x'", {**said, "voices": [{**first, "kind": "x"}]})
    no("class of a voice must be a name or null, got 3", {**said, "voices": [{**first, "class": 3}]})
    no("a row for each of its 1 to 64 sounds, got 2 rows", {**said, "voices": [{**first, "rows": [[1], [2]]}]})
    no("is damaged", {**said, "voices": [{**first, "rows": [["a"]]}]})
    no("must hold nowhere.wav", {**said, "voices": [{**first, "sounds": ["nowhere.wav"]}]})
    no("must be mono at 44100 Hz, got 1 at 8000 Hz", {**said, "sample_rate": 44100})
    content = {"02_snare_02_wav": files["02-snare-02.wav"][:100]}
    no("02-snare-02.wav is cut short", **content)
    whole = path.read_bytes()
    for bad in (b"", b"no zip", whole[: len(whole) // 2]):
        path.write_bytes(bad)
        with pytest.raises(ArgumentError, match=r"kit must be a zip that lgr wrote, got .*kit\.zip"):
            load_kit(path)
    with pytest.raises(ArgumentError, match="cannot be read"):
        load_kit(tmp_path / "none.zip")


def test_what_cannot_be_is_refused(codec: TrainedCodec, kit: Kit, tmp_path: Path) -> None:
    other = tiny_sampler(METHLAB, seed=1)
    series, long = voice_series(codec, kit.voices[0], kit.voices[1], 2), draw_voice(codec, "Bass", 0, frames=3)
    pattern = default_pattern(METHLAB)
    for says, act in {
        r"codec must have a temporal embedding .*, toy has none": lambda: draw_kit(ToyCodec(), ["Kick"], 0),  # type: ignore[arg-type]
        r"labels must be 1 to 16 classes, got 0": lambda: draw_kit(codec, [], 0),
        r"labels must be 1 to 16 classes, got 17": lambda: draw_kit(codec, ["Kick"] * 17, 0),
        r"label must be one that tiny was trained on .*, got 'gong'": lambda: draw_kit(codec, ["Kick", "gong"], 0),
        r"frames must be 1 to 3750 \(30 s\), got 0": lambda: draw_kit(codec, ["Kick"], 0, frames=0),
        r"frames must be .*, got 1000000000": lambda: draw_kit(codec, ["Kick"], 0, frames=10**9),
        r"kind must be one of one-shot, grain-path, got 'x'": lambda: make_voice(
            codec, None, kit.voices[0].rows, kind="x"
        ),
        r"rows must be \(n, 13\) .*, got \(1, 5\)": lambda: make_voice(codec, None, torch.zeros(1, 5)),
        r"rows must be \(n, 22\)": lambda: make_voice(codec, None, torch.zeros(1, 5), kind="grain-path"),
        r"rows must be \(n, 13\) with n from 1 to 64": lambda: make_voice(codec, None, torch.zeros(0, 13)),
        r"rows must be finite": lambda: make_voice(codec, None, torch.full((1, 13), torch.nan)),
        r"amount must be 0 to 1, got 1.5": lambda: morph_voice(kit, codec, 0, 1, 1.5),
        r"amount must be 0 to 1, got nan": lambda: morph_voice(kit, codec, 0, 1, float("nan")),
        r"a voice must be one of the kit's 10, got number 11": lambda: morph_voice(kit, codec, 0, 10, 0.5),
        r"one of the kit's 10, got number 0": lambda: resample_voice(kit, codec, -1, 0),
        r"of one kind to be mixed, got one-shot and grain-path": lambda: morph_voices(
            codec, kit.voices[0], sample_path(codec, "Fx", 0), 0.5
        ),
        r"of one number of sounds to be mixed, got 1 and 2": lambda: morph_voices(codec, kit.voices[0], series, 0.5),
        r"of one length in frames to be mixed, got 7 and 3": lambda: morph_voices(codec, kit.voices[0], long, 0.5),
        r"n must be 2 to 64 sounds, got 1": lambda: voice_series(codec, kit.voices[0], kit.voices[1], 1),
        r"voices of one sound each, got one of 2": lambda: voice_series(codec, series, series, 3),
        r"codec must be the model that drew the kit, tiny \(seed 0, 8000 Hz\), got tiny \(seed 1": lambda: check_codec(
            kit, other
        ),
        r"loops must be a whole number >= 1, got 0": lambda: render_pattern(pattern, kit, 0),
        r"loops must keep the result within 30 minutes, got 901": lambda: render_pattern(pattern, kit, 901),
        r"class of a track must be one that the kit has \(Bass, .*\), got 'gong'": lambda: render_pattern(
            default_pattern(["gong"]), kit
        ),
        r"path of a kit must end in .zip, got .*kit.rar": lambda: save_kit(kit, tmp_path / "kit.rar"),
    }.items():
        with pytest.raises(ArgumentError, match=says):
            act()
    for act in (resample_voice, lambda *args: morph_voice(*args, 0.5), lambda *args: series_voice(*args, 2)):
        with pytest.raises(ArgumentError, match="codec must be the model that drew the kit"):
            act(kit, other, 0, 1)
    save_kit(kit, tmp_path / "kit.zip")
    with pytest.raises(LgrError, match="exists and is kept"):
        save_kit(kit, tmp_path / "kit.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["kit.zip"]


@pytest.mark.slow
def test_the_shipped_model_plays_a_beat(tmp_path: Path) -> None:
    codec = load_codec("drums-spectral")
    assert isinstance(codec, TrainedCodec)
    pattern = default_pattern(codec.labels)
    kit = draw_kit(codec, pattern.labels, 3)
    audio = render_pattern(pattern, kit)
    assert 0.3 < float(audio.abs().max()) <= 1
    assert same_kit(load_kit(save_kit(kit, tmp_path / "kit.zip")), kit)
    changed = resample_voice(kit, codec, 6, 17)
    assert [same(*pair) for pair in zip(kit.voices, changed.voices, strict=True)] == [i != 6 for i in range(8)]
    assert torch.equal(morph_voices(codec, kit.voices[4], kit.voices[6], 1).sounds, kit.voices[6].sounds)
    for label in codec.labels:  # lines between grains are heard
        assert float(sample_path(codec, label, 0).sounds.pow(2).mean().sqrt()) > 0.003
