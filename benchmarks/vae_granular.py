"""Paper 001's table 1: the granular VAE and its baselines, on drums and on notes, trained for the same time.

The decoders are the paper's ``tr``, ``up``, ``fi`` and ``fi+pp``, with its loss and floor.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from benchmarks.vae_held_out import HeldOutClip, counted, held_out
from benchmarks.vae_runs import Run, Setup, check_never_heard, shipped, trained
from benchmarks.vae_scores import Score, load_scorer, markdown, measure, number, of, summary, variants
from lgr.losses import POWER_FLOOR
from lgr.models.granular.model import DECODERS
from lgr.models.kinds import build_model, model_config
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.state import TrainingState
from lgr.train.vae.steps import Batch, Parts, grain_losses, total_loss

# Grains of 1024 samples for drums and 2048 for notes, as in the paper (there at 16 and 22.05 kHz, here at 24).
DOMAINS = {
    "drums": ("drums8", 256, ("drums-spectral", "spectral")),
    "notes": ("notes", 512, ("notes-spectral", "spectral")),
}
PAPER = {  # table 1: (RMSE, LSD)
    "notes": {"tr": (6.86, 1.60), "up": (6.65, 1.62), "fi": (6.22, 1.29), "fi+pp": (4.86, 1.17)},
    "drums": {"tr": (3.85, 0.94), "up": (4.39, 0.66), "fi": (2.65, 0.52), "fi+pp": (2.79, 0.52)},
}
PAPER_STEP_SECONDS = {"tr": 2.32, "up": 2.87, "fi": 0.54, "fi+pp": 0.58}  # on a GPU, 40 sequences a step
# Medians of the paper's own pairs (original, reconstruction) on its site, by the same scorer.
SITE = {
    "drums": {"the paper's site, drums": (0.61, 5.1, 0.965)},
    "notes": {"the paper's site, violin": (0.55, 7.1, 0.60), "the paper's site, orchestra": (0.49, 5.1, 0.6)},
}
TIMED_STEPS = 6  # of each decoder, in turns
MEASURES = ("rmse", "lsd_paper", "mstft", "lsd", "env")


def run_of(domain: str, decoder: str) -> Run:
    """The model of one cell of the table."""
    category, hop_length, _ = DOMAINS[domain]
    return Run(
        name=f"granular_{domain}_{decoder.replace('+', '_')}",
        kind="granular",
        category=category,
        sizes={"decoder": decoder, "hop_length": hop_length},
        changes={"log_power_floor": POWER_FLOOR},
    )


def table1(setup: Setup) -> tuple[dict[str, Any], str]:
    """The whole table: its JSON and its markdown."""
    score = load_scorer(setup.scorer)
    result: dict[str, Any] = {"floor": POWER_FLOOR}
    told = [HEAD]
    for domain in DOMAINS:
        found, text = one_domain(domain, setup, score)
        result[domain] = found
        told.append(text)
    return result, "".join(told)


def one_domain(domain: str, setup: Setup, score: Score) -> tuple[dict[str, Any], str]:
    """All decoders and the shipped models on drums or on notes."""
    category, hop_length, names = DOMAINS[domain]
    runs = {decoder: run_of(domain, decoder) for decoder in DECODERS}
    models = {decoder: model for decoder in DECODERS if (model := trained(runs[decoder], setup)) is not None}
    clips = held_out(setup, category)
    window = 4 * hop_length
    pace = step_seconds({decoder: runs[decoder] for decoder in models}, setup)
    decoders: dict[str, Any] = {}
    for decoder, model in models.items():
        check_never_heard(setup.work / runs[decoder].name, [clip.path for clip in clips])
        figures = summary(measure(model.codec, clips, score, window))
        decoders[decoder] = {
            "figures": figures,
            "step_seconds": pace[decoder],
            "steps": model.steps,
            "training_seconds": model.seconds,
        }
        print(domain, decoder, {key: of(figures, key, digits=3) for key in MEASURES}, flush=True)
    ours = {k: v for name in names for k, v in of_shipped(name, setup, clips, score, window).items()}
    found = {"clips": len(clips), "decoders": decoders, "shipped": ours, "paper": PAPER[domain]}
    return found, _text(domain, clips, decoders, ours)


def of_shipped(
    name: str, setup: Setup, clips: Sequence[HeldOutClip], score: Score, window_length: int = 2048
) -> dict[str, Any]:
    """Figures of a shipped model, told the class and not; {} where it is not there."""
    codec = shipped(name, setup)
    if codec is None:
        return {}
    check_never_heard(setup.models / name, [clip.path for clip in clips])
    return {called: summary(measure(codec, clips, score, window_length, told=told)) for called, told in variants(codec)}


def step_seconds(runs: dict[str, Run], setup: Setup) -> dict[str, float]:
    """Median seconds of a training step of each model on made-up sound, in turns, so that other work slows all alike.

    A step is what training does: encode, sample, decode, all losses, gradients, optimiser; 16 sequences of a second.
    """
    stands = {name: _stand(run, setup) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for step in range(2 * TIMED_STEPS + 2):  # an even number of each: STFT windows take turns
        for name, (state, batch, config) in stands.items():
            start = time.perf_counter()
            losses = grain_losses(state.parts, batch, config, step)
            state.optimiser.zero_grad()
            total_loss(losses, config, config.beta, 0.0).backward()  # type: ignore[no-untyped-call]
            state.optimiser.step()
            state.follow(config.ema)
            if setup.device.startswith("cuda"):
                torch.cuda.synchronize()
            if step >= 2:
                times[name].append(time.perf_counter() - start)
    pairs = {name: torch.tensor(found).view(-1, 2).mean(1) for name, found in times.items()}
    return {name: float(found.median()) for name, found in pairs.items()}


def _stand(run: Run, setup: Setup) -> tuple[TrainingState, Batch, VaeTrainConfig]:
    config = replace(run.config(setup), steps=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setup.seed)
        parts = Parts(build_model(run.kind, model_config(run.kind, run.sizes))).to(setup.device)
    sizes = parts.model.config
    samples = round(config.crop_seconds * sizes.sample_rate / sizes.hop_length) * sizes.hop_length
    noise = torch.randn(config.batch_size, samples, generator=torch.Generator().manual_seed(setup.seed))
    batch = Batch(0.1 * noise.to(setup.device), torch.zeros(config.batch_size, 0, device=setup.device))
    return TrainingState.start(parts, config), batch, config


HEAD = """# Granular VAEs: paper 001's table 1

