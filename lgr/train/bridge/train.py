"""Training a bridge for any codec that has codes: resumable, on CPU or GPU."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.bridge.base import Bridge
from lgr.bridge.config import BridgeConfig
from lgr.bridge.files import KINDS, build_bridge, open_bridge
from lgr.codecs.base import Codec, DiscreteCodec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.files import atomic_path
from lgr.progress import Progress, silent
from lgr.train.bridge.config import FREE_ON_RESUME, BridgeTrainConfig
from lgr.train.bridge.data import Pairs, draw, pairs_of
from lgr.train.bridge.export import BridgeReport, write_bridge, write_report
from lgr.train.data import read_manifest
from lgr.train.latents import latents_of
from lgr.train.material import Material, gather
from lgr.train.resume import check_resumed

VALIDATION_BATCHES = 8


def train_bridge(
    data: str | Path,
    out: str | Path,
    *,
    kind: str = "schrodinger",
    codec: str | Path | Codec = "spectral",
    config: BridgeTrainConfig | None = None,
    model: dict[str, Any] | None = None,
    redistributable_only: bool = True,
    always_held_out: frozenset[str] = frozenset(),
    licence: str = "",
    command: Sequence[str] = (),
    resume: bool = False,
    device: str = "cpu",
    cache: Path | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    progress: Progress | None = None,
) -> Bridge:
    """Train a bridge from the first levels of ``codec``'s codes to its latents, and write it into the folder ``out``.

    Parameters
    ----------
    data : a folder of recordings or a manifest.csv; an eighth or so of the sources is held out to test on
    out : gets ``config.json``, ``model.safetensors``, ``README.md``, ``metrics.json``, ``training_data.csv``,
        ``checkpoint.pt``, ``log.jsonl`` and ``cache/`` with the encoded recordings, which may be deleted
    kind : one of ``lgr.bridge.files.KINDS``
    model : settings of ``BridgeConfig`` other than the codec's sizes
    cache : folder of the encoded recordings, instead of ``out/cache``: for several bridges of one codec
    resume : go on from ``out/checkpoint.pt``; the losses are those of an unbroken run
    report : called with every log row

    Raises
    ------
    ArgumentError, AudioFileError, WeightsError : data that cannot be used, a setting out of range, a codec not there
        or without codes
    """
    config, out = config or BridgeTrainConfig(), Path(out)
    if kind not in KINDS:
        raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    if not isinstance(codec, DiscreteCodec):
        raise ArgumentError(f"codec must be one that has codes, got {codec.info.name}: see `lgr train quantizer`")
    checkpoint = out / "checkpoint.pt"
    if not resume and (checkpoint.exists() or (out / "model.safetensors").exists()):
        raise ArgumentError(f"out already holds a training run: resume it, or choose another folder than {out}")
    if resume and not checkpoint.exists():
        raise ArgumentError(f"out must hold a checkpoint to resume from, got none in {out}")
    show = progress if progress is not None else silent
    cache = out / "cache" if cache is None else cache
    material = gather(
        read_manifest(Path(data), redistributable_only=redistributable_only),
        sample_rate=codec.info.sample_rate,
        cache=cache,
        shortest=codec.info.hop_length,
        always_held_out=always_held_out,
    )
    material = replace(material, training=some_of(material, config.data_share))
    training, held_out = prepared(material, codec, config, cache, show)
    network = BridgeConfig(
        latent_dim=codec.info.latent_dim, levels=codec.n_codebooks, entries=codec.code_entries, **(model or {})
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # first weights only
        net = build_bridge(kind, network)
    buffers = {name: getattr(training, name) for name in ("mean", "turn", "back", "codebooks")}
    net.load_state_dict({name: value for name, value in buffers.items() if hasattr(net, name)}, strict=False)
    net = net.to(device)
    run = _Run(net, config, checkpoint, device)
    if resume:
        run.load()
    out.mkdir(parents=True, exist_ok=True)

    with (out / "log.jsonl").open("a") as log:

        def write(row: dict[str, Any]) -> None:
            log.write(json.dumps(row) + "\n")
            log.flush()
            if report is not None:
                report(row)

        run.fit(training, held_out, write)
    write_bridge(out, run.average, net, codec, licence=licence)
    bridge = open_bridge(out)[0]
    told = BridgeReport(
        codec=codec.info,
        kind=kind,
        material=material,
        recipe=asdict(config),
        figures=measure(bridge, held_out, config),
        seconds=run.seconds,
        command=command or ("lgr", "train", "bridge", "--kind", kind, "--codec", codec.info.name),
        licence=licence,
    )
    write_report(out, told, bridge)
    return bridge


def some_of(material: Material, share: float) -> list[Any]:
    """The clips of a share of each category's groups that train, in the order of a hash: at least one group of each."""
    groups: dict[str, set[str]] = {}
    for clip in material.training:
        groups.setdefault(clip.category, set()).add(clip.group)
    chosen: set[tuple[str, str]] = set()
    for category, names in groups.items():
        order = sorted(names, key=lambda name: hashlib.sha256(f"{category}/{name}".encode()).hexdigest())
        chosen.update((category, name) for name in order[: max(1, round(share * len(order)))])
    return [clip for clip in material.training if (clip.category, clip.group) in chosen]


