"""What ``lgr interpolate`` tells of its result: the report, the picture and the lines."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lgr.interpolation.interpolate import Interpolation
    from lgr.interpolation.report import InterpolationReport


def write_report(part: Path, report: "InterpolationReport") -> None:
    import json

    part.write_text(json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def draw(part: Path, report: "InterpolationReport") -> None:
    from lgr.plots import PathPanel, plot_paths, save_figure

    made = report.interpolation
    panel = PathPanel(
        title=f"{made.codec.name}, {made.config.path.kind}, ends {made.ends}",
        audio=made.audio.mean(0).numpy(),
        sample_rate=made.sample_rate,
        seams_seconds=report.seams_seconds,
        centroid_seconds=report.spectrum.seconds,
        centroid_hz=report.spectrum.centroid_hz,
        names=report.names,
        note="\n".join(numbers_lines(report)),
    )
    save_figure(plot_paths([panel]), part, force=True)


def summary(out: Path, result: "Interpolation", spent_seconds: float) -> str:
    """One line on a result: where it is, what it is, how it was made."""
    from lgr.cli.support.tables import seconds_text

    channels, samples = result.audio.shape
    moved = "".join(f", {name} {envelope}" for name, envelope in result.config.controls.items())
    return (
        f"{out}: {seconds_text(samples / result.sample_rate)}, {result.sample_rate} Hz, "
        f"{'stereo' if channels == 2 else 'mono'}; {result.config.path.kind} path of {result.latents.shape[2]} atoms, "
        f"ends {result.ends}{'' if result.config.level_line else ', level as decoded'}{moved}; "
        f"made in {seconds_text(spent_seconds)}"
    )


def numbers_text(report: "InterpolationReport") -> str:
    """The numbers that say most, in a line."""
    return "; ".join(numbers_lines(report))


def numbers_lines(report: "InterpolationReport") -> tuple[str, str]:
    n = report.numbers
    jumps = [shown(x, "+.0f") for x in n.jump_hz]
    relative = [shown(x, ".1f") for x in n.relative_jump]
    flux = [shown(x, ".1f") for x in n.relative_flux]
    return (
        f"trend {shown(n.trend, '.2f')}; centroid jumps {jumps[0]} and {jumps[1]} Hz "
        f"({relative[0]} and {relative[1]} times the usual)",
        f"variation {shown(n.relative_variation, '.2f')} of the sounds'; "
        f"flux at the seams {flux[0]} and {flux[1]} times the path's",
    )


def shown(value: float, form: str) -> str:
    """A number as text; silence has no centroid, so what would be measured against it is "unknown"."""
    return format(value, form) if math.isfinite(value) else "unknown"
