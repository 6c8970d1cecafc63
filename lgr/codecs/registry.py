"""Codecs by name: the ones lgr brings, the ones other packages register, and trained ones in a folder.

Every one is a ``Row``: what builds it, which options of ``load_codec`` it takes, how it is described. lgr's own are the
table below; ``find_row`` makes those of folders and of entry points. A package adds a codec by an entry point of the
group ``lgr.codecs``: a factory ``(**options) -> Codec`` that is given the keywords of ``load_codec`` (``weights,
device, dtype, loader, space, n_levels``). The factory may carry an attribute ``card``, a ``CodecInfo``, so that the
codec can be listed without being built; its tests may call ``lgr.codecs.conformance``. Nothing heavy is imported before
a codec is built.
"""

import difflib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import torch

from lgr.codecs.base import LOADERS, SPACES, Codec
from lgr.codecs.row import PLACE, CodecCard, Row, downloaded_card, entry_point_card, folder_card, plain_card
from lgr.errors import ArgumentError
from lgr.files import assets_dir


def _downloaded(name: str, factory: str, title: str, *, package: str = "transformers", **rest: Any) -> Row:
    return Row(name=name, factory=factory, describe=downloaded_card, title=title, package=package, **rest)


def _folder_row(name: str, folder: Path, *options: str) -> Row:
    """Of the codec in ``folder``, known by ``name``."""
    return Row(
        name=name,
        factory="lgr.codecs.folder:open_folder",
        describe=folder_card,
        options=(*PLACE, *options),
        fixed={"folder": folder, "name": name},
    )


# codecs whose weights are downloaded, or lie in LGR_WEIGHTS; their modules say which files these are
DOWNLOADED = {
    row.name: row
    for row in (
        _downloaded("encodec-24khz", "lgr.codecs.encodec:Encodec24Codec", "EnCodec, 24 kHz"),
        _downloaded("encodec-48khz", "lgr.codecs.encodec:Encodec48Codec", "EnCodec, 48 kHz stereo"),
        _downloaded("dac-16khz", "lgr.codecs.dac:DacCodec", "DAC, 16 kHz", fixed={"variant": "16khz"}),
        _downloaded("dac-24khz", "lgr.codecs.dac:DacCodec", "DAC, 24 kHz", fixed={"variant": "24khz"}),
        _downloaded("dac-44khz", "lgr.codecs.dac:DacCodec", "DAC, 44.1 kHz", fixed={"variant": "44khz"}),
        _downloaded(
            "soundstream",
            "lgr.codecs.soundstream:SoundStreamCodec",
            "SoundStream (Lyra v2), 16 kHz",
            package="ai_edge_litert",
            options=("weights", "space", "n_levels"),
        ),
    )
}
_TOY = Row(name="toy", factory="lgr.codecs.toy:ToyCodec", describe=plain_card, options=())
BUILT_IN = ("toy", "bundled", *DOWNLOADED)


def find_row(name: str) -> Row:
    """The row of one of ``codec_names()``, which go first, or of a folder that holds a codec.

    Raises
    ------
    ArgumentError : there is no such codec; the message lists the names and the nearest
    """
    if name == "toy":
        return _TOY
    if name == "bundled":
        return _folder_row(name, assets_dir() / "models" / name, "weights")
    if name in DOWNLOADED:
        return DOWNLOADED[name]
    if name in shipped_models():
        return _folder_row(name, assets_dir() / "models" / name)
    if Path(name).is_dir():
        return _folder_row(str(Path(name)), Path(name))
    for point in _entry_points():
        if point.name == name:
            return Row(name=name, factory=point.value, describe=entry_point_card)
    names = codec_names()
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ArgumentError(f"codec must be a folder or one of {', '.join(names)}, got {name!r}{hint}")


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
    weights : a folder with the pretrained weights; None finds them (``LGR_WEIGHTS``, the caches) or downloads them
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
    return find_row(str(name)).build(
        loader=loader,
        space=space,
        n_levels=n_levels,
        weights=weights,
        device=find_device(device),
        dtype=dtype,
    )


def codec_card(name: str | Path) -> CodecCard:
    """What is known of a codec without its weights and without importing what it runs on.

    An entry point whose factory carries no ``card``, and a folder whose ``config.json`` has no "info", has to be built
    to be described.

    Examples
    --------
    >>> from lgr.codecs import codec_card
    >>> card = codec_card("encodec-24khz")
    >>> card.info.frame_rate, card.needs_weights
    (75.0, True)
    """
    row = find_row(str(name))
    return row.describe(row)


def find_device(device: str | torch.device) -> torch.device:
    """The device of that name; ``ArgumentError`` where PyTorch does not have it here."""
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:  # PyTorch asserts that it was built with CUDA
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"device must be one that PyTorch has here, got {str(device)!r} ({reason})") from error
    return wanted


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group="lgr.codecs"))
