"""Trained codecs: folders that ``lgr train`` wrote.

One holds ``config.json``, whose key "model" says which class reads it, and ``model.safetensors``.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lgr.codecs.base import Codec, CodecInfo, generates
from lgr.errors import ArgumentError, WeightsError
from lgr.files import assets_dir
from lgr.models.kinds import MODELS

# "model" of config.json: (module, class with from_folder(folder, name=, device=, dtype=)), imported when it is opened
FOLDER_KINDS = {
    "bundled": ("lgr.codecs.bundled", "BundledCodec"),
    **dict.fromkeys(MODELS, ("lgr.codecs.trained", "TrainedCodec")),
}
QUANTIZER = "quantizer.safetensors"  # beside the weights, where a codec has codes: then its class is
CODED_KINDS = {
    "bundled": ("lgr.codecs.coded", "CodedBundled"),
    **dict.fromkeys(MODELS, ("lgr.codecs.coded", "CodedTrained")),
}


def open_folder(
    folder: Path,
    *,
    name: str,
    weights: Path | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Codec:
    """The codec in ``folder`` (in ``weights`` instead, where given), under ``name``.

    Raises
    ------
    WeightsError : no folder of a codec, or damaged
    ArgumentError : ``dtype`` is half precision
    """
    folder = folder if weights is None else weights
    kind = read_config(folder)["model"]
    if not (folder / "model.safetensors").is_file():
        raise WeightsError(f"the codec folder {folder} must hold model.safetensors, and has none")
    module, class_name = (CODED_KINDS if (folder / QUANTIZER).is_file() else FOLDER_KINDS)[kind]
    codec: Codec = getattr(import_module(module), class_name).from_folder(folder, name=name, device=device, dtype=dtype)
    return codec


def folder_info(folder: Path, name: str) -> tuple[CodecInfo, bool]:
    """A trained codec's info, and whether it generates (``lgr.codecs.base.generates``).

    From ``config.json``'s key "info" where it has one, which only the bundled kind has, else from the loaded model.
    """
    config = read_config(folder)
    if "info" in config:
        return CodecInfo.from_json(config["info"]), False
    codec = open_folder(folder, name=name)
    return codec.info, generates(codec)


def read_config(folder: Path) -> dict[str, Any]:
    """What ``config.json`` says; ``WeightsError`` unless it is that of a kind of codec that is known."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        ours = folder.parent == assets_dir() / "models"
        hint = "; set LGR_ASSETS to the assets/ folder of a checkout of lgr" if ours else ""
        raise WeightsError(
            f"a codec folder must hold config.json and model.safetensors, {folder} has none{hint}"
        ) from error
    except ValueError as error:
        raise WeightsError(f"{path} must be JSON: {error}") from error
    kind = config.get("model") if isinstance(config, dict) else None
    if kind not in FOLDER_KINDS:
        raise WeightsError(f'{path}: "model" must be one of {", ".join(FOLDER_KINDS)}, got {kind!r}')
    return dict(config)


def read_folder(folder: Path, dtype: torch.dtype) -> tuple[Any, dict[str, Tensor]]:
    """What ``config.json`` says, unchecked, and the tensors of ``model.safetensors``.

    Raises
    ------
    WeightsError : a file is missing or damaged
    ArgumentError : ``dtype``, in which the codec is to compute, is half precision: that holds neither the envelope of
        quiet sound nor long recurrences
    """
    if dtype not in (torch.float32, torch.float64):
        raise ArgumentError(f"dtype of a trained codec must be torch.float32 or torch.float64, got {dtype}")
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return described, load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{folder} must hold config.json and model.safetensors of a codec: {error}") from error


class NoFirstWeights(TorchFunctionMode):
    """While this lasts, PyTorch's layers built in this thread have memory of no particular content as first weights.

    For networks whose every weight is loaded next: drawing them is half the time of opening the bundled codec. What is
    drawn from a generator of its own is drawn as ever.
    """

    DRAWS = (Tensor.uniform_, Tensor.normal_, nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in self.DRAWS and kwargs.get("generator") is None:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
