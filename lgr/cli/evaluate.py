"""``lgr evaluate``: measure results against their targets and sources."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgr.cli.support import options as o
from lgr.errors import ArgumentError, CodebookError

if TYPE_CHECKING:
    from torch import Tensor

    from lgr.evaluation import Evaluation, Yardstick
    from lgr.progress import Progress
    from lgr.score import Score

SCORES = (".json", ".csv")


def evaluate(
    results: Annotated[
        list[str],
        typer.Argument(metavar="RESULT...", show_default=False, help="Scores, folders of scores, or sounds."),
    ],
    target: Annotated[
        Path | None, o.option("--target", "-t", metavar="FILE", help="For sounds: what was played.")
    ] = None,
    source: Annotated[
        list[str] | None,
        o.option("--source", "-s", metavar="SOUND", help="For sounds: a file, folder or 'pattern*'. Repeatable."),
    ] = None,
    seams: Annotated[
        str | None,
        o.option(
            "--seams",
            metavar="A,B",
            help="For sounds of `lgr interpolate`: where it begins and ends, seconds.",
        ),
    ] = None,
    json_file: Annotated[Path | None, o.option("--json", metavar="FILE", help="Also write all numbers: .json.")] = None,
    render: Annotated[
        bool, typer.Option("--render", help="Render scores anew, even where their sounds lie beside them.")
    ] = False,
    pitch: Annotated[bool, typer.Option("--pitch", help="Compare pitch, too, which takes longer.")] = False,
    cross_codec: Annotated[
        str | None,
        o.option("--cross-codec", metavar="NAME", help="Measure adoption on this codec's features, too."),
    ] = None,
    codec: Annotated[
        str | None,
        o.option("--codec", metavar="NAME", help="To render the score of a trained codec: the codec's folder."),
    ] = None,
    judges: Annotated[
        str | None,
        o.option("--judges", metavar="NAMES", help="Ask these judges, too, or all: `lgr judges` lists them."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Measure results: how much of the source they took on, how much of the
    target they kept.

    A score's sound is the file of the same name beside it, or else rendered.
    Its target and recordings must be where they were and as they were. A
    sound without a score is measured with --target and --source.

    \b
    Examples:
      lgr evaluate out/demo
      lgr evaluate sweep/ --json sweep.evaluation.json
      lgr evaluate out.wav --target drums.wav --source glass.wav
      lgr evaluate between.wav --seams 1,2
      lgr evaluate out/demo --judges visqol-audio,timbre
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import open_codec
    from lgr.evaluation import Yardstick

    asked = _judge_names(judges)
    if asked and seams:
        raise ArgumentError("--judges compare a result with its target: leave out --seams")
    todo = _sounds(results, target, source, seams) if target or source or seams else _scores(results)
    with Outputs(force=force, inputs=[each.path for each in todo]) as outputs:
        json_part = outputs.claim_optional(_json_path(json_file), "score", "--json")
        crossed = None if cross_codec is None else open_codec(cross_codec)

        @lru_cache(maxsize=2)  # results of one target and its sources come one after the other
        def yardstick(target: Path, sources: tuple[Path, ...]) -> "Yardstick":
            return Yardstick(target, sources, codec=crossed, pitch=pitch, judges=asked)

        found = []
        with progress_bar() as progress:
            for i, each in enumerate(todo):
                progress("evaluating", i, len(todo))
                found.append(each.measure(yardstick, render=render, codec=codec, progress=progress))
        if json_part is not None:
            json_part.write_text(_json_text(todo, found), encoding="utf-8")
    _print(_names([each.path for each in todo]), found)
    if json_file is not None:
        typer.echo(str(json_file))


@dataclass(frozen=True, kw_only=True)
class Result:
    """One thing to measure: a score, or a sound with what it is measured against."""

    path: Path
    score: "Score | None" = None
    target: Path | None = None
    sources: tuple[Path, ...] = ()
    seams_seconds: tuple[float, float] | None = None

    def measure(
        self,
        yardstick: "Callable[[Path, tuple[Path, ...]], Yardstick]",
        *,
        render: bool,
        codec: str | None,
        progress: "Progress",
    ) -> "Evaluation":
        from lgr.evaluation import evaluate_interpolation
        from lgr.sound.audio import load_audio

        if self.seams_seconds is not None:
            return evaluate_interpolation(*load_audio(self.path), self.seams_seconds)
        assert self.target is not None
        audio, rate = load_audio(self.path) if self.score is None else self._sound(self.score, render, codec, progress)
        return yardstick(self.target, self.sources).measure(audio, rate, self.score)

    def _sound(self, score: "Score", render: bool, codec: str | None, progress: "Progress") -> "tuple[Tensor, int]":
        """The sound beside the score, or the score rendered."""
        from lgr.cli.support.sources import open_codec
        from lgr.rendering import render as play
        from lgr.sound.audio import load_audio
        from lgr.sound.audio_files import AUDIO_SUFFIXES

        beside = [self.path.with_suffix(suffix) for suffix in AUDIO_SUFFIXES]
        file = next((each for each in beside if each.is_file()), None)
        if file is not None and not render:
            audio, rate = load_audio(file)
            seconds, wanted = audio.shape[1] / rate, score.target.duration_seconds
            if abs(seconds - wanted) > 0.1:  # formats such as mp3 may add some silence
                raise ArgumentError(
                    f"{file} must be as long as the target of {self.path.name} ({wanted:.2f} s), got {seconds:.2f} s: "
                    "use --render if it is another sound"
                )
            return audio, rate
        opened = open_codec(codec, made_with=score.codec, what=f"score {self.path}", **score.codec_options)
        return play(score, codec=opened, progress=progress)

    def facts(self) -> dict[str, Any]:
        if self.seams_seconds is not None:
            return {"result": str(self.path), "seams_seconds": list(self.seams_seconds)}
        made = {} if self.score is None else {"codec": self.score.codec, "seed": self.score.seed}
        sources = [str(each) for each in self.sources]
        return {"result": str(self.path), "target": str(self.target), "sources": sources, **made}


def _scores(results: Sequence[str]) -> list[Result]:
    from lgr.evaluation import sounds_of
    from lgr.score import Score

    found: dict[Path, Result] = {}
    for path in (each for text in results for each in _score_files(Path(text).expanduser())):
        if path.resolve() not in found:
            score = Score.load(path)
            target, sources = sounds_of(score)
            found[path.resolve()] = Result(path=path, score=score, target=target, sources=tuple(sources))
    return list(found.values())


def _score_files(path: Path) -> Iterator[Path]:
    """The scores that a RESULT names: a folder's are all under it, in the order of their names."""
    if not path.is_dir():
        if path.is_file() and path.suffix.lower() not in SCORES:
            raise ArgumentError(
                f"RESULT must be a score (.json or .csv) or a folder of scores, got {path}: "
                "for a sound, name what was played with --target and --source"
            )
        yield path
        return
    found: dict[Path, Path] = {}  # by the name without its suffix: a .json and a .csv of one name are one score
    for file in (each for suffix in SCORES for each in path.rglob(f"*{suffix}")):
        if file.with_suffix("") not in found and _is_score(file):
            found[file.with_suffix("")] = file
    if not found:
        raise ArgumentError(f"RESULT must hold scores that lgr wrote, got a folder without one: {path}")
    yield from (found[name] for name in sorted(found))


