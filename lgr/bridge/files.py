"""Bridges by kind, and their folders: ``config.json``, ``model.safetensors``, a card.

A folder belongs to one codec. lgr ships some, in ``assets/models/bridges``, named ``CODEC-KIND``.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from lgr.bridge.base import Bridge
from lgr.bridge.config import BridgeConfig
from lgr.bridge.regression import RegressionBridge
from lgr.bridge.schrodinger import SchrodingerBridge
from lgr.bridge.tokens import CoarseToFineBridge, TokenBridge
from lgr.codecs.base import Codec, CodecInfo, check_same_codec, codes_version
from lgr.errors import ArgumentError, CodebookError, WeightsError
from lgr.files import assets_dir, sha256
from lgr.latents.embedding import FINGERPRINT_DIGITS, split_reference

KINDS: dict[str, type[Bridge]] = {
    kind.kind: kind for kind in (RegressionBridge, TokenBridge, CoarseToFineBridge, SchrodingerBridge)
}
MODEL, FORMAT = "bridge", 1


def build_bridge(kind: str, config: BridgeConfig) -> Bridge:
    """A bridge of first weights, from PyTorch's global generator.

    Raises
    ------
    ArgumentError : no such kind
    """
    if kind not in KINDS:
        raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[kind](config)


def bridges_dir() -> Path:
    """Where the bridges that lgr ships are."""
    return assets_dir() / "models" / "bridges"


def shipped_bridges(codec: str) -> list[str]:
    """Kinds that lgr ships for a codec, of this name."""
    return [kind for kind in KINDS if (bridges_dir() / f"{codec}-{kind}" / "model.safetensors").is_file()]


def load_bridge(bridge: str | Path, codec: Codec) -> Bridge:
    """A bridge for ``codec``: one that ships, by its kind, or a folder that ``lgr train bridge`` wrote.

    Parameters
    ----------
    bridge : as ``KIND`` or a folder, and maybe ``@`` and the fingerprint that it must have (``Bridge.fingerprint``)

    Raises
    ------
    WeightsError : lgr ships none of that kind for the codec and there is no such folder, or it is damaged
    CodebookError : the folder's bridge is for another codec or for other codes, or has another fingerprint
    """
    name, wanted = split_reference(str(bridge))
    info = codec.info
    folder = bridges_dir() / f"{info.name}-{name}" if name in KINDS else Path(name).expanduser()
    if not (folder / "config.json").is_file():
        have = ", ".join(shipped_bridges(info.name)) or "none"
        raise WeightsError(
            f"bridge must be a kind that lgr has for codec {info.name!r} ({have}) or a folder that `lgr train bridge` "
            f"wrote, got {name}"
        )
    made, made_for, codes = open_bridge(folder)
    check_same_codec(f"bridge {name}", made_for, info)
    if codes != codes_version(codec):
        raise CodebookError(
            f"bridge {name} was trained with other codes ({codes or 'none of its own'}) than {info.name!r} now has "
            f"({codes_version(codec) or 'none of its own'}): put those back, or train it again"
        )
    if wanted not in ("", made.fingerprint):
        raise CodebookError(f"bridge {name} has other weights ({made.fingerprint}) than were asked for ({wanted})")
    return made


def lasting_reference(bridge: str | Path, found: Bridge) -> str:
    """``KIND@FINGERPRINT`` or ``FOLDER@FINGERPRINT``, which ``load_bridge`` takes from any working directory."""
    name, _ = split_reference(str(bridge))
    return f"{name if name in KINDS else Path(name).expanduser().resolve()}@{found.fingerprint}"


def open_bridge(folder: Path) -> tuple[Bridge, CodecInfo, str]:
    """The bridge in a folder, in evaluation mode, the codec it is for, and the version of its codes.

    Raises
    ------
    WeightsError : a file is missing or damaged, or the two do not fit each other
    """
    try:
        described: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
        if described["model"] != MODEL or described["format"] != FORMAT:
            raise WeightsError(f"{folder / 'config.json'} must describe a {MODEL} of format {FORMAT}")
        codec = CodecInfo.from_json(described["codec"])
        bridge = build_bridge(described["kind"], BridgeConfig.from_json(described["config"]))
        bridge.load_state_dict({key: value.float() for key, value in weights.items()})
    except WeightsError:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{folder} must hold config.json and model.safetensors of a bridge: {error}") from error
    except (KeyError, TypeError, RuntimeError, ArgumentError) as error:
        first = str(error).partition("\n")[0]
        raise WeightsError(f"{folder}: config.json and model.safetensors are damaged or do not fit: {first}") from error
    bridge.fingerprint = sha256(folder / "model.safetensors")[:FINGERPRINT_DIGITS]
    return bridge.eval().requires_grad_(False), codec, str(described.get("codes", ""))
