"""What SOURCE arguments stand for: recordings to encode, or one saved codebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lgr.errors import ArgumentError, CodebookError

if TYPE_CHECKING:
    from lgr.codebook import GrainCodebook
    from lgr.codecs.base import Codec
    from lgr.sound.envelope import Envelope

# settled when a codebook is built
IN_CODEBOOK = ("grain_frames", "stride", "metric", "embedding", "silence_db", "augmentations", "transpose")


@dataclass(frozen=True)
class Sources:
    """``files`` with the SOURCE argument that each came from, or a ``codebook``."""

    files: tuple[Path, ...]
    argument: tuple[int, ...]
    n_arguments: int
    codebook: "GrainCodebook | None" = None


def is_codebook(path: str | Path) -> bool:
    """Whether a path looks like a saved codebook."""
    return (Path(path).expanduser() / "codebook.json").is_file()


def find_sources(arguments: Sequence[str] | None, codebook: Path | None = None) -> Sources:
    """Expand SOURCE arguments; a file that several of them name counts for the first."""
    from lgr.codebook import GrainCodebook
    from lgr.sound.audio_files import audio_files

    arguments = list(arguments or ())
    if codebook is not None and arguments:
        raise ArgumentError(f"--codebook {codebook} stands instead of SOURCEs, got also {', '.join(arguments)}")
    saved = [Path(each) for each in arguments if is_codebook(each)] if codebook is None else [codebook]
    if saved:
        if len(saved) + (codebook is None) * (len(arguments) - len(saved)) > 1:
            raise ArgumentError(
                f"SOURCE must be one saved codebook or recordings, got {', '.join(arguments)}: "
                "join codebooks with `lgr codebook merge`"
            )
        return Sources((), (), 1, GrainCodebook.load(saved[0]))
    if not arguments:
        raise ArgumentError("SOURCE must name at least one file, folder, pattern or saved codebook, got none")
    found: dict[Path, tuple[Path, int]] = {}
    for i, argument in enumerate(arguments):
        for file in audio_files([argument]):
            found.setdefault(file.resolve(), (file, i))
    files, argument_of = zip(*found.values(), strict=True)
    return Sources(files, argument_of, len(arguments))


def source_weights(sources: Sources, weights: Sequence[str] | None) -> "tuple[Envelope, ...]":
    """One envelope a recording from ``--weight``, given once for each SOURCE (for each recording of a codebook)."""
    from lgr.cli.support.options import envelope

    if not weights:
        return ()
    envelopes = tuple(envelope("--weight", text) for text in weights)
    if sources.codebook is not None:
        originals = sum(1 for r in sources.codebook.recordings_ if r.original is None)
        _check_weights(len(envelopes), originals, "recording of the codebook")
        return envelopes
    _check_weights(len(envelopes), sources.n_arguments, "SOURCE")
    return tuple(envelopes[i] for i in sources.argument)


def _check_weights(n: int, expected: int, what: str) -> None:
    if n != expected:
        raise ArgumentError(f"--weight must be given once for each {what} ({expected}), got {n}")


def check_free(sources: Sources, options: dict[str, Any]) -> None:
    """Refuse options that a saved codebook has settled."""
    chosen = [name for name in IN_CODEBOOK if name in options and sources.codebook is not None]
    if chosen:
        own = getattr(sources.codebook.config, chosen[0], None) if sources.codebook is not None else None
        option = "--augment" if chosen[0] == "augmentations" else f"--{chosen[0].replace('_', '-')}"
        raise ArgumentError(
            f"{option} was settled when the codebook was built{'' if own is None else f' ({own})'}: leave it out, "
            "or build the codebook again"
        )


def open_codec(codec: str | None, *, made_with: str | None = None, what: str = "", **options: Any) -> "Codec":
    """The codec that was asked for, or the one a codebook or score (``what``) was made with, or the bundled one."""
    from lgr.baselines.mosaic import WAVEFORM
    from lgr.codecs.registry import codec_names, load_codec

    name = codec or made_with or "bundled"
    if made_with == WAVEFORM:
        raise CodebookError(
            f"{what} must be of latents, got pieces of waveform, which no codec plays: its sound is what "
            "`lgr baseline mosaic` wrote"
        )
    if codec is None and name not in codec_names() and not Path(name).is_dir():
        raise CodebookError(
            f"{what} was made with codec {name!r}, which is not here: install the package that brings it, or name a "
            "trained codec's folder with --codec"
        )
    return load_codec(name, **options)


def codec_for(sources: Sources, codec: str | None, space: str | None, levels: int | None) -> "Codec":
    """The codec for a command's sources; of a saved codebook, it must be the one that made it."""
    from lgr.codecs.base import check_same_codec
    from lgr.codecs.registry import DOWNLOADED, codec_card

    book = sources.codebook
    options: dict[str, Any] = {
        name: value for name, value in (("space", space), ("n_levels", levels)) if value is not None
    }
    if book is not None and options:
        option = "--space" if space is not None else "--levels"
        raise ArgumentError(f"{option} goes with recordings, not with a saved codebook, got {space or levels}")
    if book is not None:
        options = book.codec_.options
        if codec in DOWNLOADED and codec != book.codec_.name:  # said before its weights are downloaded
            check_same_codec("the codebook", book.codec_, codec_card(codec).info)
    opened = open_codec(codec, made_with=book.codec_.name if book else None, what="the codebook", **options)
    if book is not None:
        check_same_codec("the codebook", book.codec_, opened.info)
    return opened
