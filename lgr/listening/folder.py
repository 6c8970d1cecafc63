"""The results that a listening test is made of: a folder for each item, with its sounds.

results/drums_of_glass/reference.wav    the target
results/drums_of_glass/source.wav       what its grains came from
results/drums_of_glass/nearest.wav      one file for each condition, as long as the reference; the same in all items
results/drums_of_glass/random.wav
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lgr.errors import ArgumentError, AudioFileError
from lgr.sound.audio import load_audio, resample
from lgr.sound.audio_files import AUDIO_SUFFIXES
from lgr.sound.loudness import ABSOLUTE_GATE_LUFS, BLOCK_SECONDS, integrated_loudness

REFERENCE, SOURCE = "reference", "source"
LENGTH_TOLERANCE_SECONDS = 0.05  # codecs round up to whole frames, MP3 to whole blocks
FADE_SECONDS = 0.005  # at both ends: the page plays sounds in a loop, which would click


@dataclass(frozen=True, kw_only=True)
class Item:
    """The sounds of one item: ``{name: (channels, samples)}``, all of one shape, "reference" and "source" first."""

    name: str
    sounds: dict[str, Tensor]
    sample_rate: int

    @property
    def conditions(self) -> list[str]:
        return [name for name in self.sounds if name not in (REFERENCE, SOURCE)]


def read_items(folder: str | Path) -> list[Item]:
    """Read and check all items, in the order of their names.

    All sounds of an item come back at its highest sample rate, stereo where one of them is, and as long as the
    reference: conditions may differ from it by 50 ms, the source is cut or repeated.

    Raises
    ------
    AudioFileError : no folder, no item, a missing reference or source, a file that is not audio
    ArgumentError : fewer than two conditions, or not the same in all items; lengths that differ; a silent or very short
        sound; more than two channels
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise AudioFileError(f"{folder} must be a folder of results, one folder an item; there is no such folder")
    places = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    if not places:
        raise AudioFileError(
            f"{folder} must hold a folder for each item, each with reference.wav, source.wav and results"
        )
    files = {place: _files(place) for place in places}
    first = places[0]
    expected = sorted(files[first].keys() - {REFERENCE, SOURCE})
    if len(expected) < 2:
        raise ArgumentError(
            f"{first} must hold two conditions or more beside reference and source, got {', '.join(expected) or 'none'}"
        )
    for place in places[1:]:
        odd = sorted((files[place].keys() - {REFERENCE, SOURCE}) ^ set(expected))
        if odd:
            where = place if odd[0] not in files[place] else first
            raise ArgumentError(f"all items must have the same conditions, but {odd[0]!r} is missing in {where}")
    return [_read_item(place, [REFERENCE, SOURCE, *expected], files[place]) for place in places]


def _files(place: Path) -> dict[str, Path]:
    """The sounds of an item by their names without suffix."""
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise AudioFileError(f"{place} must hold each sound once, got {found[path.stem].name} and {path.name}")
        found[path.stem] = path
    for name, what in ((REFERENCE, "the target"), (SOURCE, "what its grains came from")):
        if name not in found:
            raise AudioFileError(f"{place} must hold {name}.wav ({what}), and has none")
    return found


def _read_item(place: Path, names: Sequence[str], files: dict[str, Path]) -> Item:
    loaded = {name: load_audio(files[name]) for name in names}
    for name, (audio, _) in loaded.items():
        if audio.shape[0] > 2:
            raise ArgumentError(f"{files[name]} must be mono or stereo, got {audio.shape[0]} channels")
    rate = max(rate for _, rate in loaded.values())
    channels = max(audio.shape[0] for audio, _ in loaded.values())
    sounds = {
        name: resample(audio, own, rate).expand(channels, -1).contiguous() for name, (audio, own) in loaded.items()
    }
    samples = sounds[REFERENCE].shape[1]
    if samples < BLOCK_SECONDS * rate:
        raise ArgumentError(f"{files[REFERENCE]} must last {BLOCK_SECONDS} s or more, got {samples / rate:.3g} s")
    for name, audio in sounds.items():
        length = audio.shape[1]
        if name != SOURCE and abs(length - samples) > LENGTH_TOLERANCE_SECONDS * rate:
            raise ArgumentError(
                f"{files[name]} must be as long as the reference ({samples / rate:.3f} s, give or take 50 ms), "
                f"got {length / rate:.3f} s"
            )
        if name == SOURCE:
            audio = audio.repeat(1, -(-samples // length))
        audio = torch.nn.functional.pad(audio, (0, max(0, samples - audio.shape[1])))[:, :samples]
        sounds[name] = _faded(audio, round(FADE_SECONDS * rate))
        if not integrated_loudness(sounds[name], rate) > ABSOLUTE_GATE_LUFS:
            excerpt = f" in its first {samples / rate:.3g} s" if name == SOURCE else ""
            raise ArgumentError(f"{files[name]} must be louder than -70 LUFS, got (nearly) silence{excerpt}")
    return Item(name=place.name, sounds=sounds, sample_rate=rate)


def _faded(audio: Tensor, samples: int) -> Tensor:
    ramp = torch.linspace(0, 1, samples + 2)[1:-1]
    audio = audio.clone()
    audio[:, :samples] *= ramp
    audio[:, -samples:] *= ramp.flip(0)
    return audio
