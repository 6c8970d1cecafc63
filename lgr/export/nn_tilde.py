"""A model as nn~ loads it in Max and Pd: its methods and attributes, by the names that the external looks for.

The convention, in our words. ``get_methods()`` names methods; ``<method>_params`` says channels in, ratio in, channels
out, ratio out, and a method takes ``(batch, channels, samples / ratio)``. ``get_attributes()`` names attributes;
``<attribute>_params`` gives a type for each of its values (``TYPES``), ``get_<attribute>()`` lists these values,
``set_<attribute>(...)`` returns 0, or another number where a value is refused. A buffer is element 0 of its attribute,
``corpus#0``: the host calls ``set_buffer_attribute`` with its samples first, then ``set_corpus`` with that name.
"""

from typing import cast

import torch
from torch import Tensor, nn

from lgr.export.player import Player
from lgr.live.config import RANGES

TYPES = {"bool": 0, "int": 1, "float": 2, "str": 3, "tensor": 4, "buffer": 5}
ATTRIBUTES = {
    "temperature": "float",
    "continuity": "float",
    "pitch": "float",
    "wet": "float",
    "gain_db": "float",
    "freeze": "bool",
    "seed": "int",
    "sample_rate": "int",
    "latency": "int",
    "corpus": "buffer",
}
LOWEST_RATE, HIGHEST_RATE = 8_000, 384_000  # Hz, of a host
REFUSED = -1


@torch.jit.interface
class Sounds(nn.Module):
    """The player by what it does alone: TorchScript then compiles it once, not anew into each method that plays."""

    def play(self, x: Tensor) -> Tensor:  # type: ignore[empty-body]
        pass