def prepared(
    material: Material, codec: DiscreteCodec, config: BridgeTrainConfig, cache: Path, progress: Progress
) -> tuple[Pairs, Pairs]:
    """Latents and codes of the training and of the held-out recordings."""
    training = latents_of(material.cache, material.training, codec, cache, progress, copies=config.copies)
    first = pairs_of(training, codec, None, progress)
    held_out = latents_of(material.cache, material.held_out, codec, cache, progress)
    return first, pairs_of(held_out, codec, first, progress)


@torch.no_grad()
def measure(bridge: Bridge, pairs: Pairs, config: BridgeTrainConfig) -> dict[str, float]:
    """Shares of the variance of turned latents, over crops of held-out recordings that are given the fewest levels.

    ``coarse`` is what the codes leave unsaid, ``bridged`` what is wrong with the bridge's latents (of one evaluation).
    """
    found = torch.zeros(3)
    for step in range(VALIDATION_BATCHES):
        generator = torch.Generator().manual_seed(step)
        crops = pairs.latents.draw(config.batch_size, config.crop_frames, generator)
        given = torch.full((len(crops),), bridge.config.given)
        batch = pairs.batch(crops, given, config.crop_frames)
        out = bridge.bridged(batch.coarse, batch.setting, 1, generator)
        total = batch.mean(batch.fine.square())
        found += torch.stack(
            [total, batch.mean((batch.coarse - batch.fine).square()), batch.mean((out - batch.fine).square())]
        )
    return {"coarse": float(found[1] / found[0]), "bridged": float(found[2] / found[0])}


class _Run:
    """The weights, their average, the optimiser, and how far they are."""

    def __init__(self, net: Bridge, config: BridgeTrainConfig, checkpoint: Path, device: str) -> None:
        self.net, self.config, self.checkpoint, self.device = net, config, checkpoint, device
        matrices = [p for p in net.parameters() if p.ndim >= 2]
        plain = [p for p in net.parameters() if p.ndim < 2]
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": plain, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(
            groups, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
        )
        self.average = {name: value.detach().clone() for name, value in net.state_dict().items()}
        self.step, self.seconds = 0, 0.0

    def load(self) -> None:
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        check_resumed(asdict(self.config), saved["config"], FREE_ON_RESUME)
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average, self.step, self.seconds = saved["average"], saved["step"], saved["seconds"]

    def save(self) -> None:
        state = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average}
        with atomic_path(self.checkpoint, force=True) as part:
            torch.save({**state, "config": asdict(self.config), "step": self.step, "seconds": self.seconds}, part)

    def fit(self, training: Pairs, held_out: Pairs, write: Callable[[dict[str, Any]], None]) -> None:
        config = self.config
        saved = tick = time.monotonic()
        while self.step < config.steps:
            generator = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step)
            loss = self.loss(training, generator)
            for group in self.optimiser.param_groups:
                group["lr"] = config.rate(self.step)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0))
            if math.isfinite(norm):  # one bad batch must not end a run
                self.optimiser.step()
            momentum = min(config.ema, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                for name, value in self.net.state_dict().items():
                    self.average[name].lerp_(value, 1 - momentum)
            self.step += 1
            now = time.monotonic()
            self.seconds, tick = self.seconds + now - tick, now
            row = {"step": self.step, "of": config.steps, "seconds": round(self.seconds, 1)}
            if self.step % 50 == 0:
                write({**row, "loss": round(float(loss.detach()), 5), "grad": round(norm, 3)})
            if self.step % config.validate_every == 0 or self.step == config.steps:
                write({**row, "held_out": {"loss": round(self.validate(held_out), 5)}})
            if now - saved > config.checkpoint_seconds or self.step == config.steps:
                self.save()
                saved = now

    def loss(self, pairs: Pairs, generator: torch.Generator) -> Tensor:
        batch = draw(pairs, self.net.config, self.config, generator).to(self.device)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.config.bfloat16):
            return self.net.loss(batch, generator)

    @torch.no_grad()
    def validate(self, pairs: Pairs) -> float:
        """The loss of the averaged weights on held-out recordings."""
        kept = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        losses = [self.loss(pairs, torch.Generator().manual_seed(step)) for step in range(VALIDATION_BATCHES)]
        self.net.load_state_dict(kept)
        return float(torch.stack(losses).mean())
