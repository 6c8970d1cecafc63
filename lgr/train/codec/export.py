"""What training the bundled codec leaves: the folder that ``load_codec`` opens."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from lgr.files import write_whole
from lgr.models.bundled.envelope_net import EnvelopeNet, EnvelopeNetConfig
from lgr.models.timbre import FLOOR_DECADES, raise_floor, timbre_map
from lgr.train.data import AudioCache, Clip


@torch.no_grad()
def mean_raised_envelope(net: EnvelopeNet, cache: AudioCache, clips: list[Clip]) -> Tensor:
    """Average of ``raise_floor(envelope)``, ``(n_bands,)``, over the first four seconds of each clip, as recorded."""
    names = {clip.path for clip in clips}
    hop, total, frames = net.config.hop_length, torch.zeros(net.config.n_bands, dtype=torch.float64), 0
    device = next(net.parameters()).device
    for clip in cache.clips:
        audio = cache.audio(clip)[: 4 * net.config.sample_rate] if clip.path in names else torch.zeros(0)
        whole = audio.shape[0] // hop * hop
        if whole:
            envelope = net.analyse(None, audio[None, :whole].to(device))[1][0]
            total += raise_floor(envelope, FLOOR_DECADES).sum(0).double().cpu()
            frames += envelope.shape[0]
    return (total / max(1, frames)).float()


def timbre_weights(net: EnvelopeNet, cache: AudioCache, clips: list[Clip]) -> dict[str, Tensor]:
    """What matching reads of the codec's latents (``lgr.models.timbre``), by the names that the folder has for it."""
    features, bias = timbre_map(mean_raised_envelope(net, cache, clips))
    return {"features": features, "features_bias": bias, "features_floor": torch.tensor([FLOOR_DECADES])}


def write_codec(out: Path, weights: dict[str, Tensor], config: EnvelopeNetConfig) -> None:
    """``model.safetensors`` in float16 and ``config.json``, each whole or not at all."""
    halves = {k: v.detach().cpu().half().contiguous() for k, v in weights.items()}
    write_whole(out / "model.safetensors", save(halves))
    described = {"model": "bundled", "format": 1, **asdict(config)}
    write_whole(out / "config.json", (json.dumps(described, indent=2) + "\n").encode())
