"""What all tabs of the app share: limits, uploads, messages, seeds, visitors, opened codecs. No browser."""

import inspect
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from app_server import built
from made_up_uploads import REFUSED, upload

gr = pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.page import choices, codecs  # noqa: E402
from lgr_app.page.cards import Card, cards_html, figure_html, switch_html  # noqa: E402
from lgr_app.page.codecs import CodecStore, codec_choices, shown_names, why_not_here  # noqa: E402
from lgr_app.page.guard import with_messages  # noqa: E402
from lgr_app.page.limits import ENVIRONMENT, Limits  # noqa: E402
from lgr_app.page.seeds import LARGEST, next_seed  # noqa: E402
from lgr_app.page.sounds import (  # noqa: E402
    EXAMPLES,
    MAX_SOURCES,
    clip_names,
    read_sources,
    read_upload,
    without_folders,
)
from lgr_app.page.visitors import KEPT_FOLDERS, Visitor, VisitorLeft, Visitors, reporter  # noqa: E402
from lgr_app.tabs import TABS  # noqa: E402

from lgr.codecs.registry import codec_names  # noqa: E402
from lgr.errors import ArgumentError, AudioFileError, WeightsError  # noqa: E402
from lgr.latents.pace import PACES  # noqa: E402
from lgr.latents.path import KINDS  # noqa: E402
from lgr.latents.vectors import METRICS  # noqa: E402

LIMITS = Limits()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return tmp_path


# Limits


def test_limits_come_from_the_environment_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Limits.from_environment() == Limits()
    for name, text in zip(ENVIRONMENT.values(), ("12.5", "150", "3", "5"), strict=True):
        monkeypatch.setenv(name, text)
    found = Limits.from_environment()
    assert found == Limits(max_seconds=12.5, max_source_seconds=150, max_mb=3, concurrency=5)
    assert found.sentence().startswith("Sounds up to 12.5 s, sources up to 2.5 min together, 3 MB a file")


@pytest.mark.parametrize("text", ["a lot", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_APP_MAX_MB", text)
    with pytest.raises(ArgumentError, match=r"LGR_APP_MAX_MB must be (a number )?above 0"):
        Limits.from_environment()


# Uploads


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_sound_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    path = upload(tmp_path, kind)
    with pytest.raises(AudioFileError, match=re.escape(REFUSED[kind])) as error:
        read_upload(path, "target", LIMITS)
    assert str(error.value).startswith(path.name)
    assert str(tmp_path) not in str(error.value)
    with pytest.raises(AudioFileError, match=re.escape(path.name)):
        read_sources([upload(tmp_path, "good"), path], LIMITS)


@pytest.mark.parametrize("kind", ["good", "fast", "surround"])
def test_what_is_a_sound_is_taken(kind: str, tmp_path: Path) -> None:
    path = upload(tmp_path, kind)
    assert read_upload(str(path), "target", LIMITS) == path
    assert read_sources([str(path)], LIMITS) == [path]


def test_nothing_given_is_told() -> None:
    for nothing in (None, ""):
        with pytest.raises(AudioFileError, match="Choose a target first"):
            read_upload(nothing, "target", LIMITS)
    for none in (None, []):
        with pytest.raises(AudioFileError, match="Choose at least one source first"):
            read_sources(none, LIMITS)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"^gone\.wav does not exist"):
        read_upload(tmp_path / "gone.wav", "target", LIMITS)


def test_limits_hold_for_each_file_and_for_sources_together(tmp_path: Path) -> None:
    good = upload(tmp_path, "good")
    with pytest.raises(AudioFileError, match=r"good\.wav lasts 1 s, and a target may last 0\.5 s"):
        read_upload(good, "target", Limits(max_seconds=0.5))
    with pytest.raises(AudioFileError, match=r"good\.wav is 0\.048 MB; at most 0\.01 are taken"):
        read_upload(good, "target", Limits(max_mb=0.01))
    assert len(read_sources([good] * 3, Limits(max_source_seconds=3))) == 3
    with pytest.raises(AudioFileError, match="The sources last 4 s together, and 3 s are taken"):
        read_sources([good] * 4, Limits(max_source_seconds=3))
    with pytest.raises(AudioFileError, match=f"at most {MAX_SOURCES} are taken"):
        read_sources([good] * (MAX_SOURCES + 1), LIMITS)


def test_folders_of_uploads_are_not_told(own_folder: Path) -> None:
    place = Path(os.environ["GRADIO_TEMP_DIR"]) / "0123abcd"
    assert without_folders(f"{place}/my own drum.wav is cut short") == "my own drum.wav is cut short"
    assert without_folders(f"{place}/a.wav and {place}/b.wav") == "a.wav and b.wav"
    assert without_folders("look into /usr/share/sounds/a.wav") == "look into /usr/share/sounds/a.wav"


def test_examples_are_bundled_and_allowed() -> None:
    for example in EXAMPLES:
        assert read_upload(example.target_path, "target", LIMITS) == example.target_path
        assert read_sources(example.source_paths, LIMITS) == example.source_paths
    assert {"drum_loop", "glass", "rain"} <= set(clip_names())


# Messages


def test_an_error_on_purpose_is_shown_as_a_sentence() -> None:
    def callback() -> None:
        raise ArgumentError("grain_frames must be >= 1, got <0>")

    with pytest.raises(gr.Error) as shown:
        with_messages(callback, Visitors())()
    assert shown.value.message == "Grain_frames must be &gt;= 1, got &lt;0&gt;."
    assert shown.value.print_exception is False


def test_any_other_error_is_logged_and_shown_by_its_number(caplog: pytest.LogCaptureFixture) -> None:
    def callback() -> None:
        raise RuntimeError("secret details")

    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error) as shown:
        with_messages(callback, Visitors())()
    number = re.search(r"number ([0-9a-f]{6})", shown.value.message)
    assert number is not None
    assert "secret" not in shown.value.message
    assert f"error {number[1]} in callback" in caplog.text
    assert "secret details" in caplog.text