RMSE and LSD as defined in `benchmarks/vae_scores.py`: the paper defines neither, so its figures (in brackets) compare
in their order only. Both are means over clips. `mstft`, `lsd_db` and `env` (correlation of level envelopes) are the
scorer's, medians over clips. Training tests nothing on held-out sound before its end: the averaged weights of the last
step count. Seconds a step: 16 sequences of a second, decoders in turns.
"""


def _text(domain: str, clips: Sequence[HeldOutClip], decoders: dict[str, Any], ours: dict[str, Any]) -> str:
    rows = []
    for decoder, found in decoders.items():
        figures = found["figures"]
        rmse, lsd = (f" ({value:.2f})" for value in PAPER[domain][decoder])
        rows.append(
            (
                decoder,
                of(figures, "rmse", "mean", 3) + rmse,
                of(figures, "lsd_paper", "mean", 3) + lsd,
                of(figures, "mstft", digits=3),
                of(figures, "lsd"),
                of(figures, "env", digits=3),
                number(found["step_seconds"], 3) + f" ({PAPER_STEP_SECONDS[decoder]:.2f})",
                found["steps"],
                number(found["training_seconds"] / 60, 1),
            )
        )
    header = ("decoder", "RMSE", "LSD", "mstft", "lsd_db", "env", "seconds a step", "steps", "minutes")
    site = [(name, *(f"{value:g}" for value in values)) for name, values in SITE[domain].items()]
    site += [
        (name, of(figures, "mstft", digits=3), of(figures, "lsd"), of(figures, "env", digits=3))
        for name, figures in ours.items()
    ]
    return (
        f"\n## {domain.capitalize()}: {counted(list(clips))}\n\n"
        + (markdown(header, rows) if rows else "No decoder was trained.\n")
        + "\nBeside the pairs on the paper's site (medians, other recordings):\n\n"
        + markdown(("", "mstft", "lsd_db", "env"), site)
    )
