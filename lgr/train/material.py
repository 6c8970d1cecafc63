"""What a grain model is trained on: recordings chosen, read, checked and split, with a sentence for all that is odd."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lgr.errors import ArgumentError
from lgr.sound.audio_files import AUDIO_SUFFIXES
from lgr.train.data import AudioCache, Clip, read_manifest, split_by_group

SILENT = 1e-4  # peak, -80 dB under full scale: such a recording teaches nothing
TRAINING_SHARE, GAP_SHARE = 0.8, 0.05  # of a recording that has to be cut in time


@dataclass(frozen=True, kw_only=True)
class Material:
    """Clips to train on and clips to test on, in one cache.

    Parameters
    ----------
    labels : classes of the training clips, in order
    skipped : (file, why) of recordings that could not be used
    notes : sentences about the data that a person should read
    """

    cache: AudioCache
    training: list[Clip]
    held_out: list[Clip]
    labels: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def seconds(self, clips: list[Clip]) -> float:
        """How long these clips last together."""
        return sum(clip.samples for clip in clips) / self.cache.sample_rate


def choose_clips(
    data: Path, *, categories: Sequence[str] = (), classes: Sequence[str] = (), redistributable_only: bool = True
) -> list[Clip]:
    """Clips of one audio file, a folder, a folder per class, or a manifest, limited to some categories and classes.

    A clip's category becomes its class: classes are then split and drawn alike. Case does not matter.

    Raises
    ------
    ArgumentError : nothing of that category or class, or data that is no folder, manifest or audio file
    AudioFileError : a folder without audio
    """
    if data.is_file() and data.suffix.lower() in AUDIO_SUFFIXES:
        clips = [Clip(path=str(data), category="all", label="all", group=str(data))]
    else:
        clips = read_manifest(data, redistributable_only=redistributable_only)
    for option, wanted, name in (("category", categories, "category"), ("class", classes, "label")):
        present = {getattr(clip, name).casefold(): getattr(clip, name) for clip in clips}
        missing = [each for each in wanted if each.casefold() not in present]
        if missing:
            known = ", ".join(sorted(present.values()))
            raise ArgumentError(f"{option} must be among those of the data ({known}), got {', '.join(missing)}")
        chosen = {each.casefold() for each in wanted}
        clips = [clip for clip in clips if not chosen or getattr(clip, name).casefold() in chosen]
    return [replace(clip, category=clip.label) for clip in clips]


def gather(
    clips: list[Clip],
    *,
    sample_rate: int,
    cache: Path,
    shortest: int,
    always_held_out: frozenset[str] = frozenset(),
    report: Callable[[str], None] | None = None,
) -> Material:
    """Read the clips once, drop what cannot be used, and split the rest by source.

    Where there is only one source, its recordings are cut in time instead: the first 80 % train, the last 15 % test.

    Parameters
    ----------
    cache : folder of the resampled samples
    shortest : samples of a grain; shorter recordings are used all the same, with silence around them
    report : called with each sentence of ``notes`` as it is found

    Raises
    ------
    ArgumentError : no recording can be read, all are silent, or what there is cannot be split
    """
    notes: list[str] = []
    skipped: list[tuple[str, str]] = []

    def note(sentence: str) -> None:
        notes.append(sentence)
        if report is not None:
            report(sentence)

    whole = AudioCache.build(
        clips, cache, sample_rate, on_bad=lambda clip, wrong: skipped.append((clip.path, wrong.removeprefix(clip.path)))
    )
    if len(skipped) == len(clips):
        first = "".join(skipped[0])
        raise ArgumentError(f"data must hold a recording that can be read, got {len(clips)} that cannot: {first}")
    read = [clip for clip in whole.clips if clip.samples]
    silent = [clip for clip in read if float(whole.audio(clip).abs().max()) < SILENT]
    if len(silent) == len(read):
        raise ArgumentError(f"data must hold sound, got {len(read)} silent recordings")
    skipped += [(clip.path, " is silent") for clip in silent]
    if skipped:
        note(
            f"{len(skipped)} of {len(clips)} recordings left out: "
            + "; ".join(short_name(path) + why for path, why in skipped)
        )
    gone = {path for path, _ in skipped}
    usable = [clip for clip in read if clip.path not in gone]
    short = sum(clip.samples < shortest for clip in usable)
    if short:
        note(f"{short} recordings are shorter than a grain ({shortest} samples): used with silence around them")
    training, held_out = split_by_group(usable, always_held_out=always_held_out)
    if not training:
        raise ArgumentError("data must hold recordings of a source that may train, got none but always held-out ones")
    if not held_out:
        training, held_out = split_in_time(usable, sample_rate)
        note(
            "every class comes from one source: the first 80 % of each recording trains and the last 15 % tests, so "
            "the held-out figures say little about other recordings"
        )
    labels = tuple(sorted({clip.label for clip in training}))
    return Material(
        cache=whole.restricted(training + held_out),
        training=training,
        held_out=held_out,
        labels=labels,
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


def split_in_time(clips: list[Clip], sample_rate: int) -> tuple[list[Clip], list[Clip]]:
    """The first 80 % of every clip, and its last 15 %; the gap between keeps an echo from being heard on both sides."""
    training, held_out = [], []
    for clip in clips:
        end, begin = (int(share * clip.samples) for share in (TRAINING_SHARE, TRAINING_SHARE + GAP_SHARE))
        training.append(replace(clip, path=f"{clip.path} (to {end / sample_rate:.2f} s)", samples=end))
        held_out.append(
            replace(
                clip,
                path=f"{clip.path} (from {begin / sample_rate:.2f} s)",
                start=clip.start + begin,
                samples=clip.samples - begin,
            )
        )
    seconds = sum(clip.samples for clip in clips) / sample_rate
    if seconds < 1:
        raise ArgumentError(
            f"data must hold recordings of more than one source, or a second of sound to be split, got {seconds:.2f} s"
        )
    return training, held_out


def short_name(path: str) -> str:
    """A file's name and its folder's: cards and logs must not tell where a person keeps their files."""
    return "/".join(Path(path).parts[-2:])


def counts(clips: list[Clip]) -> dict[str, int]:
    """How many clips each class has."""
    return dict(sorted(Counter(clip.label for clip in clips).items()))
