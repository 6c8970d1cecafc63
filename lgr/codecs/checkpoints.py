"""Checkpoints of EnCodec and DAC in any of their published forms, brought to one: transformers' names, plain weights.

The forms differ in the names of the layers and in how weight normalisation is stored (``weight_g`` and ``weight_v``,
PyTorch's newer ``parametrizations``, or already multiplied out). Here it is always multiplied out, with PyTorch's own
function, so the numbers are those the original model computes, once instead of at every call.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lgr.codecs.weights import WeightFile, find_weights, local_weights
from lgr.errors import ArgumentError, WeightsError

StateDict = dict[str, Tensor]

_ORIGINAL = re.compile(r"(encoder|decoder)\.model\.")  # names of the authors' packages; transformers has none such
_GAIN = (".weight_g", ".parametrizations.weight.original0")
_DIRECTION = (".weight_v", ".parametrizations.weight.original1")


def find_checkpoint(
    codec_name: str, files: Sequence[WeightFile], originals: Sequence[WeightFile], weights: str | Path | None
) -> Path:
    """The checkpoint to load: a file or folder given, else a local folder, else the download of ``files``.

    A local folder may hold either ``files`` (transformers' safetensors) or ``originals`` (the authors' own), the first
    winning where both are there.

    Raises
    ------
    WeightsError : nothing is there and nothing can be downloaded; the message names file, address and folder
    """
    if weights is not None and Path(weights).is_file():
        return Path(weights)
    if local_weights(codec_name, files, weights) is None and local_weights(codec_name, originals, weights) is not None:
        files = originals
    return find_weights(codec_name, files, weights)[files[0].name]


def read_checkpoint(path: str | Path, transformers_name: Callable[[str], str]) -> StateDict:
    """A checkpoint's tensors under transformers' names, weight normalisation multiplied out.

    Parameters
    ----------
    path : ``.safetensors``, or an original ``.th`` / ``.pth`` (a state dict, or a dict with one at ``"state_dict"``).
        Where a file is named like ``name-1a2b3c4d.th``, those digits are the start of its SHA-256, which is checked.
    transformers_name : an original layer's name to transformers'

    Raises
    ------
    WeightsError : the file is damaged, or not a plain dictionary of tensors (nothing else is ever unpickled)
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return plain_weights(load_file(path))
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"{path} is not a readable safetensors file ({error}); delete it and try again"
            ) from error
    _check_name_digest(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError ... by the damage
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{path} is damaged or holds more than plain tensors ({reason}); it was not loaded"
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} must hold a dictionary of tensors, got {type(state).__name__}")
    if any(_ORIGINAL.match(name) for name in state):
        state = {transformers_name(name): value for name, value in state.items()}
    return plain_weights(state)


def plain_weights(state: Mapping[str, Tensor]) -> StateDict:
    """``state`` with every normalised weight, stored as gain and direction, as one tensor ``weight``."""
    plain: StateDict = {}
    for name, value in state.items():
        gain = next((suffix for suffix in _GAIN if name.endswith(suffix)), None)
        if gain is not None:
            stem = name.removesuffix(gain)
            direction = state.get(stem + _DIRECTION[_GAIN.index(gain)])
            if direction is None:
                raise WeightsError(f"the checkpoint has {name} without its direction, so it is incomplete")
            plain[stem + ".weight"] = torch._weight_norm(direction, value, 0)
        elif not name.endswith(_DIRECTION):
            plain[name] = value
    return plain


def load_plain(model: nn.Module, state: Mapping[str, Tensor], transformers_name: Callable[[str], str]) -> None:
    """Take weight normalisation out of ``model`` and load ``state``, whichever of the two namings ``model`` has.

    Raises
    ------
    WeightsError : ``state`` has other tensors, or other shapes, than the model
    """
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            nn.utils.remove_weight_norm(module)
    own = {name: name for name in model.state_dict()}
    if any(_ORIGINAL.match(name) for name in own):
        own = {transformers_name(name): name for name in own}
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or unknown:
        raise WeightsError(
            f"the checkpoint is of another model: {len(missing)} tensors missing {missing[:2]}, "
            f"{len(unknown)} unknown {unknown[:2]}"
        )
    try:
        # a model built on the meta device has nothing to copy into: it takes the tensors themselves
        empty = any(value.is_meta for value in model.parameters())
        model.load_state_dict({own[name]: value for name, value in state.items()}, assign=empty)
    except RuntimeError as error:  # its second line is the first shape that differs
        raise WeightsError(f"the checkpoint is of another model: {str(error).splitlines()[1].strip()}") from error


def random_state(model: nn.Module, gain: float, generator: torch.Generator) -> StateDict:
    """Random plain weights for transformers' ``model``, which may be on the meta device.

    ``gain`` is the variance of a layer's output for inputs of variance one; chosen so that signals stay of the order of
    one through the network, what comes out depends on the input as in a trained model: enough for tests of shapes,
    chunks and loaders.
    """
    state: StateDict = {}
    for name, value in _plain_shapes(model).items():
        if name.endswith(("norm.weight", "alpha", "inited")):
            drawn = torch.ones(value.shape)
        elif name.endswith(("cluster_size", "embed_avg")):  # only training reads them
            drawn = torch.zeros(value.shape)
        elif value.ndim == 1:
            drawn = 0.02 * torch.randn(value.shape, generator=generator)
        elif "codebook" in name:
            drawn = 0.3 * torch.randn(value.shape, generator=generator)
        else:
            drawn = torch.randn(value.shape, generator=generator) * (gain / value[0].numel()) ** 0.5
        state[name] = drawn
    return state


def _plain_shapes(model: nn.Module) -> StateDict:
    """``model``'s state dict as ``plain_weights`` would name it, only for its names and shapes."""
    shapes: StateDict = {}
    for name, value in model.state_dict().items():
        if name.endswith(_DIRECTION):
            suffix = next(suffix for suffix in _DIRECTION if name.endswith(suffix))
            shapes[name.removesuffix(suffix) + ".weight"] = value
        elif not name.endswith(_GAIN):
            shapes[name] = value
    return shapes


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ``ArgumentError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ArgumentError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _check_name_digest(path: Path) -> None:
    """Compare a file with the digits of its SHA-256 that its own name carries, where it does."""
    named = re.search(r"-([0-9a-f]{8})$", path.stem)
    if named is None:
        return
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if not got.startswith(named[1]):
        raise WeightsError(
            f"{path} is damaged: its SHA-256 starts with {got[:8]}, its name says {named[1]}; download it again"
        )
