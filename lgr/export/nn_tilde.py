"""A model as nn~ loads it in Max and Pd: its methods and attributes, by the names that the external looks for.

The convention, in our words. ``get_methods()`` names methods; ``<method>_params`` says channels in, ratio in, channels
out, ratio out, and a method takes ``(batch, channels, samples / ratio)``. ``get_attributes()`` names attributes;
``<attribute>_params`` gives a type for each of its values (``TYPES``), ``get_<attribute>()`` lists these values,
``set_<attribute>(...)`` returns 0, or another number where a value is refused. A buffer is element 0 of its attribute,
``corpus#0``: the host calls ``set_buffer_attribute`` with its samples first, then ``set_corpus`` with that name.
"""

import torch
from torch import Tensor, nn

from lgr.export.loop import Loop
from lgr.export.resampler import Resampler
from lgr.live.config import RANGES
from lgr.live.loop import LOUDEST

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
READ_SPEED = 8  # times as fast as it sounds, at which a buffer is read
REFUSED = -1


class NNTilde(nn.Module):
    """``forward``: the live loop, from one channel to one, any number of samples at the host's rate."""

    ready: Tensor
    waiting: Tensor
    names: list[str]
    methods: list[str]
    low: dict[str, float]
    high: dict[str, float]

    def __init__(self, loop: Loop, sample_rate: int) -> None:
        super().__init__()
        self.loop, self.into, self.back = loop, Resampler(), Resampler()
        self.methods, self.names = ["forward"], list(ATTRIBUTES)
        self._declare("forward", (1, 1, 1, 1), "(signal) what is played", "(signal) played with the corpus")
        for name, kind in ATTRIBUTES.items():
            self.register_buffer(f"{name}_params", torch.tensor([TYPES[kind]]))
        self.low = {name: low for name, (low, _) in RANGES.items()}
        self.high = {name: high for name, (_, high) in RANGES.items()}
        self.loudest, self.refused = LOUDEST, REFUSED
        self.lowest_rate, self.highest_rate, self.read_speed = LOWEST_RATE, HIGHEST_RATE, READ_SPEED
        self.sample_rate, self.latency, self.running = sample_rate, 0, False
        self.restart(sample_rate)

    def _declare(self, method: str, params: tuple[int, int, int, int], heard: str, played: str) -> None:
        self.register_buffer(f"{method}_params", torch.tensor(params))
        setattr(self, f"{method}_input_labels", [heard if params[0] == 1 else f"{heard} {i}" for i in range(params[0])])
        labels = [played if params[2] == 1 else f"{played} {i}" for i in range(params[2])]
        setattr(self, f"{method}_output_labels", labels)

    @torch.jit.export
    def restart(self, rate: int) -> None:
        """Begin a stream at the host's ``rate``."""
        own = self.loop.codec.sample_rate
        self.sample_rate, self.running = rate, False
        self.into.tune(rate, own)
        self.back.tune(own, rate)
        self.loop.reset()
        # The worst moment is just before a hop is whole: all that came since the last one that went out is missing.
        behind = (self.loop.late + self.back.reach) * self.back.up // self.back.down
        self.latency = self.into.reach + behind
        self.waiting, self.ready = torch.zeros(0), torch.zeros(self.latency)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to as many, ``latency`` samples late; of a batch only the first sounds."""
        audio = x[0, 0].detach().float()
        audio = torch.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0).clamp(-self.loudest, self.loudest)
        waiting = torch.cat([self.waiting, self.into.step(audio)])
        hops = waiting.numel() // self.loop.hop
        whole = hops * self.loop.hop
        ready = self.ready
        if hops > 0:
            self.running = True
            ready = torch.cat([ready, self.back.step(self.loop.step(waiting[:whole]))])
            self.loop.corpus.read_on(self.read_speed * hops)
        self.waiting, self.ready = waiting[whole:].clone(), ready[audio.numel() :].clone()
        out = torch.zeros_like(x)
        out[0, 0] = ready[: audio.numel()]
        return out

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self.methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self.names

    def within(self, name: str, value: float) -> bool:
        return self.low[name] <= value and value <= self.high[name]

    @torch.jit.export
    def get_temperature(self) -> list[float]:
        return [self.loop.temperature]

    @torch.jit.export
    def set_temperature(self, value: float) -> int:
        if not self.within("temperature", value):
            return self.refused
        self.loop.temperature = value
        return 0

    @torch.jit.export
    def get_continuity(self) -> list[float]:
        return [self.loop.continuity]

    @torch.jit.export
    def set_continuity(self, value: float) -> int:
        if not self.within("continuity", value) or value == 1.0:  # nothing would ever be chosen anew
            return self.refused
        self.loop.continuity = value
        return 0

    @torch.jit.export
    def get_pitch(self) -> list[float]:
        return [self.loop.pitch_weight]

    @torch.jit.export
    def set_pitch(self, value: float) -> int:
        if not self.within("pitch", value):
            return self.refused
        self.loop.pitch_weight = value
        return 0

    @torch.jit.export
    def get_wet(self) -> list[float]:
        return [self.loop.wet]

    @torch.jit.export
    def set_wet(self, value: float) -> int:
        if not self.within("wet", value):
            return self.refused
        self.loop.wet = value
        return 0

    @torch.jit.export
    def get_gain_db(self) -> list[float]:
        return [self.loop.gain_db]

    @torch.jit.export
    def set_gain_db(self, value: float) -> int:
        if not self.within("gain_db", value):
            return self.refused
        self.loop.gain_db = value
        return 0

    @torch.jit.export
    def get_freeze(self) -> list[bool]:
        return [self.loop.freeze]

    @torch.jit.export
    def set_freeze(self, value: bool) -> int:
        self.loop.freeze = value
        return 0

    @torch.jit.export
    def get_seed(self) -> list[int]:
        return [self.loop.seed]

    @torch.jit.export
    def set_seed(self, value: int) -> int:
        if value < 0 or value >= 1 << 32:
            return self.refused
        self.loop.seed = value
        return 0

    @torch.jit.export
    def get_sample_rate(self) -> list[int]:
        return [self.sample_rate]

    @torch.jit.export
    def set_sample_rate(self, value: int) -> int:
        """The host's; another one than before begins a new stream."""
        if value < self.lowest_rate or value > self.highest_rate:
            return self.refused
        if value != self.sample_rate:
            self.restart(value)
        return 0

    @torch.jit.export
    def get_latency(self) -> list[int]:
        return [self.latency]

    @torch.jit.export
    def set_latency(self, value: int) -> int:
        """What it is cannot be set."""
        return self.refused

    @torch.jit.export
    def get_corpus(self) -> list[str]:
        return [self.loop.corpus.said()]

    @torch.jit.export
    def set_corpus(self, name: str) -> int:
        """The buffer's samples have come already, by ``set_buffer_attribute``."""
        return 0 if name == "corpus#0" and self.loop.corpus.accepted else self.refused

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return ["corpus#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, buffer: Tensor, sr: int) -> int:
        """Play with a buffer (channels, samples); it is read while the rest plays on, or now where nothing plays."""
        if name != "corpus#0" and name != "corpus":
            return self.refused
        found = self.loop.corpus.read(buffer.cpu(), sr)
        if found == 0 and not self.running:
            self.loop.corpus.read_all()
        return found

    @torch.jit.export
    def clear_buffer_attribute(self, name: str) -> int:
        """Play again with what was saved with the model."""
        if name != "corpus#0" and name != "corpus":
            return self.refused
        self.loop.corpus.clear()
        return 0

    @torch.jit.export
    def is_buffer_empty(self, name: str) -> bool:
        return self.loop.corpus.now.starts.numel() == 0


class NNTildeCodec(NNTilde):
    """The same with the codec itself: ``encode`` and ``decode``, of a hop that is a power of two, at its own rate."""

    coded: list[Tensor]
    heard: list[Tensor]

    def __init__(self, loop: Loop, sample_rate: int) -> None:
        super().__init__(loop, sample_rate)
        codec = loop.codec
        self.methods = [*self.methods, "encode", "decode"]
        self._declare("encode", (1, 1, codec.latent_dim, codec.hop), "(signal) at the codec's rate", "(signal) latent")
        self._declare("decode", (codec.latent_dim, codec.hop, 1, 1), "(signal) latent", "(signal) at the codec's rate")
        self.coded, self.heard = [], []

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to ``(batch, latent_dim, samples / hop)``."""
        hop = self.loop.codec.hop
        frames = x.shape[2] // hop
        if len(self.coded) > 0 and self.coded[0].shape[0] != x.shape[0]:
            self.coded = []
        audio = torch.nan_to_num(x[:, 0].float(), nan=0.0, posinf=0.0, neginf=0.0)
        self.coded, latents = self.loop.codec.encode(self.coded, audio[:, : frames * hop])
        return nn.functional.pad(latents, [frames - latents.shape[2], 0])

    @torch.jit.export
    def decode(self, x: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, 1, frames * hop)``."""
        if len(self.heard) > 0 and self.heard[0].shape[0] != x.shape[0]:
            self.heard = []
        latents = torch.nan_to_num(x.float(), nan=0.0, posinf=0.0, neginf=0.0)
        self.heard, audio = self.loop.codec.decode(self.heard, latents)
        return audio[:, None]