class NNTilde(nn.Module):
    """``forward``: the live loop, from one channel to one, any number of samples at the host's rate."""

    sounds: Sounds
    names: list[str]
    methods: list[str]
    low: dict[str, float]
    high: dict[str, float]

    def __init__(self, player: Player) -> None:
        super().__init__()
        self.player, self.sounds = player, cast(Sounds, player)
        self.methods, self.names = ["forward"], list(ATTRIBUTES)
        self._declare("forward", (1, 1, 1, 1), "(signal) what is played", "(signal) played with the corpus")
        for name, kind in ATTRIBUTES.items():
            self.register_buffer(f"{name}_params", torch.tensor([TYPES[kind]]))
        self.low = {name: low for name, (low, _) in RANGES.items()}
        self.high = {name: high for name, (_, high) in RANGES.items()}
        self.lowest_rate, self.highest_rate, self.refused = LOWEST_RATE, HIGHEST_RATE, REFUSED

    def _declare(self, method: str, params: tuple[int, int, int, int], heard: str, played: str) -> None:
        self.register_buffer(f"{method}_params", torch.tensor(params))
        setattr(self, f"{method}_input_labels", [heard if params[0] == 1 else f"{heard} {i}" for i in range(params[0])])
        labels = [played if params[2] == 1 else f"{played} {i}" for i in range(params[2])]
        setattr(self, f"{method}_output_labels", labels)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to as many, some samples later."""
        return self.sounds.play(x)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """What every host asks when it loads a file: the moment to play a little, which is when TorchScript compiles.

        The first buffers would otherwise take a second. (Where a corpus was set before, there is no need.)
        """
        player = self.player
        if not player.warm and not player.running and player.loop.corpus.edition == 0:
            silence = player.warm_up()
            for _ in range(3):
                self.sounds.play(silence)
            player.cool_down()
        return self.methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self.names

    def within(self, name: str, value: float) -> bool:
        return self.low[name] <= value and value <= self.high[name]

    @torch.jit.export
    def get_temperature(self) -> list[float]:
        return [self.player.loop.temperature]

    @torch.jit.export
    def set_temperature(self, value: float) -> int:
        if not self.within("temperature", value):
            return self.refused
        self.player.loop.temperature = value
        return 0

    @torch.jit.export
    def get_continuity(self) -> list[float]:
        return [self.player.loop.continuity]

    @torch.jit.export
    def set_continuity(self, value: float) -> int:
        if not self.within("continuity", value) or value == 1.0:  # nothing would ever be chosen anew
            return self.refused
        self.player.loop.continuity = value
        return 0

    @torch.jit.export
    def get_pitch(self) -> list[float]:
        return [self.player.loop.pitch_weight]

    @torch.jit.export
    def set_pitch(self, value: float) -> int:
        if not self.within("pitch", value):
            return self.refused
        self.player.loop.pitch_weight = value
        return 0

    @torch.jit.export
    def get_wet(self) -> list[float]:
        return [self.player.loop.wet]

    @torch.jit.export
    def set_wet(self, value: float) -> int:
        if not self.within("wet", value):
            return self.refused
        self.player.loop.wet = value
        return 0

    @torch.jit.export
    def get_gain_db(self) -> list[float]:
        return [self.player.loop.gain_db]

    @torch.jit.export
    def set_gain_db(self, value: float) -> int:
        if not self.within("gain_db", value):
            return self.refused
        self.player.loop.gain_db = value
        return 0

    @torch.jit.export
    def get_freeze(self) -> list[bool]:
        return [self.player.loop.freeze]

    @torch.jit.export
    def set_freeze(self, value: bool) -> int:
        self.player.loop.freeze = value
        return 0

    @torch.jit.export
    def get_seed(self) -> list[int]:
        return [self.player.loop.seed]

    @torch.jit.export
    def set_seed(self, value: int) -> int:
        if value < 0 or value >= 1 << 32:
            return self.refused
        self.player.loop.seed = value
        return 0

    @torch.jit.export
    def get_sample_rate(self) -> list[int]:
        return [self.player.sample_rate]

    @torch.jit.export
    def set_sample_rate(self, value: int) -> int:
        """The host's; another one than before begins a new stream."""
        if value < self.lowest_rate or value > self.highest_rate:
            return self.refused
        if value != self.player.sample_rate:
            self.player.restart(value)
        return 0

    @torch.jit.export
    def get_latency(self) -> list[int]:
        return [self.player.latency]

    @torch.jit.export
    def set_latency(self, value: int) -> int:
        """What it is cannot be set."""
        return self.refused

    @torch.jit.export
    def get_corpus(self) -> list[str]:
        return [self.player.loop.corpus.said()]

    @torch.jit.export
    def set_corpus(self, name: str) -> int:
        """The buffer's samples have come already, by ``set_buffer_attribute``."""
        return 0 if name == "corpus#0" and self.player.loop.corpus.accepted else self.refused

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return ["corpus#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, buffer: Tensor, sr: int) -> int:
        """Play with a buffer (channels, samples); it is read while the rest plays on, or now where nothing plays."""
        if name != "corpus#0" and name != "corpus":
            return self.refused
        found = self.player.loop.corpus.read(buffer.cpu(), sr)
        if found == 0 and not self.player.running:
            self.player.loop.corpus.read_all()
        return found

    @torch.jit.export
    def clear_buffer_attribute(self, name: str) -> int:
        """Play again with what was saved with the model."""
        if name != "corpus#0" and name != "corpus":
            return self.refused
        self.player.loop.corpus.clear()
        return 0

    @torch.jit.export
    def is_buffer_empty(self, name: str) -> bool:
        return self.player.loop.corpus.now.starts.numel() == 0


class NNTildeCodec(NNTilde):
    """The same with the codec itself: ``encode`` and ``decode``, of a hop that is a power of two, at its own rate."""

    coded: list[Tensor]
    heard: list[Tensor]

    def __init__(self, player: Player) -> None:
        super().__init__(player)
        codec = player.loop.codec
        self.methods = [*self.methods, "encode", "decode"]
        self._declare("encode", (1, 1, codec.latent_dim, codec.hop), "(signal) at the codec's rate", "(signal) latent")
        self._declare("decode", (codec.latent_dim, codec.hop, 1, 1), "(signal) latent", "(signal) at the codec's rate")
        self.coded, self.heard = [], []

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to ``(batch, latent_dim, samples / hop)``."""
        hop = self.player.loop.codec.hop
        frames = x.shape[2] // hop
        if len(self.coded) > 0 and self.coded[0].shape[0] != x.shape[0]:
            self.coded = []
        audio = torch.nan_to_num(x[:, 0].float(), nan=0.0, posinf=0.0, neginf=0.0)
        self.coded, latents = self.player.loop.codec.encode(self.coded, audio[:, : frames * hop])
        return nn.functional.pad(latents, [frames - latents.shape[2], 0])

    @torch.jit.export
    def decode(self, x: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, 1, frames * hop)``."""
        if len(self.heard) > 0 and self.heard[0].shape[0] != x.shape[0]:
            self.heard = []
        latents = torch.nan_to_num(x.float(), nan=0.0, posinf=0.0, neginf=0.0)
        self.heard, audio = self.player.loop.codec.decode(self.heard, latents)
        return audio[:, None]
