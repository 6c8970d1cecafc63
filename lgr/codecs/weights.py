"""Where pretrained weights are: found in a folder or a cache, or downloaded once and checked.

The places, in order: the folder a caller gives, ``LGR_WEIGHTS``, lgr's cache (``LGR_CACHE``, else the platform's cache
folder + ``lgr``), Hugging Face's cache, the network. What Hugging Face publishes ``huggingface_hub`` downloads into its
own cache, so that it is shared with other programs, resumed, and had from a mirror (``HF_ENDPOINT``), with a token
(``HF_TOKEN``) or not at all (``HF_HUB_OFFLINE``); anything else ``pooch`` downloads into lgr's cache. Both give a file
its name only when all of it has come.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lgr.errors import MissingPackageError, WeightsError
from lgr.files import cache_dir, sha256

TIMEOUT_SECONDS = 30.0
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class WeightFile:
    """One file of a codec's pretrained weights.

    Parameters
    ----------
    name : the file's name in its folder
    url : where it is downloaded from
    sha256 : 64 hexadecimal digits, or None where it is not known ahead
    size : bytes, or None; only for messages and the progress bar
    """

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class HubFile(WeightFile):
    """A file of the repository ``repo`` on Hugging Face as it was at the commit ``revision``; see ``hub_file``."""

    repo: str = ""
    revision: str = ""


def hub_file(repo: str, revision: str, name: str = "model.safetensors") -> HubFile:
    """The file ``name`` of a repository, "owner/name", at a commit of 40 hexadecimal digits."""
    return HubFile(name, f"{HUB}/{repo}/resolve/{revision}/{name}", repo=repo, revision=revision)


def local_weights(codec_name: str, files: Sequence[WeightFile], folder: str | Path | None = None) -> Path | None:
    """The first local folder that holds all of ``files``, or None; nothing is downloaded and no checksum is taken.

    With ``folder`` given only that one is looked in. A subfolder ``codec_name`` of it or ``LGR_WEIGHTS`` comes first.
    """
    if folder is not None:
        places = [Path(folder) / codec_name, Path(folder)]
    else:
        chosen = os.environ.get("LGR_WEIGHTS")
        places = [Path(chosen) / codec_name, Path(chosen)] if chosen else []
        places.append(_own_cache(codec_name))
    found = next((place for place in places if all((place / file.name).is_file() for file in files)), None)
    return found if found is not None or folder is not None else _in_hub_cache(files)


def find_weights(codec_name: str, files: Sequence[WeightFile], folder: str | Path | None = None) -> dict[str, Path]:
    """Paths of a codec's weight files, downloading what no local folder has.

    Parameters
    ----------
    codec_name : names the subfolder
    files : what is needed
    folder : a person's own folder. It is taken at its word: it must hold every file (nothing is downloaded in its
        place), and other weights than the published ones are welcome, so only a ``.sha256`` beside a file is checked
        there.

    Raises
    ------
    WeightsError : a file is missing and cannot be downloaded, or is not what its checksum says
    MissingPackageError : the package that downloads it is not installed
    """
    place = local_weights(codec_name, files, folder)
    if place is None and folder is not None:
        missing = [file for file in files if not (Path(folder) / file.name).is_file()]
        wanted = ", ".join(f"{file.name} (from {file.url})" for file in missing)
        raise WeightsError(f"weights of {codec_name}: the folder {folder} must hold {wanted}")
    if place is None:
        missing = [file for file in files if not (_own_cache(codec_name) / file.name).is_file()]
        for i, file in enumerate(missing):
            place = _download(codec_name, file, missing[i:]).parent
    assert place is not None
    return {file.name: _checked(codec_name, file, place / file.name, own=folder is not None) for file in files}


def arrived_bytes(codec_name: str, files: Sequence[WeightFile]) -> int:
    """How much of a download is on the disk so far, finished or not."""
    folders = [_own_cache(codec_name)]
    if any(isinstance(file, HubFile) for file in files):
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        repos = {file.repo for file in files if isinstance(file, HubFile)}
        folders += [
            Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model") / "blobs" for repo in repos
        ]
    return sum(_size(path) for folder in folders if folder.is_dir() for path in folder.iterdir())


def _own_cache(codec_name: str) -> Path:
    return cache_dir() / "weights" / codec_name


def _in_hub_cache(files: Sequence[WeightFile]) -> Path | None:
    """The folder of Hugging Face's cache that holds all of ``files``, or None."""
    place = None
    for file in files:
        if not isinstance(file, HubFile):
            return None
        try:
            from huggingface_hub import try_to_load_from_cache
        except ImportError:  # comes with lgr[codecs]
            return None
        path = try_to_load_from_cache(file.repo, file.name, revision=file.revision)
        if not isinstance(path, str):
            return None
        place = Path(path).parent
    return place


def _checked(codec_name: str, file: WeightFile, path: Path, *, own: bool) -> Path:
    """``path``, once its bytes were compared with the checksum that is known of it; ``own``: a person's own file."""
    record = path.with_name(path.name + ".sha256")
    expected = None if own else file.sha256
    if expected is None and record.is_file():
        expected = record.read_text().strip()
    if expected is None and isinstance(file, HubFile) and path.is_symlink():
        # Hugging Face's cache names a large file by its SHA-256, and links to it
        name = path.readlink().name
        expected = name if len(name) == 64 else None
    if expected is not None and (got := sha256(path)) != expected:
        its = f" ({path.resolve()})" if path.is_symlink() else " and its .sha256" if record.is_file() else ""
        raise WeightsError(
            f"weights of {codec_name}: {path} is damaged or another file (SHA-256 {got}, expected {expected}); "
            f"delete it{its} to have it downloaded again from {file.url}"
        )
    return path


def _download(codec_name: str, file: WeightFile, missing: Sequence[WeightFile]) -> Path:
    """Fetch ``file``, one of the ``missing``."""
    folder = _own_cache(codec_name)
    try:
        return _from_hub(file) if isinstance(file, HubFile) else _from_web(file, folder)
    except ImportError as error:
        raise MissingPackageError(f"weights of {codec_name} need {error.name}: pip install 'lgr[codecs]'") from error
    except Exception as error:  # the two packages pass on whatever their HTTP clients raise
        urls = " and ".join(each.url for each in missing)
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise WeightsError(
            f"weights of {codec_name}: {file.name} could not be downloaded ({reason}). "
            f"Without a network, download {urls} elsewhere and put it in {folder} "
            f"(or all of the codec's files in one folder that LGR_WEIGHTS names)"
        ) from error


def _from_hub(file: HubFile) -> Path:
    from huggingface_hub import hf_hub_download

    # read here, because the package reads it once, when something first imports it
    endpoint = os.environ.get("HF_ENDPOINT")
    return Path(hf_hub_download(file.repo, file.name, revision=file.revision, endpoint=endpoint))


def _from_web(file: WeightFile, folder: Path) -> Path:
    import pooch

    fetch = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_SECONDS)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # the bar says it
    try:
        known = None if file.sha256 is None else f"sha256:{file.sha256}"
        return Path(pooch.retrieve(file.url, known, fname=file.name, path=folder, downloader=fetch))
    finally:
        logger.setLevel(level)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # renamed just now
        return 0
