"""Judges: what holds of each, on clips of the repository; their refusals, which need no package; how they are asked."""

import json
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from command_line import CLIPS, done, refused
from made_up_sounds import RATE, noise, sine
from torch import Tensor

from lgr.errors import ArgumentError, CannotJudgeError, MissingPackageError, ShapeError
from lgr.evaluation import Yardstick
from lgr.judges import JUDGES, judge, load_judge
from lgr.judges.base import cosine, levelled, remembered
from lgr.judges.dnsmos import windows
from lgr.judges.words import edit_distance
from lgr.sound.audio import load_audio, resample, save_audio

SPEECH = CLIPS / "speech_storyteller.flac"
SECONDS = 2.3  # twice doubled it is one window of DNSMOS
SAME = {"visqol-audio": 4.732, "visqol-speech": 4.4, "wer": 0.0, "speaker": 1.0, "timbre": 1.0, "estoi": 1.0}
# Beside the speech: where a judge hears a difference, from a little to much.
NOISE_DB = dict.fromkeys(JUDGES, (-30, -15, 5)) | {"visqol-speech": (-50, -40, -30), "wer": (-40, -15, -10)}
each_judge = pytest.mark.parametrize("name", list(JUDGES))
each_with_reference = pytest.mark.parametrize("name", [name for name, card in JUDGES.items() if card.needs_reference])


@pytest.fixture(scope="module")
def speech() -> Tensor:
    """Some speech, ``(samples,)`` at 24 kHz."""
    return load_audio(SPEECH, channels=1, sample_rate=RATE)[0][0, : round(SECONDS * RATE)]


def here(name: str) -> None:
    if missing := JUDGES[name].missing:
        pytest.skip(f"{', '.join(missing)} not installed: {JUDGES[name].install}")


def goodness(name: str, said: dict[str, float]) -> list[float]:
    """The numbers, turned so that more is better."""
    return [number if JUDGES[name].higher_is_better else -number for number in said.values()]


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a judge's packages away."""
    for module in JUDGES[name].modules:
        monkeypatch.setitem(sys.modules, module, None)
    load_judge.cache_clear()


@each_judge
def test_itself_is_best_noise_makes_it_worse_and_a_gain_is_heard_as_the_card_says(name: str, speech: Tensor) -> None:
    here(name)
    card = JUDGES[name]
    speech = speech[: round(1.6 * RATE)] if name == "wer" else speech  # it takes a second for one of noise
    hiss = noise(len(speech) / RATE, level=1.0) * speech.square().mean().sqrt()
    levels = [speech, *(speech + 10 ** (db / 20) * hiss for db in NOISE_DB[name])]
    said = [judge(name, each, RATE, speech) for each in levels]
    for numbers in said:
        assert tuple(numbers) == card.numbers
        assert all(card.lowest <= number <= card.highest and math.isfinite(number) for number in numbers.values())
    if card.needs_reference:
        assert goodness(name, said[0])[0] >= SAME[name] - 1e-3
    for better, worse in pairwise(said):
        assert goodness(name, better)[0] >= goodness(name, worse)[0]
    assert goodness(name, said[0])[0] > goodness(name, said[-1])[0]

    quiet = judge(name, 0.5 * levels[1], RATE, speech)
    if card.level_free:
        assert quiet == pytest.approx(said[1], abs=0.01 * min(card.highest, 1))
    else:
        assert quiet != said[1]


@pytest.mark.parametrize("name", ["visqol-audio", "timbre", "estoi"])
def test_rates_are_each_sounds_own(name: str, speech: Tensor) -> None:
    here(name)
    at_44 = resample(speech[None], RATE, 44100)[0]
    assert judge(name, at_44, 44100, speech, RATE) == pytest.approx(judge(name, speech, RATE, speech), abs=0.02)


@each_judge
def test_what_cannot_be_judged_is_said(name: str, speech: Tensor) -> None:
    here(name)
    least = JUDGES[name].least_seconds
    with pytest.raises(CannotJudgeError, match=f"the result must last {least:g} s or longer, got 0.000417 s"):
        judge(name, torch.ones(10), RATE, speech)
    with pytest.raises(CannotJudgeError, match="the result is silent"):
        judge(name, torch.zeros(2 * RATE), RATE, speech)
    if JUDGES[name].needs_reference:
        with pytest.raises(CannotJudgeError, match="the reference is silent"):
            judge(name, speech, RATE, torch.zeros(2 * RATE))
    just = sine(300, least)  # a tone of the shortest length is a number or a sentence
    with suppress(CannotJudgeError):
        assert all(math.isfinite(number) for number in judge(name, just, RATE, just).values())


