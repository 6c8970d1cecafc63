"""Codecs by name: the ones lgr brings, the ones other packages register, and trained ones in a folder.

A package adds a codec by an entry point of the group ``lgr.codecs``: a factory ``(**options) -> Codec`` that is given
the keywords of ``load_codec`` (``weights, device, dtype, loader, space, n_levels``). The factory may carry an attribute
``card``, a ``CodecInfo``, so that the codec can be listed without being built. A folder holds ``config.json``, whose
key ``"model"`` says which class reads it, and ``model.safetensors``. Nothing heavy is imported before a codec is built.
"""

import difflib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import torch

from lgr.codecs.base import Codec, CodecInfo
from lgr.codecs.toy import ToyCodec
from lgr.codecs.weights import WeightFile, local_weights
from lgr.errors import ArgumentError, MissingPackageError, WeightsError
from lgr.files import assets_dir
from lgr.models.kinds import MODELS

# name: (module, class, variant); these modules list CARDS, WEIGHTS and maybe ORIGINALS by name
DOWNLOADED = {
    "encodec-24khz": ("lgr.codecs.encodec", "EncodecCodec", "24khz"),
    "encodec-48khz": ("lgr.codecs.encodec", "EncodecCodec", "48khz"),
    "dac-16khz": ("lgr.codecs.dac", "DacCodec", "16khz"),
    "dac-24khz": ("lgr.codecs.dac", "DacCodec", "24khz"),
    "dac-44khz": ("lgr.codecs.dac", "DacCodec", "44khz"),
    "soundstream": ("lgr.codecs.soundstream", "SoundStreamCodec", ""),
}
BUILT_IN = ("toy", "bundled", *DOWNLOADED)
# "model" of a folder's config.json: (module, class with from_folder(folder, device=, dtype=))
FOLDER_KINDS = {
    "bundled": ("lgr.codecs.bundled", "BundledCodec"),
    **dict.fromkeys(MODELS, ("lgr.codecs.trained", "TrainedCodec")),
}

LOADERS = ("transformers", "reference")
SPACES = ("latent", "quantized")


@dataclass(frozen=True, kw_only=True)
class CodecCard:
    """What a listing says of a codec. ``weights`` is the folder that holds them, None where there are none here."""

    info: CodecInfo
    needs_weights: bool
    weights: Path | None
    source: str  # where the codec comes from, or where its weights are downloaded from
    files: tuple[WeightFile, ...] = ()  # that are downloaded

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def licence(self) -> str:
        return self.info.licence

    @property
    def frame_rate(self) -> float:
        return self.info.frame_rate

    @property
    def latent_dim(self) -> int:
        return self.info.latent_dim

    @property
    def causal(self) -> bool:
        return self.info.causal

    @property
    def lookahead(self) -> int:
        return self.info.lookahead

    @property
    def present(self) -> bool:
        """Whether the codec can be loaded without a download."""
        return self.weights is not None or not self.needs_weights


def codec_names() -> list[str]:
    """Every name ``load_codec`` knows: lgr's own in their order, models that come with it, entry points by name.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import lgr
    >>> "bundled" in lgr.codec_names()
    True
    """
    own = [*BUILT_IN, *shipped_models()]
    return [*own, *sorted(point.name for point in _entry_points() if point.name not in own)]


def shipped_models() -> list[str]:
    """Trained models that come with lgr, folders of ``assets/models`` beside the bundled codec, by name."""
    folder = assets_dir() / "models"
    found = sorted(path.parent.name for path in folder.glob("*/config.json"))
    return [name for name in found if name not in BUILT_IN]


def load_codec(
    name: str | Path,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    loader: str = "transformers",
    space: str = "latent",
    n_levels: int | None = None,
) -> Codec:
    """Build a codec.

    Parameters
    ----------
    name : one of ``codec_names()``, which go first, or a folder with ``config.json`` and ``model.safetensors``
    weights : a folder with the pretrained weights; None finds them (``LGR_WEIGHTS``, the cache) or downloads them
    device, dtype : where and in what the network computes; outputs follow the inputs, whatever these are.
        ``toy`` computes in its input's, ``soundstream`` in float32 on the CPU, whatever these say
    loader : "transformers", or "reference" for the original packages' own checkpoints (EnCodec and DAC only)
    space : "latent" (continuous, before quantisation) or "quantized" (after it; EnCodec, DAC and SoundStream only)
    n_levels : levels of the quantizer that are used, from the coarsest; None is all the codec's

    Returns
    -------
    Codec : with its weights, ready to encode and decode

    Raises
    ------
    ArgumentError : an unknown name, or an option this codec does not have
    WeightsError : weights are missing and cannot be downloaded, or damaged
    MissingPackageError : the codec's optional package is not installed

    Examples
    --------
    >>> import lgr
    >>> codec = lgr.load_codec("bundled")
    >>> codec.info.sample_rate, codec.info.frame_rate, codec.info.latent_dim
    (24000, 75.0, 280)
    >>> lgr.load_codec("bundeld")
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: codec must be a folder or one of ... got 'bundeld'; did you mean bundled?
    """
    if loader not in LOADERS:
        raise ArgumentError(f"loader must be one of {', '.join(LOADERS)}, got {loader!r}")
    if space not in SPACES:
        raise ArgumentError(f"space must be one of {', '.join(SPACES)}, got {space!r}")
    name = str(name)
    folder = Path(weights).expanduser() if weights is not None else None
    options: dict[str, Any] = {"device": find_device(device), "dtype": dtype}
    if name in DOWNLOADED:
        module, kind, variant = DOWNLOADED[name]
        options |= {"weights": folder, "space": space, "n_levels": n_levels}
        if name == "soundstream":
            _refuse(name, loader=loader != "transformers" and loader)
            del options["device"], options["dtype"]
        else:
            options |= {"variant": variant, "loader": loader}
        return _built(getattr(import_module(module), kind), **options)
    if name in ("toy", "bundled") or (shipped := name in shipped_models()) or Path(name).is_dir():
        _refuse(
            name,
            loader=loader != "transformers" and loader,
            space=space != "latent" and space,
            n_levels=n_levels is not None and n_levels,
        )
        if name == "toy":
            _refuse(name, weights=weights is not None and weights)
            return ToyCodec()
        if name == "bundled":
            return _from_folder(folder or _bundled_folder(), name="bundled", **options)
        _refuse(name, weights=weights is not None and weights)
        return _from_folder(_folder(name), name=name if shipped else str(Path(name)), **options)
    options |= {"weights": folder, "loader": loader, "space": space, "n_levels": n_levels}
    return _built(_factory(name), **options)


