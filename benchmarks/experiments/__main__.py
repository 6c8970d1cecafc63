"""``python -m benchmarks.experiments``: run the experiments and write their pages.

    LGR_WEIGHTS=... python -m benchmarks.experiments [--only 2 7] [--out docs/results] [--threads 1]

Everything takes under twenty minutes on two cores. Codecs whose weights are not here are left out, and said to be.
"""

import argparse
import time
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.experiments.page import write

EXPERIMENTS = {
    1: "round_trip",
    2: "temperature",
    3: "grain_size",
    4: "codebook_size",
    5: "codecs",
    6: "continuity",
    7: "timbre",
    8: "melodies",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = ", ".join(f"{number} {name}" for number, name in EXPERIMENTS.items())
    parser.add_argument("--only", type=int, nargs="+", choices=EXPERIMENTS, metavar="N", help=listed)
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="a folder that exists")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    for number in given.only or EXPERIMENTS:
        name = EXPERIMENTS[number]
        wall, processor = time.perf_counter(), time.process_time()
        with torch.no_grad():
            result = import_module(f"benchmarks.experiments.{name}").run()
        seconds = time.process_time() - processor, time.perf_counter() - wall
        page = write(result, given.out, name, number, seconds)
        print("\n".join([f"\n## {number}. {result.title}\n", *result.tables, *result.missing]))
        print(f"{seconds[0]:.0f} s of the processor, {seconds[1]:.0f} s: {page}", flush=True)


if __name__ == "__main__":
    main()
