"""Training the bundled codec: one resumable command (``lgr train codec``), on CPU or GPU.

The loss is spectral (log-mel, convergence and linear L1 over six windows) plus the waveform's relative L1. The latent
gets a little noise, so that nearby latents decode alike. In part of each batch the latents of two recordings are
spliced, and the target is their audio cross-faded over one frame: the decoder learns to join, which is what resynthesis
asks of it.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.files import atomic_path
from lgr.losses import WINDOWS, relative_l1, spectral_losses
from lgr.models.bundled.envelope_net import EnvelopeNet, EnvelopeNetConfig
from lgr.models.timbre import FLOOR_DECADES, raise_floor, timbre_map
from lgr.train.data import AudioCache, Clip, CropSampler, read_manifest, split_by_group

# Settings that a resumed run may change: how long, and how often to look. (The rate falls over the last share of the
# steps: to prolong a run, do it before that share begins.)
FREE_ON_RESUME = ("steps", "checkpoint_seconds", "validate_every")


@dataclass(frozen=True, kw_only=True)
class CodecTrainConfig:
    """The recipe. The rate is held after a warm-up and falls to nothing over the last ``decay`` share of the steps."""

    steps: int = 12000
    batch_size: int = 8
    crop_frames: int = 50
    learning_rate: float = 8e-4
    warmup_steps: int = 200
    decay: float = 0.25
    weight_decay: float = 0.01
    ema: float = 0.999
    log_mel_weight: float = 5.0
    waveform_weight: float = 2.0
    envelope_noise: float = 0.01  # decades
    detail_noise: float = 0.03  # companded units
    splice_share: float = 0.25  # of a batch
    seed: int = 0
    checkpoint_seconds: float = 120.0
    validate_every: int = 1000

    def __post_init__(self) -> None:
        if self.crop_frames < 8:
            raise ArgumentError(f"crop_frames must be >= 8, got {self.crop_frames}")
        if not 0 <= self.splice_share < 1:
            raise ArgumentError(f"splice_share must be at least 0 and below 1, got {self.splice_share}")
        if not 0 < self.decay <= 1:
            raise ArgumentError(f"decay must be above 0 and at most 1, got {self.decay}")

    def rate(self, step: int) -> float:
        """Learning rate at ``step``: a function of the step alone, so resuming changes nothing."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        left = (self.steps - step) / (self.decay * self.steps)
        return self.learning_rate * warm * min(1.0, max(0.0, left))


def splice(latents: Tensor, audio: Tensor, n: int, hop: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Replace the ends of the first ``n`` latents by another item's, and of their audio alike.

    Parameters
    ----------
    latents : (batch, frames, latent_dim); audio : (batch, frames * hop)

    The frame before the cut overlaps the one after it in one block of ``hop`` samples; there the target is the
    cross-fade of the two sounds by the MDCT's own squared window, without its aliases.
    """
    if n == 0:
        return latents, audio
    frames = latents.shape[1]
    latents, audio = latents.clone(), audio.clone()
    donors = latents[n:], audio[n:]
    phase = (torch.arange(hop, dtype=torch.float32) + 0.5) * (math.pi / 2 / hop)
    fade_in = torch.sin(math.pi / 2 * torch.sin(phase) ** 2).square().to(audio)  # the MDCT's window, squared
    for i in range(n):
        cut = int(torch.randint(4, frames - 2, (), generator=generator))
        j = int(torch.randint(donors[0].shape[0], (), generator=generator))
        latents[i, cut:] = donors[0][j, cut:]
        block = slice((cut - 1) * hop, cut * hop)
        audio[i, block] = audio[i, block] * (1 - fade_in) + donors[1][j, block] * fade_in
        audio[i, cut * hop :] = donors[1][j, cut * hop :]
    return latents, audio


def training_loss(
    net: EnvelopeNet, audio: Tensor, config: CodecTrainConfig, step: int
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one batch ``(batch, samples)`` and its terms; a pure function of the weights, the batch and the step."""
    sizes = net.config
    generator = torch.Generator().manual_seed(config.seed * 7_000_003 + step)
    _, latents = net.encode(None, audio)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    noise[..., : sizes.n_bands] *= config.envelope_noise
    noise[..., sizes.n_bands :] *= config.detail_noise
    # Silence must stay silence: the envelope's noise does not lift it off the floor.
    latents = latents + noise * (latents.abs() > 0)
    latents, target = splice(latents, audio, int(config.splice_share * audio.shape[0]), sizes.hop_length, generator)
    whole = slice(0, audio.shape[1] - sizes.hop_length)  # the last block lacks the frame after it
    estimate, target = net(latents)[:, whole], target[:, whole]
    # Every other window, in turn: half the cost of the spectra, and the same loss over two steps.
    terms = spectral_losses(estimate, target, sizes.sample_rate, WINDOWS[step % 2 :: 2])
    terms["waveform"] = relative_l1(estimate, target)
    loss = config.log_mel_weight * terms["log_mel"] + terms["convergence"] + terms["linear"]
    loss = loss + config.waveform_weight * terms["waveform"]
    return loss, {name: float(value.detach()) for name, value in terms.items()}


@torch.no_grad()
def validate(net: EnvelopeNet, batches: list[Tensor]) -> dict[str, float]:
    """Mean terms on held-out crops, without noise or splices."""
    sums: dict[str, float] = {}
    for audio in batches:
        whole = slice(0, audio.shape[1] - net.config.hop_length)
        estimate = net(net.encode(None, audio)[1])[:, whole]
        terms = spectral_losses(estimate, audio[:, whole], net.config.sample_rate)
        terms["waveform"] = relative_l1(estimate, audio[:, whole])
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value) / len(batches)
    return sums


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


