"""How long a second of sound takes out of every model: the shipped ones, and fresh ones of the papers' sizes.

Weights do not matter for speed, so the fresh ones are untrained. Latents are drawn from the prior; what is timed is
``decode`` of a second's frames as one call, after a warm-up, models in turns.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.vae_runs import Setup, shipped
from benchmarks.vae_scores import markdown, number
from lgr.codecs.trained import TrainedCodec
from lgr.models.granular.model import DECODERS
from lgr.models.kinds import build_model, model_config

SHIPPED = (
    "spectral",
    "drums-spectral",
    "notes-spectral",
    "textures-noiseband",
    "textures-encodec16",
)
PAPER_MS = {"cpu": 25.0, "cuda": 19.7}  # paper 001, 5.1, of its granular VAE
WHOLE = {"n_filters": 32, "linear_path": False}  # paper 003's EnCodec
FRESH: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"granular {d}, grains of 1024": ("granular", {"decoder": d}) for d in DECODERS},
    "granular fi+pp, grains of 2048": ("granular", {"decoder": "fi+pp", "hop_length": 512}),
    "ddsp-noise": ("ddsp-noise", {}),
    "noiseband": ("noiseband", {}),
    "encodec-vae 16, ours": ("encodec-vae", {"latent_dim": 16}),
    "encodec-vae 128, ours": ("encodec-vae", {"latent_dim": 128}),
    "encodec-vae 16, the paper's size": ("encodec-vae", {"latent_dim": 16, **WHOLE}),
    "encodec-vae 128, the paper's size": ("encodec-vae", {"latent_dim": 128, **WHOLE}),
}
REPEATS = 15


@dataclass(frozen=True)
class Timed:
    """A codec on its device, and the numbers that its weights are (an encoder's and an embedding's among them)."""

    codec: TrainedCodec
    weights: int


def speed(setup: Setup) -> tuple[dict[str, Any], str]:
    """Milliseconds by device and model."""
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "paper_ms": PAPER_MS}
    text = HEAD
    for device in ("cpu", *(["cuda"] if torch.cuda.is_available() else [])):
        models = {f"{name} (shipped)": found for name in SHIPPED if (found := of_folder(name, setup, device))}
        models |= {name: fresh(*sizes, device) for name, sizes in FRESH.items()}
        times = milliseconds({name: timed.codec for name, timed in models.items()}, device)
        result[device] = {name: {**times[name], "weights": timed.weights} for name, timed in models.items()}
        what = f"{torch.get_num_threads()} threads" if device == "cpu" else torch.cuda.get_device_name()
        paper = PAPER_MS[device]
        rows = [
            (
                name,
                number(row["median"], 1),
                number(row["best"], 1),
                f"{row['weights']:,}",
                number(paper / row["median"], 1),
            )
            for name, row in result[device].items()
        ]
        rows.append(("paper 001, its granular VAE", f"{paper:g}", "", "", "1"))
        header = (f"{device}, {what}", "ms, median", "ms, best", "weights", f"times faster than {paper:g} ms")
        text += "\n" + markdown(header, rows)
    print(text, flush=True)
    return result, text


def of_folder(name: str, setup: Setup, device: str) -> Timed | None:
    """A shipped model, or None."""
    codec = shipped(name, setup, device)
    if codec is None:
        return None
    stored = load_file(setup.models / name / "model.safetensors")
    return Timed(codec, sum(tensor.numel() for tensor in stored.values()))


def fresh(kind: str, sizes: dict[str, Any], device: str) -> Timed:
    """An untrained model of these sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(kind, model_config(kind, sizes)).to(device)
    return Timed(TrainedCodec(model, name=kind), sum(p.numel() for p in model.parameters()))


def milliseconds(models: dict[str, TrainedCodec], device: str, repeats: int = REPEATS) -> dict[str, dict[str, float]]:
    """``median`` and ``best`` of decoding one second, in turns; class unknown."""
    drawn = {}
    for name, codec in models.items():
        latents = torch.randn(
            1, codec.info.latent_dim, round(codec.info.frame_rate), generator=torch.Generator().manual_seed(0)
        )
        drawn[name] = codec.condition(latents, None).to(device)
    times: dict[str, list[float]] = {name: [] for name in models}
    for repeat in range(repeats + 2):
        for name, codec in models.items():
            start = time.perf_counter()
            codec.decode(drawn[name])
            if device == "cuda":
                torch.cuda.synchronize()
            if repeat >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: {"median": statistics.median(found), "best": min(found)} for name, found in times.items()}


HEAD = """# How long one second of sound takes

`decode` of one second of latents from the prior, one call, one sound at a time; models in turns, median and best of 15.
Paper 001 states 25.0 ms on a CPU and 19.7 ms on a GPU for its granular VAE, on machines that it does not name.
"""