def codec_card(name: str | Path) -> CodecCard:
    """What is known of a codec without its weights and without importing what it runs on.

    An entry point whose factory carries no ``card`` has to be built to be described.

    Examples
    --------
    >>> from lgr.codecs import codec_card
    >>> card = codec_card("encodec-24khz")
    >>> card.info.frame_rate, card.needs_weights
    (75.0, True)
    """
    name = str(name)
    if name == "toy":
        return CodecCard(info=ToyCodec().info, needs_weights=False, weights=None, source="lgr")
    if name in DOWNLOADED:
        module = import_module(DOWNLOADED[name][0])
        files: Sequence[WeightFile] = module.WEIGHTS[name]
        info: CodecInfo = module.CARDS[name]
        weights = local_weights(name, files)
        if weights is None and hasattr(module, "ORIGINALS"):  # the authors' own checkpoint does as well
            weights = local_weights(name, module.ORIGINALS[name])
        return CodecCard(info=info, needs_weights=True, weights=weights, source=files[0].url, files=tuple(files))
    if name == "bundled" or name in shipped_models() or Path(name).is_dir():
        folder = _folder(name)
        present = (folder / "model.safetensors").is_file()
        return CodecCard(
            info=_folder_info(folder, name), needs_weights=True, weights=folder if present else None, source=str(folder)
        )
    factory = _factory(name)
    card = getattr(factory, "card", None)
    info = card if card is not None else load_codec(name).info
    return CodecCard(info=info, needs_weights=False, weights=None, source="entry point")


def find_device(device: str | torch.device) -> torch.device:
    """The device of that name; ``ArgumentError`` where PyTorch does not have it here."""
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:  # PyTorch asserts that it was built with CUDA
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"device must be one that PyTorch has here, got {str(device)!r} ({reason})") from error
    return wanted


def _bundled_folder() -> Path:
    return assets_dir() / "models" / "bundled"


def _folder(name: str) -> Path:
    """The folder of a codec that comes with lgr, or the one that ``name`` itself is."""
    return assets_dir() / "models" / name if name == "bundled" or name in shipped_models() else Path(name)


def _from_folder(folder: Path, **options: Any) -> Codec:
    kind = _folder_config(folder)["model"]
    if not (folder / "model.safetensors").is_file():
        raise WeightsError(f"the codec folder {folder} must hold model.safetensors, and has none")
    module, name = FOLDER_KINDS[kind]
    return _built(getattr(import_module(module), name).from_folder, folder, **options)


def _folder_info(folder: Path, name: str) -> CodecInfo:
    """A trained codec's info: ``config.json``'s key "info" where it has one, else what its weights say when loaded."""
    config = _folder_config(folder)
    if "info" in config:
        return CodecInfo(**config["info"])
    return _from_folder(folder, name=name, device=torch.device("cpu"), dtype=torch.float32).info


def _folder_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = "; set LGR_ASSETS to the assets/ folder of a checkout of lgr" if folder == _bundled_folder() else ""
        raise WeightsError(
            f"a codec folder must hold config.json and model.safetensors, {folder} has none{hint}"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path} must be JSON: {error}") from error
    kind = config.get("model") if isinstance(config, dict) else None
    if kind not in FOLDER_KINDS:
        raise WeightsError(f'{path}: "model" must be one of {", ".join(FOLDER_KINDS)}, got {kind!r}')
    return dict(config)


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group="lgr.codecs"))


def _factory(name: str) -> Callable[..., Any]:
    """The factory that an installed package registered under ``name``."""
    for point in _entry_points():
        if point.name == name:
            try:
                factory: Callable[..., Any] = point.load()
            except ImportError as error:
                raise MissingPackageError(f"codec {name} ({point.value}) cannot be imported: {error}") from error
            return factory
    names = codec_names()
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ArgumentError(f"codec must be a folder or one of {', '.join(names)}, got {name!r}{hint}")


def _built(factory: Callable[..., Any], *args: Any, **options: Any) -> Codec:
    codec = factory(*args, **options)
    if not isinstance(codec, Codec):
        raise ArgumentError(f"a codec factory must return a Codec, {factory!r} returned {type(codec).__name__}")
    return codec


def _refuse(name: str, **options: Any) -> None:
    """Raise for the first option that was asked for (is neither False nor None)."""
    for option, value in options.items():
        if value is not False and value is not None:
            raise ArgumentError(f"codec {name} has no option {option}, got {option}={value!r}")