@each_judge
def test_what_is_no_sound_is_refused_before_a_package_is_missed(
    name: str, speech: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(name, monkeypatch)
    broken = speech.clone()
    broken[5] = math.nan
    with pytest.raises(ArgumentError, match="result must be finite, got NaN"):
        judge(name, broken, RATE, speech)
    with pytest.raises(ShapeError, match=r"result must be \(samples >= 1,\), got \(1, 55200\)"):
        judge(name, speech[None], RATE, speech)
    with pytest.raises(ShapeError, match=r"result must be \(samples >= 1,\), got \(0,\)"):
        judge(name, speech[:0], RATE, speech)
    with pytest.raises(ArgumentError, match="sample rate of result must be at least 1 Hz, got 0"):
        judge(name, speech, 0, speech)
    if JUDGES[name].needs_reference:
        with pytest.raises(ArgumentError, match=f"reference must be a sound for the judge {name}, got None"):
            judge(name, speech, RATE)
        with pytest.raises(ArgumentError, match="reference must be finite"):
            judge(name, speech, RATE, broken)
    with pytest.raises(MissingPackageError, match=f"judge {name} needs .*==.*: pip install"):
        judge(name, speech, RATE, speech)


def test_a_package_that_does_not_run_is_told_like_a_missing_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here("estoi")
    (tmp_path / "pystoi.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pystoi", raising=False)
    load_judge.cache_clear()
    with pytest.raises(MissingPackageError, match=r"judge estoi cannot be imported .*nowhere.*: pip install"):
        load_judge("estoi")


def test_an_unknown_judge_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(ArgumentError, match=r"judge must be one of visqol-audio, .*, got 'pesq'"):
        judge("pesq", noise(1), RATE)
    with pytest.raises(ArgumentError, match=r"judge must be one of .*, got 'pesq'"):
        Yardstick((noise(1)[None], RATE), [(noise(1)[None], RATE)], judges=["pesq"])


def test_the_page_has_a_row_for_each_card() -> None:
    page = (CLIPS.parents[1] / "docs" / "judges.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:3] == "| `"]
    assert [row[0].strip("`") for row in rows] == list(JUDGES)
    for (_, _, better, beside, hears, least, code, weights), card in zip(rows, JUDGES.values(), strict=True):
        assert better == ("higher" if card.higher_is_better else "lower")
        assert beside == (", ".join(card.against) or "nothing")
        assert (hears, least) == (f"{card.sample_rate // 1000} kHz", f"{card.least_seconds:g} s")
        assert (code.removesuffix(" (ours)"), weights) == (card.code_licence, card.weights_licence or "none")


def test_cards_say_what_a_reader_needs() -> None:
    requirements = (CLIPS.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    for name, card in JUDGES.items():
        assert name == card.name
        assert card.lowest < card.highest
        assert card.package in requirements
        assert card.code_licence
        assert all((card.title, card.says, card.unit, card.modules, card.numbers))
        assert card.install.startswith("pip install")
    numbers = [number for card in JUDGES.values() for number in card.numbers]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("wanted", "found", "by_hand"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "", 3),
        ("", "a b", 2),
        ("the cat sat on the mat", "the cat sat on mat", 1),  # one missing
        ("the cat sat", "the fat cat sat", 1),  # one added
        ("he turned sharply", "he turned slowly", 1),  # one substituted
        ("a b c d", "b c d e", 2),  # one missing, one added: less than four substituted
        ("kitten sitting here", "here sitting kitten", 2),
    ],
)
def test_edit_distances_counted_by_hand(wanted: str, found: str, by_hand: int) -> None:
    assert edit_distance(wanted.split(), found.split()) == by_hand
    assert edit_distance(found.split(), wanted.split()) == by_hand


def test_edit_distances_are_those_of_brute_force() -> None:
    def brute(a: Sequence[str], b: Sequence[str]) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(brute(a[1:], b[1:]) + (a[0] != b[0]), brute(a[1:], b) + 1, brute(a, b[1:]) + 1)

    rows = ["".join(each) for n in range(4) for each in product("xyz", repeat=n)]
    for a, b in product(rows[::3], rows[::2]):
        assert edit_distance(a, b) == brute(a, b)


def test_marks_without_a_reference_are_the_packages_own() -> None:
    here("dnsmos")
    from speechmos import dnsmos

    audio = load_audio(CLIPS / "speech_address.flac", channels=1, sample_rate=16000)[0][0].repeat(3)[:201600]  # 12.6 s
    expected = dnsmos.run(audio.clamp(-1, 1).numpy(), 16000)
    said = judge("dnsmos", audio, 16000)
    assert list(said.values()) == pytest.approx([expected[f"{name}_mos"] for name in ("ovrl", "sig", "bak")], abs=1e-4)


@pytest.mark.parametrize(("seconds", "count"), [(1, 7), (4.6, 1), (9.01, 1), (10, 1), (11, 2), (12.6, 3), (18.02, 9)])
def test_windows_are_counted_as_the_package_does(seconds: float, count: int) -> None:
    audio = torch.arange(seconds * 16000)
    found = windows(audio)
    theirs = len(audio) * 2 ** max(0, math.ceil(math.log2(144160 / len(audio))))
    assert len(found) == count == int(theirs // 16000 - 9.01) + 1
    assert [float(row[0]) for row in found] == [i * 16000 % len(audio) for i in range(count)]


def test_the_recogniser_hears_what_was_said_whatever_came_before(speech: Tensor) -> None:
    here("wer")
    from lgr.judges.words import load_words

    words = load_words()
    one, two = (load_audio(CLIPS / f"{each}.flac", channels=1)[0][0, :24000] for each in (SPEECH.stem, "speech_reader"))
    first, _ = load_words()(one, two)["wer"], words(two, one)
    assert words(one, two)["wer"] == first
    assert first > 0.8  # another sentence
    with pytest.raises(CannotJudgeError, match="hears no word in the reference"):
        words(1e-3 * torch.sin(torch.arange(16000) * 0.3), one)


def test_voices_and_instruments_are_told_apart() -> None:
    for name, one, alike, other in [
        ("speaker", "speech_reader", "speech_reader", "speech_address"),
        ("timbre", "notes_sax", "sax", "drum_loop"),
    ]:
        here(name)
        sounds = {clip: load_audio(CLIPS / f"{clip}.flac", channels=1) for clip in (one, alike, other)}
        (reference, rate), number = sounds[one], JUDGES[name].numbers[0]
        half = reference.shape[1] // 2
        a = reference[0, :half], rate
        b = (reference[0, half:], rate) if alike == one else (sounds[alike][0][0], sounds[alike][1])
        c = sounds[other][0][0], sounds[other][1]
        assert judge(name, *b, *a)[number] > judge(name, *c, *a)[number] + 0.1


def test_levels_and_angles() -> None:
    sound = noise(1, level=0.01)
    assert 20 * math.log10(float(levelled(sound).square().mean().sqrt())) == pytest.approx(-26, abs=0.01)
    torch.testing.assert_close(levelled(3 * sound), levelled(sound))
    assert float(levelled(torch.eye(1, 24000)[0]).max()) == 1.0  # a click is cut off at full scale
    a, b = noise(0.1, 1), noise(0.1, 2)
    expected = torch.nn.functional.cosine_similarity(a, b, dim=0)
    assert cosine(a, 7 * b) == pytest.approx(float(expected), abs=1e-6)
    with pytest.raises(CannotJudgeError, match="hears nothing"):
        cosine(a, 0 * b)


def test_a_sound_is_heard_once() -> None:
    heard = []
    hear = remembered(lambda audio: heard.append(audio) or float(audio.sum()))
    sound = noise(0.1)
    assert hear(sound) == hear(sound.clone()) == float(sound.sum())
    assert hear(2 * sound) == float((2 * sound).sum())
    torch.testing.assert_close(heard, [sound, 2 * sound])


def test_evaluate_gives_judges_numbers_and_goes_on_without_those_that_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here("estoi")
    for name in ("timbre", "dnsmos"):
        without(name, monkeypatch)
    out = tmp_path / "out.json"
    arguments = ("evaluate", SPEECH, "-t", SPEECH, "-s", CLIPS / "rain.flac")
    text = done(*arguments, "--judges", "estoi, timbre,dnsmos,estoi", "--json", out)
    (result,) = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert result["judges"] == {
        "estoi": pytest.approx(1, abs=1e-6),
        **dict.fromkeys(("timbre_target", "timbre_source", *JUDGES["dnsmos"].numbers)),
    }
    assert result["reasons"]["timbre_source"].startswith("judge timbre needs musicnn==0.1.0: pip install")
    assert "no dnsmos_overall: judge dnsmos needs speechmos" in text
    assert result["retention"]["envelope_correlation"] == pytest.approx(1)
    assert "judges" not in done(*arguments)


def test_short_and_silent_results_are_told(tmp_path: Path) -> None:
    here("estoi")
    save_audio(tmp_path / "silence.wav", torch.zeros(1, RATE), RATE)
    save_audio(tmp_path / "short.wav", noise(0.2)[None], RATE)
    text = done(
        *("evaluate", tmp_path / "silence.wav", tmp_path / "short.wav", "-t", SPEECH, "-s", SPEECH),
        *("--judges", "estoi"),
    )
    assert "no estoi: the result is silent" in text
    assert "no estoi: the result must last 0.5 s or longer, got 0.2 s" in text


def test_names_that_are_no_judges_are_refused(tmp_path: Path) -> None:
    arguments = ("evaluate", SPEECH, "-t", SPEECH, "-s", SPEECH, "--judges")
    refused(tmp_path, *arguments, "timbre,pesq", says="--judges must be all, or some of visqol-audio, ")
    refused(tmp_path, *arguments, "", says="got ''")
    refused(tmp_path, "evaluate", SPEECH, "--seams", "1,2", "--judges", "estoi", says="leave out --seams")


def test_the_list_of_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "musicnn", None)
    text = done("judges")
    for name, card in JUDGES.items():
        (row,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        assert card.code_licence in row
        assert card.weights_licence in row
    assert "  timbre: pip install 'lgr[judges]' && pip install --no-deps musicnn==0.1.0" in text
