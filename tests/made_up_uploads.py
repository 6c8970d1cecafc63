"""Files that visitors of the app upload: sounds, and what is none."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 24_000


def noise(seconds: float, *, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Noise of -20 dBFS or so, (samples, channels)."""
    return np.random.default_rng(seed).uniform(-0.17, 0.17, (round(seconds * rate), channels)).astype(np.float32)


def upload(folder: Path, kind: str) -> Path:
    """A file of that kind, called KIND.wav (or .flac where only that holds it in little space)."""
    path = folder / f"{kind}.wav"
    if kind == "text":
        path.write_text("This is no sound.\n")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "image":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    elif kind == "silence":
        soundfile.write(path, np.zeros(RATE), RATE)
    elif kind == "short":
        soundfile.write(path, noise(0.02), RATE)
    elif kind == "hour":
        path = path.with_suffix(".flac")
        soundfile.write(path, np.zeros(3600 * 2000, np.float32), 2000)
    elif kind == "fast":
        soundfile.write(path, noise(1, rate=192_000), 192_000)
    elif kind == "surround":
        soundfile.write(path, noise(1, channels=6), RATE)
    elif kind == "nan":
        bad = noise(1)
        bad[100] = np.nan
        soundfile.write(path, bad, RATE, subtype="FLOAT")
    elif kind == "good":
        soundfile.write(path, noise(1), RATE)
    else:
        raise ValueError(kind)
    return path


# what is refused, and what the sentence must say
REFUSED = {
    "text": "holds text, not audio",
    "empty": "is empty",
    "image": "damaged or in a format that cannot be read",
    "silence": "is silent from beginning to end",
    "short": "lasts 0.02 s",
    "hour": "lasts 60 min",
    "nan": "NaN or infinite samples",
}
