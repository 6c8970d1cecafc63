"""How fast and how lean matching is, beside faiss, scikit-learn and scipy, all measured in the same run.

    python -m benchmarks.match [--threads 2] [--repeats 3] [--scale 1.0] [--out docs/results/match.md]

Time: the methods of a table take turns and each keeps its best turn, so that a busy machine disturbs all alike. Memory:
each of ours runs once more in a process of its own, which reports how far its resident peak rises above what it held
with the codebook and target loaded (Linux, which can reset a process's peak). A few minutes and several GiB at full
size; rows are printed as they are known, single turns on stderr. ``--out FILE`` writes the table and,
beside it, the figures as JSON.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lgr.files import atomic_path
from lgr.matching import MatchConfig, match

BLOCK = 4096
Figures = dict[str, object]

HEADER = """| target on codebook | method | seconds | ratio | to | MiB beyond the codebook |
|---|---|---:|---:|---|---:|"""


def rows(n: int, dim: int, seed: int) -> Tensor:
    """Unit rows in place: a million of them leave no second copy behind to spoil the memory figures."""
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))
    for part in range(0, n, 65536):
        x[part : part + 65536] = normalize(x[part : part + 65536], dim=1)
    return x


def problem(which: str, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """(target, codebook, next_grain): "large" 2,000 on 1,000,000 x 256; "chain" 4,500 on 50,000 x 160."""
    n, m, dim = {"large": (2000, 1_000_000, 256), "chain": (4500, 50_000, 160)}[which]
    m = int(m * scale)
    following = torch.arange(1, m + 1)
    following[99::100] = -1  # recordings of 100 grains
    following[-1] = -1
    return rows(n, dim, 1), rows(m, dim, 2), following


def ours(name: str, target: Tensor, codebook: Tensor, following: Tensor) -> None:
    """Run one of our own cases by its name."""
    generator = torch.Generator().manual_seed(0)
    if name == "nearest":
        match(target, codebook, temperature=0.0, generator=generator)
    elif name == "independent":
        match(target, codebook, temperature=0.1, generator=generator)
    else:
        config = MatchConfig(sampler="chain" if name == "chain" else "viterbi")
        match(
            target,
            codebook,
            temperature=0.1,
            continuity=0.5,
            next_grain=following,
            config=config,
            generator=generator,
        )


def bare_product(target: Tensor, codebook: Tensor) -> None:
    """The matrix product alone, in the blocks that matching uses."""
    buffer = torch.empty(len(target) * BLOCK)
    for start in range(0, len(codebook), BLOCK):
        block = codebook[start : start + BLOCK]
        torch.mm(target, block.T, out=buffer[: len(target) * len(block)].view(len(target), len(block)))


def faiss_search(target: Tensor, codebook: Tensor, threads: int) -> Callable[[], object]:
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(codebook.shape[1])
    index.add(codebook.numpy())
    return lambda: index.search(target.numpy(), 1)


def sklearn_search(target: Tensor, codebook: Tensor, threads: int) -> Callable[[], object]:
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    found = NearestNeighbors(n_neighbors=1, algorithm="brute", metric="euclidean").fit(codebook.numpy())

    def search() -> None:
        with threadpool_limits(threads):
            found.kneighbors(target.numpy(), return_distance=False)

    return search


def cdist_loop(target: Tensor, codebook: Tensor) -> Callable[[], object]:
    from scipy.spatial.distance import cdist

    whole = codebook.numpy()
    return lambda: [cdist(row[None], whole, "cosine").argmin() for row in target.numpy()]


def best_times(cases: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Best wall seconds of each case; the cases take turns."""
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(repeats):
        for name, run in cases.items():
            began = time.perf_counter()
            run()
            spent = time.perf_counter() - began
            print(f"  {name}: {spent:.2f} s", file=sys.stderr, flush=True)
            best[name] = min(best[name], spent)
    return best


