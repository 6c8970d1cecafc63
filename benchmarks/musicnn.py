"""The tags that musicnn gives to sounds: is the network of `lgr.judges.musicnn` what it was?

python -m benchmarks.musicnn SOUND [SOUND ...]
"""

import argparse

from lgr.judges.musicnn import load_musicnn
from lgr.sound.audio import load_audio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sounds", nargs="+", metavar="SOUND")
    parser.add_argument("--tags", type=int, default=6, help="how many of each, the likeliest first")
    options = parser.parse_args()
    network = load_musicnn()
    from musicnn.configuration import MTT_LABELS  # this much of the package needs no TensorFlow

    for path in options.sounds:
        audio, rate = load_audio(path, channels=1)
        likelihood = network.hear(audio[0], rate)[1].mean(0)
        top = likelihood.argsort(descending=True)[: options.tags].tolist()
        print(f"{path}: " + ", ".join(f"{MTT_LABELS[i]} {likelihood[i]:.2f}" for i in top), flush=True)


if __name__ == "__main__":
    main()
