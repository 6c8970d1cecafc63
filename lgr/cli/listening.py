"""``lgr listening-test`` and ``lgr listening-analysis``: ask people what they hear, and read what they answered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o
from lgr.errors import ArgumentError

if TYPE_CHECKING:
    from lgr.listening import Analysis


def listening_test(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            show_default=False,
            help="A folder with a folder for each item: reference.wav, source.wav and a file for each condition.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the test goes; made if need be.")
    ] = ...,  # type: ignore[assignment]  # typer's word for "required"
    title: Annotated[str, typer.Option(metavar="TEXT", help="The first page's heading.")] = "Listening test",
    note: Annotated[str, typer.Option(metavar="TEXT", help="Who asks, and whom to write to: on the first page.")] = "",
    abx: Annotated[
        list[str] | None,
        o.option(
            "--abx",
            metavar="A:B",
            help="Two conditions to tell apart in A/B/X trials; repeatable.",
            default="reference and each condition",
        ),
    ] = None,
    abx_trials: Annotated[
        int, typer.Option(metavar="N", min=0, max=100, help="A/B/X trials of each pair and listener; 0: none.")
    ] = 2,
    seed: Annotated[
        int | None, o.option("--seed", metavar="N", min=0, help="Of the sounds' opaque names.", default="drawn")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier test there, and its key.")] = False,
) -> None:
    """Make a page on which people judge results.

    Hand out the folder FOLDER/page: its index.html opens in any browser and
    asks for ratings of equally loud sounds in random order, without their
    names. FOLDER/key.json stays with you, for `lgr listening-analysis`.

    \b
    Example:
      lgr listening-test results/ -o study --abx nearest:random
    """
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.tables import print_facts
    from lgr.listening.build import ListeningTestConfig, build_listening_test

    config = ListeningTestConfig(
        title=title, note=note, abx=None if abx is None else tuple(map(_pair, abx)), abx_trials=abx_trials, seed=seed
    )
    with progress_bar() as progress:
        made = build_listening_test(results, out, config=config, force=force, progress=progress)
    print_facts(
        [
            ("page", f"{made.page} (hand out its folder)"),
            ("key", f"{made.key} (keep it)"),
            ("items", ", ".join(made.items)),
            ("conditions", ", ".join(made.conditions)),
            ("trials", f"{made.rating_trials} of ratings, {made.abx_trials} A/B/X: about {made.minutes} minutes"),
            ("loudness", f"{made.level_lufs:.1f} LUFS, all sounds"),
        ]
    )


def listening_analysis(
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS", show_default=False, help="Listeners' files, answers-….json.")
    ],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="key.json of the test.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the results go; made if need be.")
    ] = ...,  # type: ignore[assignment]
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**31, help="Of the bootstrap.")] = 0,
    force: o.ForceOption = False,
) -> None:
    """Tell what the answers to a listening test say.

    Prints tables; FOLDER gets them as analysis.json, every rating in
    ratings.csv, and a picture, analysis.png.

    \b
    Example:
      lgr listening-analysis answers/*.json --key study/key.json -o study-results
    """
    import csv
    import json

    from lgr.cli.support.outputs import Outputs, result_folder
    from lgr.cli.support.pictures import check_pictures
    from lgr.listening.analysis import analyse

    check_pictures()
    with result_folder(out, "-o") as folder, Outputs(force=force, inputs=[*answers, key]) as outputs:
        text_part = outputs.claim(folder / "analysis.json", "score", "-o")
        table_part = outputs.claim(folder / "ratings.csv", "score", "-o")
        picture_part = outputs.claim(folder / "analysis.png", "picture", "-o")
        found = analyse(answers, key, seed=seed)
        from lgr.listening.picture import plot_analysis
        from lgr.plots import save_figure

        text_part.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        with table_part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["listener", "question", "item", "condition", "rating"])
            writer.writerows(found.score_rows())
        save_figure(plot_analysis(found), picture_part, force=True)
    _print(found)
    typer.echo(f"\n{folder / 'analysis.json'}, {folder / 'ratings.csv'}, {folder / 'analysis.png'}")


def _pair(text: str) -> tuple[str, str]:
    parts = text.split(":")
    if len(parts) != 2 or not all(parts):
        raise ArgumentError(
            f"--abx must be two conditions with a colon between them, such as nearest:random, got {text}"
        )
    return parts[0], parts[1]


def _print(found: "Analysis") -> None:
    from lgr.cli.support.tables import print_table

    kept = len(found.listeners) - len(found.excluded)
    typer.echo(
        f"{len(found.listeners)} listeners; {kept} rated the hidden reference 90 or more in 85 % of trials or more, "
        f"{len(found.excluded)} did not and are left out of the ratings"
        + (f": {', '.join(found.excluded)}" if found.excluded else "")
        + "\n"
    )

    def interval(ends: tuple[float, float] | None, digits: int = 1) -> str:
        return "–" if ends is None else f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"

    headings = ["question", "condition", "mean", "95 %", "median", "95 % "]
    rows = [
        [
            r.question,
            r.condition,
            f"{r.mean:.1f}",
            interval(r.mean_interval),
            f"{r.median:.1f}",
            interval(r.median_interval),
        ]
        for r in found.ratings
    ]
    print_table(headings, rows, right=headings[2:])
    typer.echo("\nDifferences (Wilcoxon, Holm):")
    headings = ["question", "pair", "difference", "p"]
    rows = [[d.question, f"{d.a} - {d.b}", f"{d.mean:+.1f}", f"{d.p_holm:.3g}"] for d in found.differences]
    print_table(headings, rows, right=headings[2:])
    if found.comparisons:
        typer.echo("\nTold apart (A/B/X, all listeners):")
        headings = ["pair", "right", "of", "share", "95 %", "p"]
        rows = [
            [
                f"{c.a} / {c.b}",
                str(c.correct),
                str(c.trials),
                f"{c.share:.2f}",
                interval(c.interval, 2),
                f"{c.p_holm:.3g}",
            ]
            for c in found.comparisons
        ]
        print_table(headings, rows, right=headings[1:])
