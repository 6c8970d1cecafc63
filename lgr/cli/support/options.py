"""Options that more than one command has, and what they become. Defaults are the package's; here they are only told."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgr.errors import ArgumentError

if TYPE_CHECKING:
    from lgr.sound.envelope import Envelope

GRAINS, CHOOSING, SOUND, CODEC, FILES = "Grains", "Choosing", "Sound", "Codec", "Files"


def option(*names: str, help: str, panel: str | None = None, default: str | None = None, **more: Any) -> Any:
    """An option that is None unless it is given; ``default`` tells what the package then takes."""
    text = help if default is None else f"{help} Default: {default}."
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=False, **more)


SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", show_default=False, help="Files, folders, 'patterns*', or one saved codebook."),
]
TargetOption = Annotated[
    Path, option("--target", "-t", panel=FILES, metavar="FILE", help="The sound to play with the sources' grains.")
]
CodebookOption = Annotated[
    Path | None,
    option("--codebook", panel=FILES, metavar="FOLDER", help="A saved codebook, instead of SOURCEs."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace existing results.", rich_help_panel=FILES)]

CodecOption = Annotated[
    str | None,
    option(
        "--codec",
        panel=CODEC,
        metavar="NAME",
        help="A name that `lgr codecs` lists, or the folder of a trained codec.",
        default="bundled, or the codebook's",
    ),
]
CONTROLS = "Controls"
LevelOption = Annotated[
    str | None,
    option("--level", panel=CONTROLS, metavar="ENVELOPE", help="Decibels louder, -120 to 24: a number, or 0:-12,4:0."),
]
BrightnessOption = Annotated[
    str | None,
    option(
        "--brightness",
        panel=CONTROLS,
        metavar="ENVELOPE",
        help="Octaves by which the spectrum's centre moves, -3 to 3.",
    ),
]
NoisinessOption = Annotated[
    str | None,
    option(
        "--noisiness",
        panel=CONTROLS,
        metavar="ENVELOPE",
        help="1 is 20 dB more noise against tone, -1 as much less; -3 to 3.",
    ),
]
IntensityOption = Annotated[
    str | None,
    option(
        "--intensity",
        panel=CONTROLS,
        metavar="ENVELOPE",
        help="The spectrum that sounds have when they get so many decibels louder by themselves, -36 to 36.",
    ),
]
SpaceOption = Annotated[
    str | None,
    option(
        "--space",
        panel=CODEC,
        metavar="NAME",
        help="latent: before quantisation; quantized: after it (EnCodec, DAC and SoundStream only).",
        default="latent",
    ),
]
LevelsOption = Annotated[
    int | None,
    option(
        "--levels", panel=CODEC, metavar="N", min=1, help="Quantizer levels to use, from the coarsest.", default="all"
    ),
]

GrainFramesOption = Annotated[
    int | None,
    option(
        "--grain-frames", panel=GRAINS, metavar="N", help="Length of a grain in latent frames, 1 or more.", default="4"
    ),
]
HopFramesOption = Annotated[
    int | None,
    option(
        "--hop-frames",
        panel=GRAINS,
        metavar="N",
        help="Frames from one target grain to the next, 1 to the grain's length; less makes grains overlap.",
        default="the grain's length",
    ),
]
StrideOption = Annotated[
    int | None,
    option(
        "--stride", panel=GRAINS, metavar="N", help="Frames from one source grain to the next, 1 or more.", default="1"
    ),
]
SilenceOption = Annotated[
    float | None,
    option(
        "--silence-db",
        panel=GRAINS,
        metavar="DB",
        help="Leave out source grains that stay below this level, in dB under full scale, such as -60.",
        default="keep all",
    ),
]
AugmentOption = Annotated[
    list[str] | None,
    option(
        "--augment",
        panel=GRAINS,
        metavar="WHAT=NUMBER",
        help="Add a changed copy of every source: speed=1.12 (rate), gain=-6 (dB), pitch=3 (semitones). Repeatable.",
    ),
]
TransposeOption = Annotated[
    str | None,
    option(
        "--transpose",
        panel=GRAINS,
        metavar="LOW:HIGH",
        help="Semitones by which sources may be played lower or higher, such as -12:12: a note then plays a melody.",
        default="0:0",
    ),
]
MetricOption = Annotated[
    str | None,
    option(
        "--metric",
        panel=CHOOSING,
        metavar="NAME",
        help="How grains are compared: cosine, centred, whitened, or learned (by an embedding: `lgr train embedding`).",
        default="centred",
    ),
]
EmbeddingOption = Annotated[
    str | None,
    option(
        "--embedding",
        panel=CHOOSING,
        metavar="FOLDER",
        help="Of --metric learned: what `lgr train embedding` wrote.",
        default="the one that comes with lgr for the codec",
    ),
]
TemperatureOption = Annotated[
    str | None,
    option(
        "--temperature",
        panel=CHOOSING,
        metavar="ENVELOPE",
        help="0: always the nearest grain, nothing left to chance; 0.02 to 0.1: alive; from 0.3 on the target's rhythm "
        "is lost; 0 or more.",
        default="0.05",
    ),
]
ContinuityOption = Annotated[
    str | None,
    option(
        "--continuity",
        panel=CHOOSING,
        metavar="ENVELOPE",
        help="Chance that a recording plays on rather than jumps, from 0 (as in the paper) to below 1. At temperature "
        "0 it says how much nearer a grain must be to be jumped to.",
        default="0.9",
    ),
]
PitchOption = Annotated[
    str | None,
    option(
        "--pitch",
        panel=CHOOSING,
        metavar="ENVELOPE",
        help="How much pitch counts against timbre, 0 to 1; only where the target has a pitch.",
        default="0.7",
    ),
]
SamplerOption = Annotated[
    str | None,
    option(
        "--sampler",
        panel=CHOOSING,
        metavar="NAME",
        help="auto, independent (each grain alone), chain (all at once), viterbi (the best chain), online (never "
        "looks ahead). auto: chain where continuity is above 0, else independent.",
        default="auto",
    ),
]
PenaltyOption = Annotated[
    float | None,
    option(
        "--repetition-penalty",
        panel=CHOOSING,
        metavar="NUMBER",
        help="Distance added to grains played lately, 0 or more; needs --repetition-frames; makes the sampler online.",
        default="0",
    ),
]
PenaltyFramesOption = Annotated[
    int | None,
    option(
        "--repetition-frames", panel=CHOOSING, metavar="N", help="How many grains back the penalty looks.", default="0"
    ),
]
WeightOption = Annotated[
    list[str] | None,
    option(
        "--weight",
        panel=CHOOSING,
        metavar="ENVELOPE",
        help="How readily a source is chosen, 0 or more; once for each SOURCE, in their order.",
        default="all 1",
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed", metavar="N", min=0, max=2**31, help="Of the random draws, 0 or more.", rich_help_panel=CHOOSING
    ),
]
WetOption = Annotated[
    str | None,
    option(
        "--wet",
        panel=SOUND,
        metavar="ENVELOPE",
        help="1: all grains, 0: all target.",
        default="1",
    ),
]
LoudnessOption = Annotated[
    bool | None,
    option(
        "--match-loudness/--no-match-loudness", panel=SOUND, help="Follow the target's level.", default="match-loudness"
    ),
]
BridgeOption = Annotated[
    str | None,
    option(
        "--bridge",
        panel=SOUND,
        metavar="KIND",
        help="Polish what was chosen: schrodinger, regression or a folder (lgr train bridge).",
    ),
]
BridgeLevelsOption = Annotated[
    int | None,
    option(
        "--bridge-levels",
        panel=SOUND,
        metavar="N",
        min=1,
        help="Levels of codes that are kept for it.",
        default="the bridge's",
    ),
]
BridgeStepsOption = Annotated[
    int | None,
    option("--bridge-steps", panel=SOUND, metavar="N", min=1, max=64, help="Its evaluations.", default="8, or 1"),
]


def envelope(option: str, text: str) -> "Envelope":
    """The envelope that an option's text says; errors name the option."""
    from lgr.sound.envelope import Envelope

    try:
        return Envelope.parse(text)
    except ArgumentError as error:
        raise ArgumentError(f"{option}: {error}") from error


def semitones(text: str) -> tuple[int, int]:
    """The lowest and highest semitones that ``--transpose`` says."""
    from lgr.sources import check_transpose

    try:
        low, high = (int(part) for part in text.split(":"))
    except ValueError as error:
        raise ArgumentError(f"--transpose must be LOW:HIGH in whole semitones, such as -12:12, got {text!r}") from error
    try:
        return check_transpose((low, high))
    except ArgumentError as error:
        raise ArgumentError(f"--{error}") from error


ENVELOPES = ("temperature", "continuity", "pitch", "wet", "level", "brightness", "noisiness", "intensity")


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, with envelopes parsed: keywords for a config, which knows the defaults."""
    parsed: dict[str, Callable[[str], Any]] = {name: partial(envelope, f"--{name}") for name in ENVELOPES}
    parsed["transpose"] = semitones
    return {
        name: parsed[name](value) if name in parsed else value for name, value in options.items() if value is not None
    }