def test_a_generator_is_guarded_step_by_step_and_signatures_stay() -> None:
    def steps(n: int, request: gr.Request, progress: Any = gr.Progress()) -> Any:
        yield n
        raise ArgumentError("no more")

    guarded = with_messages(steps, Visitors())
    assert inspect.isgeneratorfunction(guarded)
    assert inspect.signature(guarded) == inspect.signature(steps)
    running = guarded(3, None)
    assert next(running) == 3
    with pytest.raises(gr.Error, match=r"No more\."):
        next(running)


def test_a_job_whose_visitor_left_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor()
    report = reporter(visitor, None)
    report("matching", 1, 2)
    visitor.leave()
    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error, match="Stopped"):
        with_messages(lambda: report("matching", 2, 2), Visitors())()
    assert caplog.text == ""


def test_files_that_went_with_their_visitor_are_no_error(caplog: pytest.LogCaptureFixture) -> None:
    visitors, request = Visitors(), request_of("a")

    def draws(request: gr.Request) -> None:
        folder = visitors.of(request).folder()
        visitors.left(request)
        (folder / "score.png").write_bytes(b"")

    with caplog.at_level(logging.ERROR), pytest.raises(gr.Error, match="Stopped"):
        with_messages(draws, visitors)(request)
    assert caplog.text == ""


# Seeds


def test_a_locked_seed_stays_and_an_open_one_is_drawn() -> None:
    assert next_seed(7, True) == 7
    assert next_seed(7, False, draw=lambda below: below - 1) == 999_999
    assert len({next_seed(7, False) for _ in range(20)}) > 10
    for wrong in (None, -1, 1.5, LARGEST + 1):
        with pytest.raises(ArgumentError, match="The seed must be a whole number from 0"):
            next_seed(wrong, True)


# Visitors


def request_of(session: str) -> gr.Request:
    return gr.Request(session_hash=session)


def test_visitors_have_folders_of_their_own_that_go_with_them() -> None:
    visitors = Visitors()
    a, b = visitors.of(request_of("a")), visitors.of(request_of("b"))
    assert visitors.of(request_of("a")) is a
    in_a, in_b = a.folder(), b.folder()
    assert in_a.parent != in_b.parent
    (in_a / "sound.flac").write_bytes(b"x")
    visitors.left(request_of("a"))
    assert not in_a.parent.exists()
    assert in_b.is_dir()
    with pytest.raises(VisitorLeft):
        a.folder()
    assert visitors.of(request_of("a")) is not a  # the page was opened again
    visitors.all_leave()
    assert not in_b.parent.exists()
    assert len(visitors) == 0


def test_a_visitor_keeps_only_the_newest_results() -> None:
    visitor = Visitor()
    made = [visitor.folder() for _ in range(KEPT_FOLDERS + 3)]
    assert [folder.exists() for folder in made] == [False] * 3 + [True] * KEPT_FOLDERS
    visitor.leave()


def test_a_visitor_who_was_not_seen_to_leave_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = Visitors()
    idle = visitors.of(request_of("idle"))
    kept = idle.folder()
    monkeypatch.setattr("lgr_app.page.visitors.IDLE_SECONDS", -1.0)
    visitors.of(request_of("next"))
    assert idle.gone.is_set()
    assert not kept.exists()
    assert len(visitors) == 1


# Codecs


def test_the_choices_begin_with_bundled_and_end_with_downloads() -> None:
    names = [name for _, name in codec_choices()]
    assert names[0] == "bundled"
    assert "drums-spectral" in names
    assert "toy" not in names
    assert names.index("textures-noiseband") < names.index("encodec-24khz")
    assert why_not_here("bundled") == ""


