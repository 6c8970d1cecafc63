"""What a take that becomes a source costs a loop that plays, with an hour of grains.

    python -m benchmarks.live_takes [--grains 270000] [--takes 6] [--seconds 24] [--codec bundled]

Grains are latents of bundled clips, drawn frame by frame, with noise on them: the search has as much to do as among
recordings, and no hour of these is needed. The loop plays a bundled clip in real time; another thread makes takes of
3 s, one every ``seconds / (takes + 2)``. *Alone* are the steps while no take is being made, *beside* those while one
is. A step has two frames' time. Run it on an idle machine: steps that wait for a core are late by themselves.
"""

import argparse
import threading
import time

import torch
from torch import Tensor

import lgr
from lgr.codecs.base import Codec
from lgr.files import assets_dir
from lgr.live import LiveLoop, Material, Player
from lgr.live.ports import Nowhere
from lgr.sound.pitch import BINS

CLIPS = ("rain", "glass", "drum_loop", "speech_reader")
RECORDING = 9000  # frames
NOISE = 0.3  # on latents
TAKE_SECONDS = 3.0


def clip(name: str, rate: int) -> Tensor:
    """``(1, samples)``."""
    return lgr.load_audio(assets_dir() / "audio" / f"{name}.flac", sample_rate=rate, channels=1)[0]


def made_up(codec: Codec, grains: int) -> lgr.GrainCodebook:
    draw = torch.Generator().manual_seed(0)
    info = codec.info
    heard = torch.cat([codec.encode(clip(name, info.sample_rate)[None])[0] for name in CLIPS], 1)
    latents, recordings = [], []
    for i in range(max(1, round(grains / RECORDING))):
        drawn = heard[:, torch.randint(0, heard.shape[1], (RECORDING,), generator=draw)]
        latents.append((drawn + NOISE * torch.randn(drawn.shape, generator=draw))[None])
        recordings.append(lgr.Recording(f"made up {i}", "", info.sample_rate, RECORDING * info.hop_length))
    return lgr.GrainCodebook().fit(
        latents,
        recordings,
        codec=info,
        features=[codec.features(each)[0] for each in latents],
        levels_db=[torch.full((RECORDING,), -20.0) for _ in latents],
        pitch=[torch.rand(BINS, RECORDING, generator=draw) for _ in latents],
    )


class Clocked:
    """A sound over and over, in real time. ``asked`` is when each chunk was given."""

    def __init__(self, audio: Tensor, rate: int, seconds: float) -> None:
        self.audio, self.rate, self.left, self.at = audio, rate, int(seconds * rate), 0
        self.begun = time.perf_counter()

    def read(self, samples: int) -> Tensor | None:
        if self.at >= self.left:
            return None
        begin = self.at % (len(self.audio) - samples)
        time.sleep(max(0.0, self.begun + self.at / self.rate - time.perf_counter()))
        self.at += samples
        return self.audio[begin : begin + samples]

    def close(self) -> None:
        pass


class Timed(LiveLoop):
    """A loop that keeps when its steps began and ended."""

    spans: list[tuple[float, float]]

    def step(self, *arguments, **options):  # type: ignore[no-untyped-def]
        begun = time.perf_counter()
        found = super().step(*arguments, **options)
        self.spans.append((begun, time.perf_counter()))
        return found


def told(name: str, seconds: list[float], budget: float) -> str:
    if not seconds:
        return f"{name}: no steps"
    ordered = sorted(1000 * each for each in seconds)
    late = sum(each > 1000 * budget for each in ordered)
    return (
        f"{name}: {len(ordered)} steps, median {ordered[len(ordered) // 2]:.1f} ms, longest {ordered[-1]:.1f} ms, "
        f"{late} beyond {1000 * budget:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grains", type=int, default=270_000)
    parser.add_argument("--takes", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--codec", default="bundled")
    given = parser.parse_args()
    torch.set_num_threads(1)
    codec = lgr.load_codec(given.codec)
    material = Material.of(made_up(codec, given.grains), codec)
    loop = Timed(codec, material)
    loop.spans = []
    player, rate = Player(loop, material), codec.info.sample_rate
    source = Clocked(clip("drum_loop", rate)[0], rate, given.seconds)
    thread = threading.Thread(target=player.run, args=(source, Nowhere()))
    thread.start()
    takes: list[tuple[float, float]] = []
    own: list[float] = []  # processor time
    pause = given.seconds / (given.takes + 2)
    for i in range(given.takes):
        time.sleep(max(0.0, source.begun + (i + 1) * pause - time.perf_counter()))
        begun, worked = time.perf_counter(), time.thread_time()
        player.take(TAKE_SECONDS)
        takes.append((begun, time.perf_counter()))
        own.append(time.thread_time() - worked)
    thread.join()
    budget = loop.hop_frames * codec.info.hop_length / rate
    warm = [span for span in loop.spans if span[0] > source.begun + 1]
    beside = [stop - start for start, stop in warm if any(a < stop and start < b for a, b in takes)]
    alone = [stop - start for start, stop in warm if not any(a < stop and start < b for a, b in takes)]
    print(f"{len(material.codebook):,} grains, then {len(player.material.codebook):,}")
    each = (f"{b - a:.2f} s ({work:.2f} s)" for (a, b), work in zip(takes, own, strict=True))
    print("takes of (processor)", ", ".join(each))
    print(told("alone", alone, budget))
    print(told("beside a take", beside, budget))


if __name__ == "__main__":
    main()
