"""Long audio through a model of short series: contiguous segments, assembled with fade-out and fade-in overlaps.

Paper 001 (5.3) does so for sounds longer than the grain series that its model was trained on, paper 003 (4.4.1) for
more than one second. The fades are lines that sum to one, so a codec that gives its input back still does.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lgr.codecs.base import Codec, CodecInfo, check_audio, check_latents
from lgr.codecs.segments import Segments
from lgr.errors import ArgumentError


class SegmentedCodec:
    """Any codec, working on segments of one length that each are encoded and decoded alone.

    The latents are the codec's own and so is their meaning; where segments overlap, ``encode`` fades from the latents
    of one to those of the next, and ``decode`` from the sound of one to that of the next. ``reconstruct`` is the
    paper's way of hearing a sound again: every segment decoded from its own latents.

    Parameters
    ----------
    codec : the codec
    segment_seconds, overlap_seconds : rounded to whole latent frames; the overlap, at least one frame and at most half
        of a segment, is the length of a fade. The last segment is moved back to end with the sound; a sound shorter
        than a segment is completed with silence, or its last latent
    """

    def __init__(self, codec: Codec, *, segment_seconds: float = 1.0, overlap_seconds: float = 0.1) -> None:
        rate = codec.info.frame_rate
        usable = 0 < overlap_seconds <= segment_seconds / 2 < float("inf")
        self.length = round(segment_seconds * rate) if usable else 0
        self.overlap = max(1, round(overlap_seconds * rate)) if usable else 0
        if not usable or 2 * self.overlap > self.length:
            raise ArgumentError(
                f"overlap_seconds must be > 0 and at most half of segment_seconds, in frames of {1 / rate:.3g} s, got "
                f"{overlap_seconds} and {segment_seconds}"
            )
        self.codec = codec

    @property
    def info(self) -> CodecInfo:
        """The codec's, not causal: a segment may look ahead to its end."""
        info = self.codec.info
        return replace(info, causal=False, lookahead=max(info.lookahead, self.length * info.hop_length))

    @property
    def labels(self) -> tuple[str, ...]:
        """The codec's labels, if it has any."""
        return tuple(getattr(self.codec, "labels", ()))

    def encode(self, audio: Tensor) -> Tensor:
        """``(batch, channels, samples)`` to ``(batch, latent_dim, ceil(samples / hop_length))``."""
        check_audio(self.info, audio)
        frames = self.info.frames(audio.shape[2])
        segments = self._segments(frames)
        return _joined(self._encoded(audio, segments), segments, 1)[:, :, :frames]

    def decode(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, channels, frames * hop_length)``."""
        check_latents(self.info, latents)
        frames, hop = latents.shape[2], self.info.hop_length
        segments = self._segments(frames)
        missing = latents[:, :, -1:].expand(-1, -1, segments.frames - frames)
        whole = torch.cat([latents, missing], dim=2)
        parts = [self.codec.decode(whole[:, :, start : start + self.length]) for start in segments.starts]
        return _joined(parts, segments, hop)[:, :, : frames * hop]

    def features(self, latents: Tensor) -> Tensor:
        """The codec's."""
        return self.codec.features(latents)

    def reconstruct(self, audio: Tensor) -> Tensor:
        """Every segment encoded and decoded alone, cross-faded: ``(batch, channels, samples)`` to the same."""
        check_audio(self.info, audio)
        segments = self._segments(self.info.frames(audio.shape[2]))
        parts = [self.codec.decode(latents) for latents in self._encoded(audio, segments)]
        return _joined(parts, segments, self.info.hop_length)[:, :, : audio.shape[2]]

    def _segments(self, frames: int) -> Segments:
        return Segments(max(frames, self.length), self.length, self.length - self.overlap)

    def _encoded(self, audio: Tensor, segments: Segments) -> list[Tensor]:
        """The latents of every segment, each ``(batch, latent_dim, length)``."""
        hop = self.info.hop_length
        padded = torch.nn.functional.pad(audio, (0, segments.frames * hop - audio.shape[2]))
        return [self.codec.encode(padded[:, :, s * hop : (s + self.length) * hop]) for s in segments.starts]


def _joined(parts: Sequence[Tensor], segments: Segments, per_frame: int) -> Tensor:
    """Cross-faded parts ``(batch, size, length * per_frame)``: ``(batch, size, frames * per_frame)``."""
    batch, size, _ = parts[0].shape
    out = parts[0].new_zeros(batch, size, segments.frames * per_frame)
    for i, (start, part) in enumerate(zip(segments.starts, parts, strict=True)):
        weight = segments.weight(i, per_frame).to(out)
        out[:, :, start * per_frame : start * per_frame + len(weight)] += weight * part
    return out
