"""``lgr codebook``: encode sources once, play them often."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o
from lgr.errors import ArgumentError

if TYPE_CHECKING:
    from lgr.codebook import GrainCodebook
    from lgr.sound.recording import Recording

codebook_app = typer.Typer(help="Build, describe and merge codebooks: encode once, play often.")

FolderOption = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="FOLDER", help="The codebook's folder: new, or a codebook with --force."),
]


@codebook_app.command()
def build(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", show_default=False, help="Files, folders or 'patterns*'.")
    ],
    out: FolderOption,
    force: o.ForceOption = False,
    codec: o.CodecOption = None,
    grain_frames: o.GrainFramesOption = None,
    stride: o.StrideOption = None,
    silence_db: o.SilenceOption = None,
    augment: o.AugmentOption = None,
    transpose: o.TransposeOption = None,
    metric: o.MetricOption = None,
    embedding: o.EmbeddingOption = None,
    weight: Annotated[
        list[float] | None,
        typer.Option(
            metavar="NUMBER",
            help="How readily a source is chosen, 0 or more; once for each SOURCE, in order. Default: all 1.",
            show_default=False,
            rich_help_panel=o.CHOOSING,
        ),
    ] = None,
) -> None:
    """Encode recordings and save their grains as a codebook.

    \b
    Example:
      lgr codebook build "samples/*.flac" -o samples.codebook
      lgr resynth samples.codebook -t drums.wav -o out.wav
    """
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import find_sources, open_codec
    from lgr.codebook import CodebookConfig
    from lgr.codebook.files import check_place
    from lgr.sources import build_codebook

    config = CodebookConfig(
        **o.given(grain_frames=grain_frames, stride=stride, silence_db=silence_db, metric=metric, embedding=embedding)
    )
    found = find_sources(sources)
    if found.codebook is not None:
        raise ArgumentError(f"SOURCE must be recordings, got the codebook {sources[0]}: see `lgr codebook merge`")
    if weight and len(weight) != found.n_arguments:
        raise ArgumentError(f"--weight must be given once for each SOURCE ({found.n_arguments}), got {len(weight)}")
    check_place(out, force=force)
    opened = open_codec(codec)
    with progress_bar() as progress:
        book = build_codebook(
            found.files,
            opened,
            config,
            weights=[weight[i] for i in found.argument] if weight else None,
            augmentations=augment or (),
            transpose=o.semitones(transpose) if transpose else (0, 0),
            progress=progress,
        )
        progress("saving", 0, 1)
        book.save(out, force=force)
    typer.echo(f"{out}: {_contents(book)}")


@codebook_app.command()
def info(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False, help="A saved codebook.")],
) -> None:
    """Tell what a codebook holds, and whether its recordings are still where they were.

    \b
    Example:
      lgr codebook info samples.codebook
    """
    describe(folder)


@codebook_app.command()
def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", show_default=False, help="Saved codebooks, two or more.")
    ],
    out: FolderOption,
    force: o.ForceOption = False,
) -> None:
    """Join codebooks of one codec and configuration into one.

    \b
    Example:
      lgr codebook merge rain.codebook glass.codebook -o both.codebook
    """
    from lgr.codebook import GrainCodebook
    from lgr.codebook.files import check_place

    if len(folders) < 2:
        raise ArgumentError(f"FOLDER must be two saved codebooks or more, got only {folders[0]}")
    for folder in folders:  # a mapped file must not be replaced under the one who reads it
        if folder.expanduser().resolve() == out.expanduser().resolve():
            raise ArgumentError(f"-o must not be one of the codebooks that are merged, got {out}: choose another name")
    check_place(out, force=force)
    first, *others = (GrainCodebook.load(folder) for folder in folders)
    book = first
    for other in others:
        book = book.merge(other)
    book.save(out, force=force)
    typer.echo(f"{out}: {_contents(book)}")


def describe(folder: Path) -> None:
    """Print what a saved codebook is."""
    from lgr.cli.support.tables import print_facts, print_table, seconds_text
    from lgr.codebook import GrainCodebook

    book = GrainCodebook.load(folder)
    codec, config = book.codec_, book.config
    gate = "none" if config.silence_db is None else f"grains below {config.silence_db:g} dB are left out"
    print_facts(
        [
            ("codebook", str(folder)),
            (
                "codec",
                f"{codec.name}, {codec.sample_rate} Hz, {codec.frame_rate:.5g} frames/s, {codec.latent_dim} latents",
            ),
            (
                "grains",
                f"{len(book)} of {config.grain_frames} frames ({_grain_ms(book):.3g} ms), stride {config.stride}",
            ),
            ("metric", f"{config.metric}, {config.embedding}" if config.embedding else config.metric),
            ("silence gate", gate),
            ("channels", "stereo" if book.lanes == 2 or codec.channels == 2 else "mono"),
            ("recordings", str(len(book.recordings_))),
        ]
    )
    typer.echo()
    counts = book.recording_.bincount(minlength=len(book.recordings_)).tolist()
    rows = [
        [r.name, seconds_text(r.duration_seconds), str(n), f"{r.weight:g}", _state(r), r.path]
        for r, n in zip(book.recordings_, counts, strict=True)
    ]
    print_table(["recording", "length", "grains", "weight", "file", "path"], rows, right=["length", "grains", "weight"])


def _state(recording: "Recording") -> str:
    from lgr.files import sha256

    if not recording.path:
        return "none"
    if not Path(recording.path).is_file():
        return "gone"
    return "unchanged" if sha256(recording.path) == recording.sha256 else "changed"


def _grain_ms(book: "GrainCodebook") -> float:
    return 1000 * book.config.grain_frames / book.codec_.frame_rate


def _contents(book: "GrainCodebook") -> str:
    from lgr.cli.support.tables import seconds_text

    seconds = sum(book.frames_) / book.codec_.frame_rate
    n = len(book.recordings_)
    return (
        f"{len(book)} grains of {_grain_ms(book):.3g} ms from {n} recording{'s' if n > 1 else ''} "
        f"({seconds_text(seconds)}), codec {book.codec_.name}"
    )