def extra_memory(which: str, name: str, scale: float, threads: int) -> float:
    """MiB by which the peak of a fresh process rises while it matches."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_rise, (which, name, scale, threads))


def _peak_rise(which: str, name: str, scale: float, threads: int) -> float:
    torch.set_num_threads(threads)
    target, codebook, following = problem(which, scale)
    # a small match first, so that what libraries load once is not counted
    small = codebook[:2048]
    ours(name, target[:4], small, torch.full((len(small),), -1))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far, of making the codebook, is forgotten
    before = _resident_mib("VmRSS")
    ours(name, target, codebook, following)
    return _resident_mib("VmHWM") - before


def _resident_mib(field: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def run_large(threads: int, repeats: int, scale: float) -> Iterator[Figures]:
    target, codebook, following = problem("large", scale)
    size = f"{len(target):,} on {len(codebook):,} x {codebook.shape[1]}"
    base = "matrix product alone"
    cases: dict[str, Callable[[], object]] = {
        base: lambda: bare_product(target, codebook),
        "lgr, nearest (τ = 0)": lambda: ours("nearest", target, codebook, following),
        "faiss IndexFlatIP": faiss_search(target, codebook, threads),
        "lgr, softmax sampling": lambda: ours("independent", target, codebook, following),
    }
    times = best_times(cases, repeats)
    del cases["faiss IndexFlatIP"]  # it holds a copy of the codebook
    memory = {"lgr, nearest (τ = 0)": "nearest", "lgr, softmax sampling": "independent"}
    for name, seconds in times.items():
        extra = extra_memory("large", memory[name], scale, threads) if name in memory else None
        yield figures(size, name, seconds, base, times[base], extra)
    name = "scikit-learn brute force"
    seconds = best_times({name: sklearn_search(target, codebook, threads)}, 1)[name]
    yield figures(size, name, seconds, base, times[base])
    # a loop over target grains is linear in them: a few are enough to know two thousand
    few = target[:4]
    name = f"scipy cdist loop ({len(few)} grains, scaled)"
    seconds = best_times({name: cdist_loop(few, codebook)}, 1)[name] * len(target) / len(few)
    yield figures(size, name, seconds, base, times[base])


def run_chain(threads: int, repeats: int, scale: float) -> Iterator[Figures]:
    target, codebook, following = problem("chain", scale)
    size = f"{len(target):,} on {len(codebook):,} x {codebook.shape[1]}"
    base = "lgr, softmax sampling"
    names = {base: "independent", "lgr, chain sampling": "chain", "lgr, Viterbi": "viterbi"}
    cases = {label: partial(ours, name, target, codebook, following) for label, name in names.items()}
    times = best_times(cases, repeats)
    for label, name in names.items():
        yield figures(size, label, times[label], base, times[base], extra_memory("chain", name, scale, threads))


def figures(
    size: str, method: str, seconds: float, base: str, base_seconds: float, extra_mib: float | None = None
) -> Figures:
    return {
        "size": size,
        "method": method,
        "seconds": round(seconds, 3),
        "ratio": round(seconds / base_seconds, 2),
        "ratio_to": base,
        "extra_mib": None if extra_mib is None else round(extra_mib),
    }


def line(row: Figures) -> str:
    size, method, base, extra = row["size"], row["method"], row["ratio_to"], row["extra_mib"]
    return (
        f"| {size} | {method} | {row['seconds']:.2f} | {row['ratio']:.2f} | {base} | {'' if extra is None else extra} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the codebooks' sizes, to try the script quickly")
    parser.add_argument("--out", type=Path, help="a .md file; a .json file is written beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    note = f"{arguments.threads} threads, best of {arguments.repeats} interleaved turns, torch {torch.__version__}."
    print(f"{note}\n\n{HEADER}", flush=True)
    found = []
    for run in (run_large, run_chain):
        for row in run(arguments.threads, arguments.repeats, arguments.scale):
            found.append(row)
            print(line(row), flush=True)
    if arguments.out is not None:
        with atomic_path(arguments.out, force=True, make_parents=True) as path:
            path.write_text("\n".join([note, "", HEADER, *map(line, found)]) + "\n")
        with atomic_path(arguments.out.with_suffix(".json"), force=True) as path:
            path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
