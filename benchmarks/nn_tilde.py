"""What an exported model costs its host: delay, a core's share at some buffer sizes, loading, the file.

    python -m benchmarks.nn_tilde [--codec NAME ...] [--rate 48000] [--minutes 1]

The file is loaded as nn~ loads it and played the bundled drum loop, buffer by buffer, on one thread; its corpus is
bundled clips, over and over. Shares are of processor time, the best of three rounds, so that other work counts little.
"""

import argparse
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import lgr
from lgr.export import export_nn_tilde
from lgr.files import assets_dir

CLIPS = ("rain", "glass", "drum_loop", "speech_reader")
BUFFERS = (512, 2048, 4096)


def clip(name: str, rate: int) -> torch.Tensor:
    return lgr.load_audio(assets_dir() / "audio" / f"{name}.flac", sample_rate=rate, channels=1)[0]


@torch.inference_mode()
def share(model: torch.jit.ScriptModule, audio: torch.Tensor, buffer: int, rate: int) -> float:
    """Processor time over the time of ``audio`` (1, samples)."""
    best = float("inf")
    for _ in range(3):  # the first while TorchScript compiles
        begun = time.process_time()
        for part in torch.split(audio, buffer, 1):
            model(part[None])
        best = min(best, time.process_time() - begun)
    return best * rate / audio.shape[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", nargs="*", default=["bundled", "spectral"])
    parser.add_argument("--rate", type=int, default=48_000)
    parser.add_argument("--minutes", type=float, default=1.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DeprecationWarning)
    for name in given.codec:
        codec = lgr.load_codec(name)
        rate = codec.info.sample_rate
        sounds = torch.cat([clip(each, rate) for each in CLIPS], 1)
        wanted = int(given.minutes * 60 * rate)
        corpus = sounds.repeat(1, -(-wanted // sounds.shape[1]))[:, :wanted]
        for hop_frames in (2, 1):
            with TemporaryDirectory() as folder:
                path = Path(folder) / "x.ts"
                export_nn_tilde(codec, path, [(corpus, rate)], hop_frames=hop_frames, sample_rate=given.rate)
                begun = time.perf_counter()
                model = torch.jit.load(str(path)).eval()  # type: ignore[no-untyped-call]
                model.get_methods()
                loading = time.perf_counter() - begun
                size = path.stat().st_size / 1e6
            audio = clip("drum_loop", given.rate)
            shares = ", ".join(f"{share(model, audio, buffer, given.rate):.0%} at {buffer:,}" for buffer in BUFFERS)
            late = 1000 * model.get_latency()[0] / given.rate
            print(f"{name}, hop {hop_frames}: {late:.1f} ms late; {shares}; loaded in {loading:.1f} s; {size:.0f} MB")


if __name__ == "__main__":
    main()
