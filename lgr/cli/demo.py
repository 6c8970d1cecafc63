"""``lgr demo``: hear and see what lgr does, with what it brings."""

import time
from pathlib import Path
from typing import Annotated

import typer

from lgr.errors import LgrError

TARGET, SOURCES = "drum_loop.flac", ("glass.flac", "foley.flac")
TEMPERATURES = (0.0, 0.05, 0.3)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the results go.")] = Path(
        "out/demo"
    ),
) -> None:
    """Play a drum loop with glass and foley sounds.

    At three temperatures, with pictures of what happened. Everything it needs
    comes with lgr. Results of an earlier demo are replaced.

    \b
    Example:
      lgr demo
    """
    started = time.perf_counter()
    from lgr.cli.support.jobs import job
    from lgr.cli.support.outputs import Outputs, result_folder
    from lgr.cli.support.pictures import check_pictures, score_figure, shown_audio, sweep_figure, sweep_measures
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.tables import print_table
    from lgr.files import assets_dir

    clips = assets_dir() / "audio"
    target, sources = clips / TARGET, [clips / name for name in SOURCES]
    if not target.is_file():
        raise LgrError(
            f"the demo's sounds are not in {clips}: run it from a checkout, or set LGR_ASSETS to its assets/"
        )
    check_pictures()
    todo = job([str(each) for each in sources], target, None, {}, None)
    names = [f"drums_temperature_{value:g}" for value in TEMPERATURES]
    with result_folder(out, "-o", parents=True) as folder, Outputs(force=True, inputs=todo.inputs) as outputs:
        parts = {
            name: outputs.claim(folder / name, kind, "-o")
            for kind, kind_names in {
                "audio": [f"{name}.wav" for name in names],
                "score": [f"{name}{suffix}" for name in names for suffix in (".json", ".csv")],
                "Reaper session": [f"{name}.rpp" for name in names],
                "DAWproject session": [f"{name}.dawproject" for name in names],
                "picture": ["demo.png", "score.png", "sweep.png"],
            }.items()
            for name in kind_names
        }
        with progress_bar() as progress:
            opened = todo.open_codec(None)
            results = list(todo.at_temperatures(TEMPERATURES, opened, 0, progress))
            from lgr.dawproject import dawproject_session
            from lgr.plots import plot_spectrograms, save_figure
            from lgr.score.reaper import reaper_session
            from lgr.sound.audio import load_audio

            for name, result in zip(names, results, strict=True):
                result.save(parts[f"{name}.wav"], force=True)
                for suffix in (".json", ".csv"):
                    result.score.save(parts[f"{name}{suffix}"], force=True)
                reaper_session(result.score, parts[f"{name}.rpp"], force=True)
                dawproject_session(result.score, parts[f"{name}.dawproject"], force=True)
            heard = [load_audio(path, channels=1) for path in (target, *sources)]
            panels = [
                (title, audio[0].numpy(), rate)
                for title, (audio, rate) in zip(("target: drums", "source: glass", "source: foley"), heard, strict=True)
            ]
            shown = [shown_audio(result) for result in results]
            panels += [
                (f"temperature {value:g}", audio, result.sample_rate)
                for value, audio, result in zip(TEMPERATURES, shown, results, strict=True)
            ]
            measures = [sweep_measures(result.score) for result in results]
            figures = {
                "demo.png": plot_spectrograms(panels, title="A drum loop played with glass and foley sounds"),
                "score.png": score_figure(
                    results[1].score, title=f"The grains chosen at temperature {TEMPERATURES[1]:g}"
                ),
                "sweep.png": sweep_figure(
                    TEMPERATURES, measures, shown, results[0].sample_rate, "What temperature changes"
                ),
            }
            for i, (name, figure) in enumerate(figures.items()):
                progress("drawing", i, len(figures))
                save_figure(figure, parts[name], force=True)
    headings = ["temperature", *measures[0]]
    rows = [
        [f"{value:g}", *(f"{x:.3g}" for x in row.values()), f"{folder / name}.wav"]
        for value, row, name in zip(TEMPERATURES, measures, names, strict=True)
    ]
    print_table([*headings, "sound"], rows, right=headings)
    typer.echo(
        NEXT.format(folder=folder, clips=shown_path(clips), name=names[1], seconds=time.perf_counter() - started)
    )


def shown_path(path: Path) -> Path:
    """A path as a person would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


NEXT = """
Made in {seconds:.1f} s. In {folder}, beside the sounds:
  demo.png    spectrograms of the target, the sources and the results
  score.png   which grain was played when
  sweep.png   what temperature changes
  .json .csv  the scores: each grain's recording, place and probability
  .rpp        Reaper sessions of the scores
  .dawproject the same for Bitwig, Cubase and Studio One

What to try next:
  lgr resynth {clips}/rain.flac {clips}/sea.flac -t {clips}/speech_reader.flac -o {folder}/voice_of_rain.wav
  lgr resynth {clips}/notes_piano.flac -t {clips}/violin.flac -o {folder}/tune.wav --transpose -12:12
  lgr resynth {clips} -t {clips}/drum_loop.flac -o {folder}/dissolve.wav --temperature 0:0,6:0.3 --wet 0:0,2:1
  lgr render {folder}/{name}.json -o {folder}/again.wav
  lgr codebook build {clips} -o {folder}/clips.codebook
  lgr resynth SOURCE… -t TARGET -o OUT.wav      with your own sounds; lgr resynth --help
"""
