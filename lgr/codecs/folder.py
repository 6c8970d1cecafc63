"""Reading what ``lgr train`` wrote: a folder of ``config.json`` and ``model.safetensors``."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lgr.errors import ArgumentError, WeightsError


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
