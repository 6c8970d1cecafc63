"""A listening test of what lgr does, from the clips and the weights it brings: `make listening-test`.

    python -m benchmarks.listening_demo [--out out/listening-test] [--results out/listening-results] [--seed 0]

Five targets are played with five sources: latent grains at three temperatures and on a path, beside the codec's round
trip (the ceiling), random grains (the floor) and a mosaic in the waveform domain by MFCC (what latents are to beat).
The sounds and their scores stay in ``--results``; ``--out`` is the test (docs/listening.md). About a minute on a core.
"""

import argparse
from pathlib import Path

from lgr.baselines.play import play_baseline
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.files import assets_dir
from lgr.listening import ListeningTestConfig, build_listening_test
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio, save_audio
from lgr.sources import build_codebook

PAIRS = (
    ("drum_loop", "glass"),
    ("percussion", "foley"),
    ("speech_reader", "rain"),
    ("violin", "steel_pan"),
    ("choir", "birds"),
)
SECONDS = 6.0  # of a target: short enough to compare nine versions from memory
LATENT = {
    "nearest": ResynthConfig(temperature=0.0),
    "default": ResynthConfig(),
    "temperature_0.3": ResynthConfig(temperature=0.3),
    "each_alone": ResynthConfig(continuity=0.0),
}
BASELINES = {"codec_round_trip": "unchanged", "random_grains": "random", "mfcc_mosaic": "mosaic"}
ABX = (("reference", "codec_round_trip"), ("nearest", "default"), ("default", "each_alone"))


def play_pair(target: str, source: str, folder: Path, codec: Codec, seed: int) -> None:
    """Write an item: its reference, its source and every condition."""
    clips = assets_dir() / "audio"
    audio, rate = load_audio(clips / f"{target}.flac")
    heard = audio[:, : round(SECONDS * rate)], rate
    grains = load_audio(clips / f"{source}.flac")
    folder.mkdir(parents=True, exist_ok=True)
    save_audio(folder / "reference.wav", *heard, force=True)
    save_audio(folder / "source.wav", *grains, force=True)
    codebook = build_codebook([grains], codec, ResynthConfig().codebook_config())
    for name, config in LATENT.items():
        result = resynthesise(heard, codebook, codec=codec, config=config, seed=seed)
        result.save(folder / f"{name}.wav", force=True)
        result.score.save(folder / f"{name}.json", force=True)
    for name, baseline in BASELINES.items():
        mosaic = play_baseline(baseline, heard, [grains], codec=codec, seed=seed)
        save_audio(folder / f"{name}.wav", mosaic.audio, mosaic.sample_rate, force=True)


def main() -> None:
    """Play all pairs and make the test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/listening-test"))
    parser.add_argument("--results", type=Path, default=Path("out/listening-results"))
    parser.add_argument("--seed", type=int, default=0, help="of the draws and of the sounds' opaque names")
    options = parser.parse_args()
    codec = load_codec("bundled")
    for target, source in PAIRS:
        print(f"{target} played with {source}", flush=True)
        play_pair(target, source, options.results / f"{target}_of_{source}", codec, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    config = ListeningTestConfig(title="Sounds made of other sounds", abx=ABX, abx_trials=3, seed=options.seed)
    made = build_listening_test(options.results, options.out, config=config, force=True)
    print(
        f"{made.page}: {made.rating_trials} pages of ratings, {made.abx_trials} comparisons, about {made.minutes} "
        f"minutes, {made.level_lufs:.1f} LUFS; open it in a browser, hand out its folder\n{made.key}: keep it, for\n"
        f"lgr listening-analysis answers-*.json --key {made.key} -o {options.out.parent / 'listening-analysis'}"
    )


if __name__ == "__main__":
    main()
