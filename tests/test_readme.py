"""What the README says a person can type, typed: its Python example, its commands in their order, its codec table."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from command_line import CLIPS, done

from lgr.codecs import codec_card, codec_names
from lgr.score import Score
from lgr.sound.audio import audio_info, load_audio, save_audio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def block(title: str) -> str:
    """The first code block of a section."""
    found = re.search(r"```\w+\n(.*?)```", section(title), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_example_runs_as_it_stands(here: Path) -> None:
    code = block("Ten lines")
    clips = re.findall(r'"(assets/audio/[^"]+)"', code)
    (here / "assets" / "audio").mkdir(parents=True)
    for clip in clips:
        shutil.copy(CLIPS / Path(clip).name, clip)
    exec(compile(code, "README.md", "exec"), {})
    assert audio_info("drums_of_glass.wav").duration_seconds == audio_info(clips[0]).duration_seconds
    assert {each.name for each in Score.load("drums_of_glass.json").recordings} == {"glass", "foley"}


def test_the_commands_run_in_their_order(here: Path) -> None:
    for name, clip in {
        "glass.wav": "glass",
        "drums.wav": "drum_loop",
        "voice.wav": "speech_reader",
        "melody.wav": "flute",
        "piano.wav": "piano",
        "rain.wav": "rain",
        "rain/rain.flac": "rain",
        "samples/pan.flac": "steel_pan",
        "sea.wav": "sea",
    }.items():
        (here / name).parent.mkdir(exist_ok=True)
        audio, rate = load_audio(CLIPS / f"{clip}.flac")
        save_audio(here / name, audio[:, :rate], rate)
    commands = [each for line in block("Command line").splitlines() for each in line.split("#")[0].split(";")]
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "lgr"
        if arguments != ["demo"]:  # test_cli.py runs it
            done(*arguments)
    for suffix in (".wav", ".png", ".json"):
        assert (here / f"out{suffix}").is_file()
    assert (load_audio("out.wav")[0] == load_audio("again.wav")[0]).all()
    assert (here / "samples.codebook").is_dir()
    assert any((here / "sweep").glob("*.png"))


def test_its_links_lead_somewhere() -> None:
    links = [each for each in re.findall(r"\]\(([^)]+)\)", README) if "://" not in each]
    assert "docs/architecture.md" in links
    assert [each for each in links if not (ROOT / each).exists()] == []


def test_the_codec_table_says_what_the_codecs_are() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section("Codecs").splitlines() if "`" in line
    ]
    table = {row[0].split("`")[1]: row for row in rows if len(row) == 9}
    assert set(table) == set(codec_names()) - {"toy"}
    for name, (label, _, khz, frames, latents, they, causal, licence, _) in table.items():
        card = codec_card(name)
        info = card.info
        assert they == ("make" if card.generates else "copy")
        assert float(khz) == info.sample_rate / 1000
        assert frames == f"{info.frame_rate:.4g}"
        assert int(latents.split()[0]) == info.latent_dim
        assert causal == ("yes" if info.causal else "no")
        assert licence.split(" (")[0] == info.licence
        assert ("stereo" in label) == (info.channels == 2)
