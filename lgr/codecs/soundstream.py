"""SoundStream as published in Lyra v2: three TensorFlow Lite models of 3.6 MB that code 16 kHz speech in 20 ms frames.

Both networks are causal and keep their memory inside a TFLite interpreter, which can be neither copied nor reset (its
``reset_all_variables`` does not restore the fresh state). So every stream and every item of a batch has an interpreter
of its own (2 ms to make), and the state of a stream is the trailing frames the network can still remember: a fresh
interpreter that is given them stands where the old one stood, exactly (measured: 22 frames for the encoder, 25 for
the decoder). The state also carries the interpreter that got there, which saves replaying them as long as nobody
stepped it further. Steps of one stream belong to one thread.

Zeghidour, Luebs, Omran, Skoglund, Tagliasacchi: SoundStream: An End-to-End Neural Audio Codec, IEEE/ACM TASLP 30, 2022.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.codecs.base import SPACES, CodecInfo, check_audio, check_code_rows, check_latents
from lgr.codecs.checkpoints import check_choice
from lgr.codecs.weights import WeightFile, find_weights
from lgr.errors import ArgumentError, MissingPackageError, ShapeError

Frames = NDArray[np.float32]

N_LEVELS = 46
LEVEL_ENTRIES = 16
ENCODER, DECODER, QUANTIZER = "soundstream_encoder.tflite", "lyragan.tflite", "quantizer.tflite"
MEMORY = {ENCODER: 24, DECODER: 26}  # frames of history beyond which nothing is remembered

_URL = "https://raw.githubusercontent.com/google/lyra/47698da/lyra/model_coeffs/"
WEIGHTS = {
    "soundstream": (
        WeightFile(
            ENCODER, _URL + ENCODER, "237da0b16226fb0a68d49551c81bebf614e42142af72764448359f68581e88f1", 1_779_200
        ),
        WeightFile(
            DECODER, _URL + DECODER, "50e7839cda4f30599a3a34cfaddcd9c98449b049eee884e1a74295780448ad06", 1_475_160
        ),
        WeightFile(
            QUANTIZER, _URL + QUANTIZER, "841ee05989687d32d1f616a8ad1419fc7eda37599d3c05c7cf5a0d60ccf8ac5c", 329_012
        ),
    )
}
CARDS = {
    "soundstream": CodecInfo(
        name="soundstream", sample_rate=16_000, hop_length=320, channels=1, latent_dim=64, licence="Apache-2.0"
    )
}


class _Stream:
    """One interpreter of one network, and how many frames it has been given."""

    def __init__(self, model: Path) -> None:
        self._interpreter = _interpreter(model)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self.frames = 0

    def run(self, frames: Frames) -> Frames:
        """``(n, size in)`` to ``(n, size out)``, one frame after another."""
        out = np.empty((len(frames), self._output["shape"][-1]), np.float32)
        for row, frame in zip(out, frames, strict=True):
            self._interpreter.set_tensor(self._input["index"], frame.reshape(self._input["shape"]))
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output["index"]).ravel()
        self.frames += len(frames)
        return out


@dataclass(frozen=True, eq=False)
class SoundStreamState:
    """Where a stream stands: ``history`` (batch, 0 .. MEMORY frames, size), ``pending`` (batch, 0 .. 319 samples)."""

    history: Frames
    pending: Frames
    frames: int
    streams: tuple[_Stream, ...]


class SoundStreamCodec:
    """Lyra v2's SoundStream: 64 latents, 50 frames a second, causal, time-aligned (measured lag: 0 samples).

    The networks run in float32 on the CPU; what comes back has the device and dtype of what was given. Silence does not
    map to zero: its latents have a norm of about 42.

    Parameters
    ----------
    weights : the folder of the three .tflite files; None finds or downloads them
    space : "latent" (what the encoder says) or "quantized" (what the quantizer's ``n_levels`` first stages keep of it)
    n_levels : 1 to 46 stages of 16 entries; None is all of them (9.2 kbit/s)
    """

    def __init__(
        self,
        *,
        weights: str | Path | None = None,
        space: str = "latent",
        n_levels: int | None = None,
    ) -> None:
        check_choice("space", space, SPACES)
        self._n_levels = N_LEVELS if n_levels is None else n_levels
        if not 1 <= self._n_levels <= N_LEVELS:
            raise ArgumentError(f"n_levels must be 1 to {N_LEVELS} for soundstream, got {n_levels}")
        self._space = space
        self._files = find_weights("soundstream", WEIGHTS["soundstream"], weights)
        quantizer = _interpreter(self._files[QUANTIZER])
        self._to_codes = quantizer.get_signature_runner("encode")
        self._from_codes = quantizer.get_signature_runner("decode")

    @property
    def info(self) -> CodecInfo:
        return CARDS["soundstream"].in_space(self._space, self._n_levels)

    @property
    def n_codebooks(self) -> int:
        """Levels that are used."""
        return self._n_levels

    @property
    def code_entries(self) -> int:
        """Of every level."""
        return LEVEL_ENTRIES

    def encode(self, audio: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to ``(batch, 64, ceil(samples / 320))``; zeros fill the last frame."""
        check_audio(self.info, audio)
        return self.encode_step(None, audio, flush=True)[1]

    def decode(self, latents: Tensor) -> Tensor:
        """``(batch, 64, frames)`` to ``(batch, 1, frames * 320)``."""
        check_latents(self.info, latents)
        return self.decode_step(None, latents, flush=True)[1]

    def features(self, latents: Tensor) -> Tensor:
        """The latents themselves."""
        check_latents(self.info, latents)
        return latents.detach()

    def encode_step(
        self, state: SoundStreamState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[SoundStreamState, Tensor]:
        """Encode a chunk of any length, 0 included; what does not fill a frame waits for the next chunk or flush."""
        if audio.ndim != 3 or audio.shape[1] != 1:
            raise ShapeError(f"audio must be (batch, 1, samples) for soundstream, got {tuple(audio.shape)}")
        _check_batch(state, audio)
        hop = self.info.hop_length
        samples = _to_numpy(audio)[:, 0]
        if state is not None:
            samples = np.concatenate([state.pending, samples], axis=1)
        if flush:
            samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % hop)))
        whole = samples.shape[1] - samples.shape[1] % hop
        frames = samples[:, :whole].reshape(len(samples), whole // hop, hop)
        state, out = self._advance(ENCODER, state, frames, samples[:, whole:].copy())
        latents = torch.from_numpy(out).transpose(1, 2).to(audio)  # (batch, 64, frames)
        if self._space == "quantized" and latents.shape[2]:
            latents = self.dequantize(self.quantize(latents)).to(audio)
        return state, latents

    def decode_step(
        self, state: SoundStreamState | None, latents: Tensor, *, flush: bool = False
    ) -> tuple[SoundStreamState, Tensor]:
        """Decode a chunk of frames, 0 included, to 320 samples a frame at once."""
        if latents.ndim != 3 or latents.shape[1] != self.info.latent_dim:
            raise ShapeError(f"latents must be (batch, 64, frames) for soundstream, got {tuple(latents.shape)}")
        _check_batch(state, latents)
        frames = np.ascontiguousarray(_to_numpy(latents).transpose(0, 2, 1))
        state, out = self._advance(DECODER, state, frames, np.empty((len(frames), 0), np.float32))
        return state, torch.from_numpy(out.reshape(len(out), 1, -1)).to(latents)

    def quantize(self, latents: Tensor) -> Tensor:
        """``(batch, 64, frames)`` to int64 codes in 0 .. 15, ``(batch, n_levels, frames)``."""
        check_latents(self.info, latents)
        batch, size, frames = latents.shape
        rows = _to_numpy(latents).transpose(0, 2, 1).reshape(-1, 1, 1, size)
        levels = np.int32(self._n_levels)
        codes = np.stack([self._to_codes(input_frames=row, num_quantizers=levels)["output_0"].ravel() for row in rows])
        shaped = torch.from_numpy(codes[:, : self._n_levels].astype(np.int64)).reshape(batch, frames, -1)
        return shaped.transpose(1, 2).contiguous().to(latents.device)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes ``(batch, 1 to n_levels, frames)`` to float32 latents ``(batch, 64, frames)``."""
        check_code_rows(self, codes)
        batch, levels, frames = codes.shape
        rows = np.full((batch * frames, N_LEVELS, 1, 1), -1, np.int32)  # -1: a stage that adds nothing
        rows[:, :levels, 0, 0] = codes.cpu().numpy().transpose(0, 2, 1).reshape(-1, levels)
        latents = np.stack([self._from_codes(encoding_indices=row)["output_0"].ravel() for row in rows])
        return torch.from_numpy(latents).reshape(batch, frames, -1).transpose(1, 2).contiguous().to(codes.device)

    def _advance(
        self, model: str, state: SoundStreamState | None, frames: Frames, pending: Frames
    ) -> tuple[SoundStreamState, Frames]:
        """Run ``frames`` (batch, n, size in) on from ``state``; returns the new state and (batch, n, size out)."""
        if state is None:
            state = SoundStreamState(
                frames[:, :0], pending, 0, tuple(_Stream(self._files[model]) for _ in range(len(frames)))
            )
        streams = state.streams
        if any(stream.frames != state.frames for stream in streams):  # this state was stepped before: go back to it
            streams = tuple(_Stream(self._files[model]) for _ in streams)
            for stream, history in zip(streams, state.history, strict=True):
                stream.run(history)
                stream.frames = state.frames
        out = np.stack([stream.run(item) for stream, item in zip(streams, frames, strict=True)])
        history = np.concatenate([state.history, frames], axis=1)[:, -MEMORY[model] :].copy()
        return SoundStreamState(history, pending, state.frames + frames.shape[1], streams), out


def _check_batch(state: SoundStreamState | None, chunk: Tensor) -> None:
    if len(chunk) == 0:
        raise ShapeError(f"a batch must have at least one item, got {tuple(chunk.shape)}")
    if state is not None and len(state.streams) != len(chunk):
        raise ShapeError(f"the batch must stay {len(state.streams)} items over a stream, got {tuple(chunk.shape)}")


def _interpreter(model: Path) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingPackageError('soundstream needs ai-edge-litert: pip install "lgr[codecs]"') from error
    return Interpreter(model_path=str(model), num_threads=1)


def _to_numpy(tensor: Tensor) -> Frames:
    array: Frames = tensor.detach().to("cpu", torch.float32).numpy()
    return array
