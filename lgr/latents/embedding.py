"""Learned embeddings: what ``metric="learned"`` reads in place of ``codec.features``.

An embedding is a folder that ``lgr train embedding`` wrote (``config.json``, ``model.safetensors``, a card) and belongs
to one codec. lgr ships some, in ``assets/models/embeddings``, one folder a codec, named after it. A codebook remembers
which one its grains were compared with as ``NAME@FINGERPRINT``, where NAME is the codec's for a shipped one and the
folder's for any other.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_latents, check_same_codec
from lgr.errors import CodebookError, WeightsError
from lgr.files import assets_dir, sha256
from lgr.models.timbre_embedding import TimbreEmbedding, TimbreEmbeddingConfig

MODEL, FORMAT = "timbre-embedding", 1
FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, eq=False)
class EmbeddingState:
    """Where a stream stands: the last latents ``(batch, latent_dim, context_frames - 1)``."""

    before: Tensor


class LearnedEmbedding:
    """A ``features`` function: latents of one codec to a space in which centred cosine means timbre.

    Parameters
    ----------
    net : the network; it is put in evaluation mode
    codec : whose latents it reads
    name : what the codebook calls it: the codec's name for an embedding that ships, else its folder
    fingerprint : of its weights
    """

    def __init__(self, net: TimbreEmbedding, codec: CodecInfo, *, name: str = "", fingerprint: str = "") -> None:
        self._net = net.eval().requires_grad_(False)
        self.codec, self.name, self.fingerprint = codec, name, fingerprint

    @property
    def reference(self) -> str:
        """``NAME@FINGERPRINT``, which ``load_embedding`` takes back."""
        return f"{self.name}@{self.fingerprint}"

    @property
    def config(self) -> TimbreEmbeddingConfig:
        return self._net.config

    @torch.no_grad()
    def features(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, feature_dim, frames)``, in the latents' own type."""
        return self.features_step(None, latents)[1]

    @torch.no_grad()
    def features_step(self, state: EmbeddingState | None, latents: Tensor) -> tuple[EmbeddingState, Tensor]:
        """Features of further latents of a stream; ``None`` begins one. Any chunking gives what ``features`` gives."""
        check_latents(self.codec, latents)
        x = latents.to(self._net.mean)
        before = x[..., :1].expand(-1, -1, self.config.context_frames - 1) if state is None else state.before
        kept = torch.cat([before, x], 2)
        kept = kept[..., kept.shape[2] - before.shape[2] :].clone()
        return EmbeddingState(kept), self._net(x, before).to(latents)


def embedding_folder(codec_name: str) -> Path:
    """Where the embedding that ships for a codec is, or would be; a trained codec goes by its folder, and has none."""
    return assets_dir() / "models" / "embeddings" / codec_name.strip("/\\")


def load_embedding(codec: CodecInfo, embedding: str | Path = "", *, device: str = "cpu") -> LearnedEmbedding:
    """The embedding to compare a codec's grains with.

    Parameters
    ----------
    codec : whose latents are to be embedded
    embedding : "" for the one that ships for this codec; a folder that ``lgr train embedding`` wrote; or what
        ``LearnedEmbedding.reference`` says, with the fingerprint that its weights must have

    Raises
    ------
    WeightsError : the folder is missing or damaged, or the codec has none
    CodebookError : the embedding is another codec's, or not the one that ``embedding`` names
    """
    name, fingerprint = split_reference(str(embedding))
    shipped = name in ("", codec.name)
    folder = embedding_folder(codec.name) if shipped else Path(name).expanduser()
    if not (folder / "config.json").is_file():
        if shipped:
            raise WeightsError(
                f'metric "learned" needs an embedding and lgr has none for codec {codec.name!r}: train one with `lgr '
                f"train embedding --codec {codec.name} --data RECORDINGS --out FOLDER`, then name it (--embedding "
                "FOLDER), or use another metric"
            )
        raise WeightsError(f"embedding must be a folder that `lgr train embedding` wrote, got {name}")
    loaded = open_embedding(folder, name=codec.name if shipped else name, device=device)
    check_same_codec(f"embedding {folder}", loaded.codec, codec)
    if fingerprint not in ("", loaded.fingerprint):
        raise CodebookError(
            f"embedding {folder} has other weights ({loaded.fingerprint}) than the ones the grains were compared with "
            f"({fingerprint}): put those back, or build the codebook again"
        )
    return loaded


def open_embedding(folder: str | Path, *, name: str | None = None, device: str = "cpu") -> LearnedEmbedding:
    """Open a folder written by ``lgr train embedding``.

    Raises
    ------
    WeightsError : a file is missing or damaged, or the two do not fit each other
    """
    folder = Path(folder)
    try:
        described: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = load_file(folder / "model.safetensors")
        if described["model"] != MODEL or described["format"] != FORMAT:
            raise WeightsError(f"{folder / 'config.json'} must describe a {MODEL} of format {FORMAT}")
        codec = CodecInfo.from_json(described["codec"])
        net = TimbreEmbedding(TimbreEmbeddingConfig(**described["config"]))
        net.load_state_dict({key: value.float() for key, value in weights.items()})
    except WeightsError:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"{folder} must hold config.json and model.safetensors of an embedding: {error}") from error
    except (KeyError, TypeError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise WeightsError(f"{folder}: config.json and model.safetensors are damaged or do not fit: {first}") from error
    fingerprint = sha256(folder / "model.safetensors")[:FINGERPRINT_DIGITS]
    return LearnedEmbedding(net.to(device), codec, name=str(folder) if name is None else name, fingerprint=fingerprint)


def split_reference(reference: str) -> tuple[str, str]:
    """``NAME@FINGERPRINT`` as two, the fingerprint "" where there is none (a folder's name may hold an @)."""
    found = re.fullmatch(rf"(.*)@([0-9a-f]{{{FINGERPRINT_DIGITS}}})", reference, re.DOTALL)
    return (found[1], found[2]) if found else (reference, "")
