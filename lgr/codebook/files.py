"""Codebooks on disk: a folder with ``codebook.json`` (what it is) and ``codebook.safetensors`` (its tensors, float32).

Loading maps the tensors into memory, so that a codebook of hours opens at once and reads from disk what it is asked
for. Saving writes a folder beside and renames it, so that there is never half a codebook.
"""

import json
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lgr.codebook.config import CodebookConfig
from lgr.codebook.parts import Fitted, Parts
from lgr.codecs.base import CodecInfo, check_same_codec
from lgr.errors import CodebookError
from lgr.files import atomic_folder, lgr_version
from lgr.sound.pitch import BINS
from lgr.sound.recording import Recording

FORMAT = "lgr-codebook"
FORMAT_VERSION = 1
DESCRIPTION, TENSORS = "codebook.json", "codebook.safetensors"
# and "features", unless they are the latents, and "pitch" and "levels", unless they are not known
_TENSOR_NAMES = {"latents", "starts", "recording", "mean", "whitener"}


def save(folder: str | Path, config: CodebookConfig, fitted: Fitted, *, force: bool = False) -> Path:
    """Write a codebook into ``folder``.

    An existing codebook is replaced only with ``force``; any other folder that is not empty never is.
    ``latents`` is stored as (lanes, total_frames, latent_dim) and ``features`` as (total_frames, feature_dim).
    """
    parts = fitted.parts
    tensors = {
        "latents": parts.latents.float(),
        "starts": parts.starts,
        "recording": parts.recording,
        "mean": fitted.mean.float(),
        "whitener": fitted.whitener.float(),
    }
    if parts.features is not None:
        tensors["features"] = parts.features.float()
    if parts.pitch is not None:
        tensors["pitch"] = parts.pitch.half()
    if parts.levels is not None:
        tensors["levels"] = parts.levels.half()
    description = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "lgr": lgr_version(),
        "codec": fitted.codec.to_json(),
        "config": asdict(config),
        "recordings": [{**r.to_json(), "frames": n} for r, n in zip(parts.recordings, parts.frames, strict=True)],
        "shapes": {name: list(tensor.shape) for name, tensor in tensors.items()},
    }
    folder = Path(folder).expanduser().resolve()
    with _new_folder(folder, force) as new:
        try:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, new / TENSORS)
        except SafetensorError as error:  # its word for a full disk
            raise CodebookError(f"the saved codebook {folder} cannot be written: {error}") from error
        text = json.dumps(description, indent=2, ensure_ascii=False)
        (new / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        (new / TENSORS).chmod((new / DESCRIPTION).stat().st_mode)  # safetensors lets only the owner read
    return folder


def check_place(folder: str | Path, *, force: bool = False) -> None:
    """Raise what ``save`` would raise for ``folder``, before the long work that a codebook is."""

    class Enough(Exception):
        pass

    with suppress(Enough), _new_folder(Path(folder).expanduser().resolve(), force):
        raise Enough


def load(folder: str | Path, codec: CodecInfo | None = None) -> tuple[CodebookConfig, Fitted]:
    """Open the codebook in ``folder``, memory-mapped.

    Parameters
    ----------
    codec : where given, the codebook must have been made by the same one (name, sample rate, hop and latent size)

    Raises
    ------
    CodebookError : not a codebook, of another format version or codec, or damaged
    """
    folder = Path(folder).expanduser()
    description = _read_description(folder)
    try:
        made_by = CodecInfo.from_json(description["codec"])
        config = CodebookConfig(**description["config"])
        frames = [int(each.pop("frames")) for each in description["recordings"]]
        recordings = [Recording.from_json(each) for each in description["recordings"]]
        shapes = {name: tuple(shape) for name, shape in description["shapes"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CodebookError(f"{folder / DESCRIPTION} is damaged: {error!r}; build the codebook again") from error
    if codec is not None:
        check_same_codec(f"codebook {folder}", made_by, codec)
    tensors = _read_tensors(folder, shapes, sum(frames), len(frames), made_by)
    parts = Parts(
        latents=tensors["latents"],
        features=tensors.get("features"),
        recordings=tuple(recordings),
        frames=tuple(frames),
        starts=tensors["starts"],
        recording=tensors["recording"],
        pitch=tensors.get("pitch"),
        levels=tensors.get("levels"),
    )
    return config, Fitted(parts, tensors["mean"], tensors["whitener"], made_by)


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not path.is_file():
        what = "a folder without codebook.json" if folder.is_dir() else "a file" if folder.exists() else "nothing"
        raise CodebookError(f"folder must be a saved codebook, got {what} at {folder}")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CodebookError(f"{path} is damaged: {error}; build the codebook again") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CodebookError(f"folder must be a saved codebook, but {path} does not describe one")
    if description.get("version") != FORMAT_VERSION:
        raise CodebookError(
            f"codebook {folder} has format version {description.get('version')} (by lgr {description.get('lgr')}), "
            f"this lgr reads version {FORMAT_VERSION}; build the codebook again"
        )
    return description


def _read_tensors(
    folder: Path, shapes: dict[str, tuple[int, ...]], total_frames: int, n_recordings: int, codec: CodecInfo
) -> dict[str, Tensor]:
    path = folder / TENSORS
    try:
        tensors: dict[str, Tensor] = load_file(path)  # on the CPU these are views of the mapped file
    except (OSError, SafetensorError) as error:
        raise CodebookError(f"{path} is missing or damaged: {error}; build the codebook again") from error
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if (
        found != shapes
        or not set(found) >= _TENSOR_NAMES
        or found["latents"][1:] != (total_frames, codec.latent_dim)
        or ("features" not in found and found["latents"][0] != 1)
        or ("pitch" in found and found["pitch"] != (total_frames, BINS))
        or ("levels" in found and found["levels"] != (total_frames,))
        or found["starts"] != found["recording"]
        or not _within(tensors["starts"], total_frames)
        or not _within(tensors["recording"], n_recordings)
    ):
        raise CodebookError(f"{path} does not fit {DESCRIPTION} beside it: {found}; build the codebook again")
    return tensors


def _within(index: Tensor, size: int) -> bool:
    return index.numel() > 0 and int(index.min()) >= 0 and int(index.max()) < size


def _new_folder(folder: Path, force: bool) -> AbstractContextManager[Path]:
    names = frozenset((DESCRIPTION, TENSORS))
    return atomic_folder(folder, force=force, what="saved codebook", holds=names, error=CodebookError)
