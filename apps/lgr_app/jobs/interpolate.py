"""One interpolation between two sounds: made, measured, drawn and written down for download."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.interpolation.report import InterpolationReport, interpolation_report
from lgr.latents.path import LOOPS, PathConfig
from lgr.measures.transition import SEAM_SECONDS
from lgr.plots import PathPanel, plot_paths
from lgr.progress import Progress
from lgr.sound.audio import audio_info, save_audio
from lgr_app.page.pictures import save_picture
from lgr_app.page.tables import html_table, number_text

CONTEXT_SECONDS = 1.0  # of the real sounds, before and after the path
LEAST_SECONDS = 3 * SEAM_SECONDS  # of each real sound, which the numbers need


@dataclass(frozen=True, kw_only=True)
class InterpolationControls:
    """What the controls say.

    ``ends`` is ``held``, ``moving``, or "" to move where the sounds are long enough. ``rounds`` is how often a circle,
    spiral or loop goes round before it arrives; other kinds take no notice. ``leave`` and ``reach`` are places in the
    first and the second sound, shares of their lengths. Labels are a model's, "" for none.
    """

    kind: str = "linear"
    pace: str = "even"
    seconds: float = 2.0
    rounds: int = 1
    leave: float = 0.5
    reach: float = 0.5
    endpoints: str = "edge"
    ends: str = ""
    level_line: bool = True
    first_label: str = ""
    last_label: str = ""

    @property
    def path(self) -> PathConfig:
        """The path, which ends at the second sound: half a round more than the whole ones."""
        loops = self.rounds + 0.5 if self.kind in LOOPS else None
        return PathConfig(kind=self.kind, pace=self.pace, loops=loops)


@dataclass(frozen=True)
class InterpolationFiles:
    """Where an interpolation was written."""

    audio: Path
    report: Path


def interpolate_sounds(
    first: Path,
    last: Path,
    codec: Codec,
    controls: InterpolationControls,
    *,
    seed: int,
    progress: Progress | None = None,
) -> tuple[InterpolationReport, dict[str, Any]]:
    """From one checked sound to another, with the real sounds around the path.

    Returns
    -------
    The report, and what is needed to make it again, as a JSON object.

    Raises
    ------
    ArgumentError : too little of a sound is left around the path to be measured, a label that is not there
    """
    lengths = [audio_info(sound).duration_seconds for sound in (first, last)]
    leave, reach = controls.leave * lengths[0], controls.reach * lengths[1]
    for sound, left, what in ((first, leave, "before it is left"), (last, lengths[1] - reach, "after it is reached")):
        if left < LEAST_SECONDS:
            raise ArgumentError(
                f"{sound.name} must sound for at least {LEAST_SECONDS:g} s {what}, got {max(left, 0):.2g} s: choose "
                "another place under Ends, pace and places, or a longer sound"
            )
    # At its very end no time is said: in seconds of the codec's rate the end may be a sample earlier.
    where = {"from_seconds": None if controls.leave >= 1 else leave, "to_seconds": reach}
    labels = (controls.first_label or None, controls.last_label or None)
    report = interpolation_report(
        codec,
        first,
        last,
        path=controls.path,
        seconds=controls.seconds,
        context_seconds=CONTEXT_SECONDS,
        endpoints=controls.endpoints,
        ends=controls.ends or None,
        level_line=controls.level_line,
        seed=seed,
        labels=labels,
        names=(first.stem, last.stem),
        progress=progress,
        from_seconds=where["from_seconds"],
        to_seconds=where["to_seconds"],
    )
    return report, {"seed": seed, "labels": list(labels), **where, "report": report.to_json()}


def write_interpolation(report: InterpolationReport, recipe: dict[str, Any], folder: Path) -> InterpolationFiles:
    """Write the sound (FLAC) and the recipe of ``interpolate_sounds``, report included, (JSON) into ``folder``."""
    name = "_to_".join(each[:60] for each in report.names)
    files = InterpolationFiles(folder / f"{name}.flac", folder / f"{name}.json")
    save_audio(files.audio, report.interpolation.audio, report.interpolation.sample_rate)
    files.report.write_text(json.dumps(recipe, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return files


def save_interpolation_picture(report: InterpolationReport, path: Path) -> Path:
    """The spectrogram and the spectral centroid, with the seams: paper 003's figure 1."""
    return save_picture(plot_paths([panel(report)]), path)


def panel(report: InterpolationReport) -> PathPanel:
    """What the picture shows."""
    made = report.interpolation
    return PathPanel(
        title=f"{made.config.path.kind} path in {made.codec.name}, ends {made.ends}",
        audio=made.audio.mean(0).numpy(),
        sample_rate=made.sample_rate,
        seams_seconds=report.seams_seconds,
        centroid_seconds=report.spectrum.seconds,
        centroid_hz=report.spectrum.centroid_hz,
        names=report.names,
    )


def numbers_table(report: InterpolationReport) -> str:
    """The numbers as an HTML table, with a plain word on each."""
    n = report.numbers
    jumps = ", ".join(_number(hz, "+.0f") for hz in n.jump_hz)
    rows = (
        ("Trend", _number(n.trend), "does brightness move from the one sound to the other? 1 always, 0 not, -1 away"),
        ("Steps forward", _number(n.steps_forward), "share of the path's steps that go that way"),
        ("Jumps at the seams", f"{jumps} Hz", "of the spectral centroid, where the path begins, where it ends"),
        (
            "Relative jumps",
            _pair(n.relative_jump),
            "the same over what the sounds do by themselves; 1 or less: no seam shows",
        ),
        (
            "Variation",
            _number(n.relative_variation),
            "how much the centroid wavers along the path, over the real sounds' wavering; below 1 is smoother",
        ),
        ("Change at the seams", _pair(n.relative_flux), "of the spectrum, over the change inside the path; 1: no seam"),
    )
    return html_table(rows)


def _pair(values: tuple[float, float]) -> str:
    return ", ".join(map(_number, values))


def _number(value: float, form: str = "") -> str:
    """Silence has no centroid: what would be measured against it is not known."""
    if not math.isfinite(value):
        return "–"
    return format(value, form) if form else number_text(value)
