"""What all clients share: a folder, a codec, grains, settings, a model to draw from, the live loop."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec, same_latents
from lgr.codecs.registry import codec_names, load_codec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError, LgrError
from lgr.grain_map.layout import lay_out, place_grains
from lgr.latents.projection import Projection
from lgr.live import Material
from lgr.one_shots import temporal_of
from lgr.osc.folder import Folder
from lgr.osc.live import Live
from lgr.osc.settings import Settings
from lgr.osc.worker import Request
from lgr.progress import Progress
from lgr.sources import with_pitch

CODEC, MODEL = "bundled", "drums-spectral"  # unless others are asked for


@dataclass(frozen=True, eq=False)
class Plane:
    """Where the grains of a codebook lie, from 0 to 1 both ways."""

    codebook: GrainCodebook
    projection: Projection
    low: Tensor  # (2,), what is 0 here
    span: Tensor  # (2,), what is 1 long
    points: Tensor  # (n_grains, 2)

    @classmethod
    def of(cls, codebook: GrainCodebook, progress: Progress) -> "Plane":
        projection, points = lay_out(codebook, progress=progress)
        low, span = points.amin(0), (points.amax(0) - points.amin(0)).clamp(min=1e-12)
        return cls(codebook, projection, low, span, (points - low) / span)

    def grown(self, codebook: GrainCodebook) -> "Plane | None":
        """The plane as it was, and the further grains of a codebook on it; None where it is another one."""
        old, known = self.codebook, len(self.codebook.recordings_)
        if codebook.recordings_[:known] != old.recordings_ or codebook.config != old.config:
            return None
        new = (place_grains(codebook, self.projection)[len(old) :] - self.low) / self.span
        return replace(self, codebook=codebook, points=torch.cat([self.points, new]))

    def nearest(self, x: float, y: float) -> int:
        return int((self.points - torch.tensor([x, y])).square().sum(1).argmin())


class Session:
    """The state of a server. Each change is whole or not at all; ``lock`` is held while grains change."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.settings, self.live = folder, Settings(), Live()
        self.lock = threading.RLock()
        self.codec_name, self.model_name = "none", "none"
        self._codec: Codec | None = None
        self._model: TrainedCodec | None = None
        self.codebook: GrainCodebook | None = None
        self._plane: Plane | None = None

    def codec(self) -> Codec:
        """The codec of the grains; the bundled one unless another was asked for."""
        with self.lock:
            return self._codec or self.take_codec(CODEC, load_codec(CODEC))

    def take_codec(self, name: str, codec: Codec) -> Codec:
        """Encode with this codec from now on; grains of another are let go."""
        with self.lock:
            book = self.codebook
            fits = book is not None and same_latents(book.codec_, codec.info)
            self._check_live(codec)
            self._codec, self.codec_name = codec, name
            self.codebook = book if fits else None
            return codec

    def open(self, name: str) -> Codec:
        """A codec by its name, or by that of its folder in the served one."""
        if name in codec_names():
            return load_codec(name)
        try:
            return load_codec(self.folder.opened(name, "codec", "config.json"))
        except ArgumentError as error:
            raise ArgumentError(
                f"codec must be one of {', '.join(codec_names())}, or such a folder: {error}"
            ) from error

    def grains(self) -> tuple[GrainCodebook, Codec]:
        """What is played with; ``LgrError`` where nothing was loaded."""
        with self.lock:
            if self.codebook is None:
                raise LgrError("there are no grains yet: load some (/lgr/sources, /lgr/codebook)")
            return self.codebook, self.codec()

    def take_grains(self, book: GrainCodebook, codec: Codec, name: str, request: Request) -> None:
        """Play with these grains from now on, in the running loop too; where it cannot, nothing changes."""
        player = self.live.player if self.live.running else None
        if player is not None:
            self._check_live(codec)
            material = Material.of(with_pitch(book, codec, request.progress), codec)
            book = material.codebook
        with self.lock:
            request.check()
            if player is not None:
                player.material = material
            self._codec, self.codec_name, self.codebook = codec, name, book

    def _check_live(self, codec: Codec) -> None:
        player = self.live.player
        if self.live.running and player is not None and not same_latents(player.loop.codec.info, codec.info):
            raise LgrError("the live loop is playing with another codec: stop it first (/lgr/live/stop)")

    def model(self, name: str | None = None) -> TrainedCodec:
        """The model to draw one-shots from, loaded if it is not, or if another is asked for."""
        if self._model is None or (name is not None and name != self.model_name):
            chosen = name or MODEL
            codec = self.open(chosen)
            temporal_of(codec)
            assert isinstance(codec, TrainedCodec)
            self._model, self.model_name = codec, chosen
        return self._model

    def plane(self, progress: Progress) -> Plane:
        """Of the grains that are loaded: laid out when it is first asked for, and kept where a take joins them."""
        book, _ = self.grains()
        plane = self._plane
        if plane is None or plane.codebook is not book:
            same = None if plane is None or not same_latents(plane.codebook.codec_, book.codec_) else plane.grown(book)
            self._plane = plane = same or Plane.of(book, progress)
        return plane

    def in_use(self) -> set[Path]:
        """Files that are played from or to, which no result may replace."""
        with self.lock:
            recordings = self.codebook.recordings_ if self.codebook is not None else ()
            found = {Path(each.path) for each in recordings if each.path}
            return found | self.live.ends.files if self.live.running else found
