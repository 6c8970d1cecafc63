"""A codec's row: what builds it, which options it takes, and the card that a listing shows of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import torch

from lgr.codecs.base import Codec, CodecInfo
from lgr.codecs.folder import folder_info
from lgr.codecs.weights import WeightFile, local_weights
from lgr.errors import ArgumentError, MissingPackageError

PLACE = ("device", "dtype")  # a codec that has no choice of them goes without: outputs follow the inputs all the same
# the options of ``load_codec``, and what they are where nobody asks for more
OPTIONS: dict[str, Any] = {
    "device": torch.device("cpu"),
    "dtype": torch.float32,
    "loader": "transformers",
    "space": "latent",
    "n_levels": None,
    "weights": None,
}


@dataclass(frozen=True, kw_only=True)
class CodecCard:
    """What a listing says of a codec. ``weights`` is the folder that holds them, None where there are none here."""

    info: CodecInfo
    needs_weights: bool
    weights: Path | None
    source: str  # where the codec comes from, or where its weights are downloaded from
    files: tuple[WeightFile, ...] = ()  # that are downloaded
    generates: bool = False  # see ``lgr.codecs.base.generates``

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


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a codec is built and described.

    Parameters
    ----------
    name : of the codec
    factory : "module:attribute", imported when the codec is built
    describe : what makes its card of the row
    options : those of ``load_codec`` that the factory takes
    fixed : what the factory is given besides
    title : for people, where the name is not enough
    package : the optional package it runs on, as it is imported
    """

    name: str
    factory: str
    describe: Callable[["Row"], CodecCard]
    options: tuple[str, ...] = tuple(OPTIONS)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    package: str = ""

    @property
    def module(self) -> Any:
        """The module of the factory."""
        return import_module(self.factory.partition(":")[0])

    def open_factory(self) -> Callable[..., Any]:
        """The factory; ``MissingPackageError`` where it cannot be imported."""
        try:
            factory: Callable[..., Any] = EntryPoint(self.name, self.factory, "lgr.codecs").load()
        except ImportError as error:
            raise MissingPackageError(f"codec {self.name} ({self.factory}) cannot be imported: {error}") from error
        return factory

    def build(self, **options: Any) -> Codec:
        """The codec with ``options`` of ``load_codec``; ``ArgumentError`` for one that was asked for and it has not."""
        for option, value in options.items():
            if option not in (*self.options, *PLACE) and value != OPTIONS[option]:
                raise ArgumentError(f"codec {self.name} has no option {option}, got {option}={value!r}")
        options = OPTIONS | options
        if options["weights"] is not None:
            options["weights"] = Path(options["weights"]).expanduser()
        factory = self.open_factory()
        codec = factory(**self.fixed, **{option: options[option] for option in self.options})
        if not isinstance(codec, Codec):
            raise ArgumentError(f"a codec factory must return a Codec, {factory!r} returned {type(codec).__name__}")
        return codec


def plain_card(row: Row) -> CodecCard:
    """Of a codec that has no weights."""
    return CodecCard(info=row.build().info, needs_weights=False, weights=None, source="lgr")


def downloaded_card(row: Row) -> CodecCard:
    """Of a module that lists by name its CARDS, its WEIGHTS and maybe ORIGINALS."""
    files: tuple[WeightFile, ...] = row.module.WEIGHTS[row.name]
    weights = local_weights(row.name, files)
    if weights is None and hasattr(row.module, "ORIGINALS"):  # the authors' own checkpoint does as well
        weights = local_weights(row.name, row.module.ORIGINALS[row.name])
    return CodecCard(
        info=row.module.CARDS[row.name],
        needs_weights=True,
        weights=weights,
        source=files[0].url,
        files=files,
    )


def folder_card(row: Row) -> CodecCard:
    """Of the trained codec in the folder ``row.fixed["folder"]``."""
    folder: Path = row.fixed["folder"]
    info, generating = folder_info(folder, row.name)
    weights = folder if (folder / "model.safetensors").is_file() else None
    return CodecCard(info=info, needs_weights=True, weights=weights, source=str(folder), generates=generating)


def entry_point_card(row: Row) -> CodecCard:
    """What another package's factory carries as its ``card``, else what the codec says once it is built."""
    card = getattr(row.open_factory(), "card", None)
    info = card if card is not None else row.build().info
    return CodecCard(info=info, needs_weights=False, weights=None, source="entry point")
