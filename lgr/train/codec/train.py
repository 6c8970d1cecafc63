"""Training the bundled codec: one resumable command (``lgr train codec``), on CPU or GPU."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lgr.errors import ArgumentError
from lgr.models.bundled.envelope_net import EnvelopeNet, EnvelopeNetConfig
from lgr.train.codec.config import FREE_ON_RESUME, CodecTrainConfig
from lgr.train.codec.export import timbre_weights, write_codec
from lgr.train.codec.steps import training_loss, validate
from lgr.train.data import AudioCache, CropSampler, read_manifest, split_by_group
from lgr.train.resume import check_resumed


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

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # initial weights only; every draw afterwards has its own generator
        net = EnvelopeNet(net_config).to(device)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    timbre = timbre_weights(net, cached, training)
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
        check_resumed(asdict(config), saved.get("config", {}), FREE_ON_RESUME)
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step, spent = saved["average"], saved["step"], saved["seconds"]
    net.training_dtype = torch.bfloat16 if bfloat16 else None

    def save() -> None:
        state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
        part = checkpoint.with_suffix(".part")
        torch.save({**state, "config": asdict(config), "step": step, "seconds": spent}, part)
        part.replace(checkpoint)
        write_codec(out, {**average, **timbre}, net_config)

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
