"""The real weights of every downloaded codec: fetched, held to the conformance suite, and played with.

    python -m benchmarks.weekly [--only NAME ...]

Tests run on random weights, or on what a machine happens to have. This runs where the network is open, once a week
(``.github/workflows/weekly.yml``), so that the first to load published weights is not a user: it downloads them, runs
``lgr.codecs.conformance``, sends a bundled clip there and back, and runs ``lgr resynth``. It prints a table, then each
failure in full, and exits with 1 where there is any. A codec that cannot be had fails, and the others go on.
"""

import argparse
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lgr.codecs import Codec, codec_card, load_codec
from lgr.codecs.conformance import CHECKS
from lgr.codecs.registry import DOWNLOADED
from lgr.errors import LgrError
from lgr.files import assets_dir
from lgr.measures.reconstruction import mel_mstft
from lgr.sound.audio import load_audio, resample

CLIPS = assets_dir() / "audio"
TARGET, SOURCE = CLIPS / "drum_loop.flac", CLIPS / "glass.flac"
SECONDS = 3.0
FURTHEST = 0.8  # mel distance of a clip from its round trip, where 1 is what silence scores: loaded weights do better
QUIETEST = 0.01  # peak of a result


@dataclass
class Outcome:
    """A codec's row: one word a column, and what went wrong."""

    name: str
    weights: str = "-"
    conformance: str = "-"
    round_trip: str = "-"
    resynth: str = "-"
    failures: list[str] = field(default_factory=list)


def try_codec(name: str) -> Outcome:
    """Everything that is asked of one codec; nothing is raised."""
    outcome = Outcome(name)
    try:
        codec = load_codec(name)
    except LgrError as error:
        outcome.weights = "FAILED"
        outcome.failures.append(f"weights: {error}")
        return outcome
    except Exception:
        outcome.weights = "FAILED"
        outcome.failures.append(f"weights: {traceback.format_exc()}")
        return outcome
    outcome.weights = "loaded"
    failed = []
    for check in (_check_card, *CHECKS):
        try:
            check(codec)
        except Exception as error:
            failed.append(check.__name__)
            told = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            outcome.failures.append(f"{check.__name__}: {told}")
    outcome.conformance = f"FAILED {len(failed)}" if failed else f"{len(CHECKS) + 1} hold"
    for column, attempt in (("round_trip", _round_trip), ("resynth", _resynth)):
        try:
            setattr(outcome, column, attempt(codec))
        except Exception as error:
            setattr(outcome, column, "FAILED")
            told = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            outcome.failures.append(f"{column}: {told}")
    return outcome


def _check_card(codec: Codec) -> None:
    card = codec_card(codec.info.name)
    if card.info != codec.info or not card.present:
        raise AssertionError(f"the card must say what the codec is, and that it is here: {card} and {codec.info}")


def _round_trip(codec: Codec) -> str:
    audio, rate = load_audio(TARGET)
    clip = resample(audio.mean(0, keepdim=True)[:, : int(SECONDS * rate)], rate, codec.info.sample_rate)
    given = clip.expand(codec.info.channels, -1)
    back = codec.decode(codec.encode(given[None]))[0, :, : given.shape[1]]
    distance = mel_mstft(given.mean(0), back.mean(0), codec.info.sample_rate)
    if not distance < FURTHEST:
        raise AssertionError(f"a clip must come back within a mel distance of {FURTHEST}, got {distance:.2f}")
    return f"{distance:.2f}"


def _resynth(codec: Codec) -> str:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        lgr = [sys.executable, "-c", "import sys; from lgr.cli import main; sys.exit(main())"]
        command = [*lgr, "resynth", str(SOURCE), "-t", str(TARGET), "-o", str(out), "--codec", codec.info.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"lgr resynth ended with {done.returncode}: {done.stderr.strip()}")
        audio, _ = load_audio(out)
    peak = float(audio.abs().max())
    if not QUIETEST < peak <= 1 or not bool(torch.isfinite(audio).all()):
        raise AssertionError(f"lgr resynth must play something within full scale, got a peak of {peak:.3g}")
    return f"peak {peak:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(DOWNLOADED), default=list(DOWNLOADED), metavar="NAME")
    outcomes = [try_codec(name) for name in parser.parse_args().only]
    print("| codec | weights | conformance | round trip | lgr resynth |")
    print("|---|---|---|---:|---|")
    for each in outcomes:
        print(f"| {each.name} | {each.weights} | {each.conformance} | {each.round_trip} | {each.resynth} |")
    for each in outcomes:
        for failure in each.failures:
            print(f"\n{each.name}: {failure}")
    return int(any(each.failures for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
