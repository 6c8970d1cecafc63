"""The figures of papers 001 and 003 for lgr's grain models, on recordings of sources that no model was trained on.

    python -m benchmarks.vae_tables --data MANIFEST --scorer SCORE.py [--only table1 ...] [--minutes 10] [--out FOLDER]

- ``table1``: paper 001's table 1, decoders of the granular VAE on drums and on notes (trains 10 models)
- ``table2``: paper 003's tables 1 and 2, four models on textures (trains 16 models)
- ``thunder``: the same four on thunder, beside the paper's own figures (trains 8 of those 16)
- ``figure1``: paper 003's figure 1 with its numbers (shipped models; those that are not there are trained)
- ``speed``: milliseconds for a second of sound (trains nothing)
- ``classes``: whether sampled hits are of the class that was asked for (trains nothing)

Each writes ``vae_NAME.json`` and ``vae_NAME.md`` into ``--out``. A model is trained for ``--minutes`` in a folder of
its own in ``--work``: one that is done is used again, one that was stopped goes on. Several calls may share a work
folder, on tables that train different models. ``--scorer`` is a Python file with
``score(reference, estimate, sample_rate)``.
"""

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.vae_runs import Setup
from benchmarks.vae_scores import plain
from lgr.files import atomic_path

Table = Callable[[Setup, Path], tuple[dict[str, Any], str]]


def tables() -> dict[str, Table]:
    """Every table by its name, quick ones first: a function of the setup and of the folder for pictures."""
    from benchmarks.vae_classes import classes
    from benchmarks.vae_figure1 import figure1
    from benchmarks.vae_granular import table1
    from benchmarks.vae_speed import speed
    from benchmarks.vae_textures import table2, thunder

    return {
        "speed": lambda setup, out: speed(setup),
        "classes": lambda setup, out: classes(setup),
        "figure1": figure1,
        "thunder": lambda setup, out: thunder(setup),
        "table1": lambda setup, out: table1(setup),
        "table2": lambda setup, out: table2(setup),
    }


def write(name: str, result: dict[str, Any], text: str, setup: Setup, out: Path) -> None:
    """``vae_NAME.json`` and ``vae_NAME.md``, each whole or not at all."""
    made = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "device": setup.device,
        "minutes_a_model": setup.minutes,
        "minutes_of": dict(setup.minutes_of),
        "steps_a_model": setup.steps,
        "seed": setup.seed,
    }
    told = f"{made['threads']} threads, torch {made['torch']}, {setup.device}"
    if name not in ("speed", "classes"):
        told += f"; models that are not shipped: {setup.minutes:g} minutes each"
        told += f" but for {', '.join(f'{n} {m:g}' for n, m in setup.minutes_of.items())}" if setup.minutes_of else ""
        told += "" if setup.steps is None else f", at most {setup.steps} steps"
    with atomic_path(out / f"vae_{name}.json", force=True) as part:
        part.write_text(json.dumps(plain({"made": made, **result}), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with atomic_path(out / f"vae_{name}.md", force=True) as part:
        part.write_text(f"{text}\n{told}.\n", encoding="utf-8")


def budget(text: str) -> tuple[str, float]:
    """``RUN=MINUTES``, RUN being a folder's name in ``--work``."""
    name, _, minutes = text.partition("=")
    return name, float(minutes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="manifest.csv with drums8, notes and textures")
    parser.add_argument("--scorer", type=Path, help="needed by table1 and thunder")
    parser.add_argument("--only", choices=list(tables()), nargs="+", help="these tables alone")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each model")
    parser.add_argument(
        "--minutes-of", type=budget, action="append", default=[], metavar="RUN=MINUTES", help="another budget for one"
    )
    parser.add_argument("--steps", type=int, help="of training at most, for trying things out")
    parser.add_argument("--clips", type=int, default=120, help="held-out clips of a category, at most")
    parser.add_argument("--work", type=Path, default=Path("runs/vae_tables"), help="trained models and cache")
    parser.add_argument("--models", type=Path, help="folder of the shipped models, by default assets/models")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="to train on; speed takes the GPU as well where there is one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--thunder-clip", type=Path, action="append", default=[], help="one more file for thunder")
    parser.add_argument("--no-training", action="store_true", help="leave out models that are not in --work")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    setup = Setup(
        data=options.data,
        scorer=options.scorer,
        work=options.work,
        **({} if options.models is None else {"models": options.models}),
        minutes=options.minutes,
        minutes_of=dict(options.minutes_of),
        steps=options.steps,
        clips=options.clips,
        seed=options.seed,
        device=options.device,
        training=not options.no_training,
        thunder_clips=tuple(options.thunder_clip),
    )
    options.out.mkdir(parents=True, exist_ok=True)
    for name, table in tables().items():
        if options.only is None or name in options.only:
            print(f"== {name}", flush=True)
            write(name, *table(setup, options.out), setup, options.out)


if __name__ == "__main__":
    main()