def _is_score(path: Path) -> bool:
    """Whether a file of a folder claims to be a score; if it is damaged, reading it tells how."""
    from lgr.score.files import FORMAT

    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8-sig") as file:
            return f'"{FORMAT}"' in file.read(200)
    except UnicodeDecodeError:
        return False
    except OSError as error:
        raise CodebookError(f"score {path} cannot be read: {error}") from error


def _sounds(
    results: Sequence[str], target: Path | None, sources: Sequence[str] | None, seams: str | None
) -> list[Result]:
    from lgr.sound.audio_files import audio_files

    for text in results:
        if Path(text).suffix.lower() in SCORES:
            raise ArgumentError(f"RESULT must be a sound with --target, --source or --seams, got {text}")
    if seams is not None:
        if target or sources:
            raise ArgumentError("--seams measures an interpolation alone: leave out --target and --source")
        return [Result(path=each, seams_seconds=_pair(seams)) for each in audio_files(results)]
    if target is None or not sources:
        raise ArgumentError(
            f"--target and --source must both be given, got only {'--target' if target else '--source'}"
        )
    files = tuple(audio_files(sources))
    return [Result(path=each, target=target, sources=files) for each in audio_files(results)]


def _pair(text: str) -> tuple[float, float]:
    try:
        first, second = (float(each) for each in text.split(","))
    except ValueError as error:
        raise ArgumentError(f"--seams must be two numbers with a comma, such as 1,2, got {text}") from error
    return first, second


def _judge_names(text: str | None) -> list[str]:
    """The judges that ``--judges`` names, each once; all of them for "all"."""
    from lgr.judges import JUDGES

    if text is None:
        return []
    names = list(JUDGES) if text.strip() == "all" else list(dict.fromkeys(each.strip() for each in text.split(",")))
    if unknown := [name for name in names if name not in JUDGES]:
        raise ArgumentError(f"--judges must be all, or some of {', '.join(JUDGES)} with commas, got {unknown[0]!r}")
    return names


def _json_path(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".json":
        raise ArgumentError(f"--json must end in .json, got {path}")
    return path


def _json_text(todo: Sequence[Result], found: "Sequence[Evaluation]") -> str:
    from lgr.files import lgr_version

    results = [{**each.facts(), **evaluation.to_json()} for each, evaluation in zip(todo, found, strict=True)]
    document = {"format": "lgr-evaluation", "version": 1, "lgr": lgr_version(), "results": results}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _names(paths: Sequence[Path]) -> list[str]:
    """As short as tells them apart."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path.with_suffix("")) for path in paths]


def _print(names: Sequence[str], found: "Sequence[Evaluation]") -> None:
    """A row a number, a column a result; then why numbers are missing, unless nobody asked for them."""
    from lgr.cli.support.tables import print_table
    from lgr.evaluation import NOT_ASKED

    rows, before = [], ""
    for lines in zip(*(evaluation.rows() for evaluation in found), strict=True):
        family, name, _ = lines[0]
        if all(evaluation.reasons.get(name) in NOT_ASKED for evaluation in found):
            continue
        rows.append([family if family != before else "", name, *(text for _, _, text in lines)])
        before = family
    print_table(["family", "number", *names], rows, right=names)
    why = [(name, reason) for each in found for name, reason in each.reasons.items() if reason not in NOT_ASKED]
    for name, reason in dict.fromkeys(why):
        typer.echo(f"no {name}: {reason}")