def test_a_codec_is_loaded_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    real = codecs.load_codec

    def counting(name: str) -> Any:
        loaded.append(name)
        return real(name)

    monkeypatch.setattr(codecs, "load_codec", counting)
    store = CodecStore()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(store.open("bundled"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["bundled"]
    assert len({id(each) for each in found}) == 1


def test_only_offered_codecs_are_opened(tmp_path: Path) -> None:
    for name in (str(tmp_path), "toy", "../bundled"):
        with pytest.raises(ArgumentError, match="codec must be one of bundled"):
            CodecStore().open(name)


def test_weights_that_cannot_be_reached_are_told_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGR_CACHE", str(tmp_path))
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", refuse)
    assert why_not_here("soundstream") == "download"
    assert ("SoundStream (Lyra v2), 16 kHz (download)", "soundstream") in codec_choices()
    store, said = CodecStore(), []
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"could not be downloaded \(no network here\)"):
            store.open("soundstream", lambda what, done, of: said.append(what))
    assert "downloading soundstream" in said
    assert store.open("bundled").info.name == "bundled"  # the others go on


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError("no network here")


def test_a_download_shows_how_much_has_arrived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_CACHE", str(tmp_path))
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setattr(codecs, "WATCH_SECONDS", 0.01)
    arrived, said = threading.Event(), []

    def report(what: str, done: int, of: int) -> None:
        said.append((what, done, of))
        if "2.0 MB" in what:
            arrived.set()

    def slow(name: str) -> str:
        part = tmp_path / "weights" / name / "tmp-of-pooch"
        part.parent.mkdir(parents=True)
        part.write_bytes(bytes(2_000_000))
        assert arrived.wait(10)
        return "the codec"

    monkeypatch.setattr(codecs, "load_codec", slow)
    assert CodecStore().open("soundstream", report) == "the codec"
    assert ("downloading soundstream, 2.0 MB so far", 2_000_000, 3_583_372) in said
    assert "soundstream" in shown_names()


# Choices


@pytest.mark.parametrize(
    ("offered", "table", "left_out"),
    [
        (choices.metric_choices(), METRICS, {"learned"}),
        (choices.kind_choices(), KINDS, {"spline"}),
        (choices.pace_choices(), (*PACES, "random:0.8"), set()),
        (codec_choices(), codec_names(), {"toy"}),
    ],
    ids=["metrics", "kinds of path", "paces", "codecs"],
)
def test_what_can_be_chosen_is_what_lgr_has(offered: list[tuple[str, str]], table: Any, left_out: set[str]) -> None:
    values = [value for _, value in offered]
    assert sorted(values) == sorted({*table} - left_out)
    assert all(shown != value for shown, value in offered)  # each has words of its own
    assert len({shown for shown, _ in offered}) == len(offered)


def test_words_are_of_what_there_is() -> None:
    assert {*choices.PACE_WORDS} == {*PACES, "random:0.8"}
    assert {*codecs.TITLES} == {*codec_names()} - {"toy"}


# Cards


def test_names_from_outside_are_text_on_the_page(tmp_path: Path) -> None:
    evil = tmp_path / 'a" onerror="x.flac'
    card = Card(title="<b>", audio=evil, picture=evil, picture_says='"><i>', facts=[("<u>", "<s>")], note="<em>")
    page = cards_html([card]) + switch_html([("<b>", evil)]) + figure_html(evil, '"><i>', "<em>")
    assert not re.search(r"<(b|i|u|s|em)>", page)
    assert 'onerror="' not in page


def test_the_page_is_built_without_work_or_models(monkeypatch: pytest.MonkeyPatch) -> None:
    from lgr_app import app

    monkeypatch.setattr(codecs, "load_codec", refuse)
    demo = built(Limits(concurrency=3))
    heavy = [fn for fn in demo.fns.values() if fn.concurrency_id == "work"]
    assert len(heavy) >= 3
    assert {fn.concurrency_limit for fn in heavy} == {3}
    titles = [block.label for block in demo.blocks.values() if isinstance(block, gr.Tab)]
    expected = [tab.title for tab in TABS]
    assert [title for title in titles if title in expected] == expected
    named = [block for block in demo.blocks.values() if isinstance(block, gr.Slider | gr.Number | gr.Dropdown)]
    assert [block.label for block in named if not block.label] == []
    options = app.launch_options(Limits(max_mb=2))
    assert options["max_file_size"] == 2_000_000
    look = options["css"] + options["theme"]._get_theme_css()
    assert set(re.findall(r"https?://([\w.]+)", look)) <= {"www.w3.org"}  # the name of SVG, which nobody fetches
    assert options["theme"]._stylesheets == []