def _export(weights: dict[str, Tensor], config: EnvelopeNetConfig, out: Path) -> None:
    """``model.safetensors`` in float16 and ``config.json``, each whole or not at all."""
    with atomic_path(out / "model.safetensors", force=True) as part:
        save_file({k: v.detach().cpu().half().contiguous() for k, v in weights.items()}, part)
    with atomic_path(out / "config.json", force=True) as part:
        part.write_text(json.dumps({"model": "bundled", "format": 1, **asdict(config)}, indent=2) + "\n")


def train_codec(
    data: Path,
    out: Path,
    *,
    config: CodecTrainConfig | None = None,
    net_config: EnvelopeNetConfig | None = None,
    resume: bool = False,
    device: str = "cpu",
    bfloat16: bool = False,
    cache: Path | None = None,
    always_held_out: frozenset[str] = frozenset(),
    report: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Train, checkpoint, export; returns ``out``.

    Parameters
    ----------
    data : a manifest.csv, or a folder of audio
    out : folder for ``checkpoint.pt``, ``log.jsonl``, ``config.json`` and ``model.safetensors`` (float16, averaged)
    resume : go on from ``out/checkpoint.pt``; the losses are those of an unbroken run
    bfloat16 : run the two networks in bfloat16 (the analysis and the losses stay in float32)
    report : called with every log row (step, terms, seconds)
    """
    config, net_config = config or CodecTrainConfig(), net_config or EnvelopeNetConfig()
    checkpoint = out / "checkpoint.pt"
    if resume and not checkpoint.exists() and (out / "model.safetensors").exists():
        raise ArgumentError(f"out must hold a checkpoint to resume from, got finished weights only in {out}")
    if not resume and (checkpoint.exists() or (out / "model.safetensors").exists()):
        raise ArgumentError(f"out already holds a training run: resume it, or choose another folder than {out}")
    out.mkdir(parents=True, exist_ok=True)
    clips = read_manifest(data)
    training, held_out = split_by_group(clips, always_held_out=always_held_out)
    cached = AudioCache.build(clips, cache or out / "cache", net_config.sample_rate)
    crop = config.crop_frames * net_config.hop_length
    sampler = CropSampler(cached, training, crop=crop, batch_size=config.batch_size, seed=config.seed)
    probe = CropSampler(cached, held_out, crop=crop, batch_size=16, seed=config.seed + 1)
    probes = [probe.batch(i).to(device) for i in range(6)]

    torch.manual_seed(config.seed)  # initial weights only; every draw afterwards has its own generator
    net = EnvelopeNet(net_config).to(device)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    features, bias = timbre_map(mean_raised_envelope(net, cached, training))
    timbre = {"features": features, "features_bias": bias, "features_floor": torch.tensor([FLOOR_DECADES])}
    plain = [p for p in net.parameters() if p.ndim < 2]
    matrices = [p for p in net.parameters() if p.ndim >= 2]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=config.weight_decay,
    )
    step, spent = 0, 0.0
    if resume and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        recipe, given = saved.get("config", {}), asdict(config)
        changed = [k for k, v in recipe.items() if k not in FREE_ON_RESUME and given.get(k) != v]
        if changed:
            was = ", ".join(f"{k}={recipe[k]}" for k in changed)
            raise ArgumentError(f"config must be that of the run being resumed ({was}), got other values in {out}")
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step, spent = saved["average"], saved["step"], saved["seconds"]
    net.training_dtype = torch.bfloat16 if bfloat16 else None

    def save() -> None:
        state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
        part = checkpoint.with_suffix(".part")
        torch.save({**state, "config": asdict(config), "step": step, "seconds": spent}, part)
        part.replace(checkpoint)
        _export({**average, **timbre}, net_config, out)

    log = (out / "log.jsonl").open("a")

    def write(row: dict[str, Any]) -> None:
        log.write(json.dumps(row) + "\n")
        log.flush()
        if report is not None:
            report(row)

    last_save = tick = time.monotonic()
    with log:
        while step < config.steps:
            audio = sampler.batch(step).to(device)
            for group in optimiser.param_groups:
                group["lr"] = config.rate(step)
            loss, terms = training_loss(net, audio, config, step)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0))
            if math.isfinite(norm):  # one bad batch must not end hours of training
                optimiser.step()
            momentum = min(config.ema, (1 + step) / (10 + step))
            with torch.no_grad():
                for name, value in net.state_dict().items():
                    average[name].lerp_(value, 1 - momentum)
            step += 1
            now = time.monotonic()
            spent, tick = spent + now - tick, now
            if step % 50 == 0:
                write({"step": step, "of": config.steps, "seconds": round(spent, 1), "grad": round(norm, 3), **terms})
            if step % config.validate_every == 0 or step == config.steps:
                probe_net = EnvelopeNet(net_config).to(device).eval()
                probe_net.load_state_dict(average)
                write({"step": step, "held_out": validate(probe_net, probes), "seconds": round(spent, 1)})
            if now - last_save > config.checkpoint_seconds or step == config.steps:
                save()
                last_save = time.monotonic()
    return out
