"""What a mean spectral error hides: pre-echo, tonal noise, retrieval by features, seams, silence and overshoot."""

import math
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.latents.grains import cut, grain_starts, join
from lgr.measures.seams import seam_ratio
from lgr.sound.audio import load_audio
from lgr.sound.mel import mel_filters
from lgr.train.data import read_manifest

Samples = npt.NDArray[np.float32]


def pre_echo_db(reference: Samples, estimate: Samples, sample_rate: int = 24000) -> float:
    """Energy that decoding adds in the 10 ms before the strongest onset, in dB under the onset's own 10 ms.

    The onset is where the energy of 2.5 ms rises most over the 10 ms before, at least thirtyfold; NaN where
    the sound begins at once or nothing precedes it.
    """
    hop = sample_rate // 400
    n = len(reference) // hop
    energy = (reference[: n * hop].reshape(n, hop).astype(np.float64) ** 2).mean(1)
    rise = np.array([energy[i] / (energy[max(0, i - 4) : i].mean() + 1e-7) for i in range(4, n - 4)])
    if len(rise) == 0 or rise.max() < 30:
        return float("nan")
    onset = (int(rise.argmax()) + 4) * hop
    before = slice(onset - 4 * hop, onset)
    after = slice(onset, onset + 4 * hop)
    added = float(((estimate[before] - reference[before]).astype(np.float64) ** 2).mean())
    return 10 * math.log10((added + 1e-12) / (float((reference[after].astype(np.float64) ** 2).mean()) + 1e-12))


def tonal_noise_db(reference: Samples, estimate: Samples) -> float:
    """Energy that decoding puts between the partials of the loudest steady half second, in dB under the partials.

    Bins of a 4096-sample spectrum more than 50 dB under the reference's peak are "between".
    """
    if len(reference) < 12000:
        return float("nan")
    powers = np.convolve(reference.astype(np.float64) ** 2, np.ones(12000), "valid")[::1200]
    start = int(powers.argmax()) * 1200
    window = np.hanning(4096)

    def spectrum(x: Samples) -> npt.NDArray[np.float64]:
        pieces = [x[start + i : start + i + 4096] * window for i in range(0, 12000 - 4096, 1024)]
        return np.mean([np.abs(np.fft.rfft(p)) ** 2 for p in pieces], 0)

    a, b = spectrum(reference), spectrum(estimate)
    between = a < a.max() * 1e-5
    return 10 * math.log10((b[between].sum() + 1e-12) / (a[~between].sum() + 1e-12)) if between.any() else float("nan")


def log_mel(audio: Tensor, hop: int, sample_rate: int, n_bands: int = 64, window: int = 1280) -> Tensor:
    """The rival: log10 mel amplitude ``(n_bands, frames)``, Hann window ending with the frame's hop, floor 1e-5."""
    n_fft = 1 << (window - 1).bit_length()
    frames = -(-audio.shape[0] // hop)
    padded = torch.nn.functional.pad(audio, (window - hop, frames * hop - audio.shape[0]))
    hann = torch.hann_window(window)
    power = torch.fft.rfft(padded.unfold(0, window, hop) * hann * (2 / hann.sum()), n_fft).abs().square()
    return 0.5 * torch.log10(power @ mel_filters(n_fft, n_bands, sample_rate).T + 1e-10).T


def mfcc(audio: Tensor, hop: int, sample_rate: int) -> Tensor:
    """13 cepstral coefficients of ``log_mel``, without the first, ``(12, frames)``."""
    from scipy.fft import dct

    return torch.from_numpy(dct(log_mel(audio, hop, sample_rate).numpy(), norm="ortho", axis=0)[1:13]).float()


def retrieval(
    codec: Codec, data: Path, *, grain_frames: int = 4, grains_a_clip: int = 24
) -> dict[str, dict[str, float]]:
    """Class-balanced accuracy of the nearest grain by cosine, from other source groups.

    Every category uses at most 30 clips a class of all recordings whatever their licence (local experiment, nothing is
    shipped). Grains are at most 30 dB under their clip's loudest.
    """
    keys = {"drums8": "class", "textures": "class", "notes": "instrument", "animals10": "class"}
    rate, hop = codec.info.sample_rate, codec.info.hop_length
    clips = [c for c in read_manifest(data, redistributable_only=False) if c.category in keys]
    random.Random(0).shuffle(clips)
    per_class: dict[tuple[str, str], int] = defaultdict(int)
    views = {
        "features": lambda x, z: codec.features(z)[0],
        "whole latent": lambda x, z: z[0],
        "log-mel 40": lambda x, z: log_mel(x, hop, rate, 40),
        "log-mel 64": lambda x, z: log_mel(x, hop, rate, 64),
        "mfcc": lambda x, z: mfcc(x, hop, rate),
    }
    rows: dict[str, dict[str, list[Tensor]]] = {name: defaultdict(list) for name in views}
    labels: dict[str, list[str]] = defaultdict(list)
    groups: dict[str, list[str]] = defaultdict(list)
    draw = torch.Generator().manual_seed(0)
    for clip in clips:
        per_class[clip.category, clip.label] += 1
        if per_class[clip.category, clip.label] > 30:
            continue
        audio = load_audio(clip.path, sample_rate=rate, channels=1)[0][0, : 4 * rate]
        if audio.shape[0] < grain_frames * hop or audio.abs().max() < 1e-4:
            continue
        frames = audio.shape[0] // hop
        level = 10 * torch.log10(audio[: frames * hop].view(frames, hop).square().mean(1) + 1e-10)
        level = level.unfold(0, grain_frames, 1).mean(1)
        loud = torch.nonzero(level > max(float(level.max()) - 30, -60))[:, 0]
        pick = loud[torch.randperm(len(loud), generator=draw)[:grains_a_clip]]
        latents = codec.encode(audio[None, None])
        for name, view in views.items():
            grains = view(audio, latents).unfold(1, grain_frames, 1)[:, pick]  # (dim, n, grain_frames)
            rows[name][clip.category].append(grains.transpose(0, 1).flatten(1))
        labels[clip.category] += [clip.label] * len(pick)
        groups[clip.category] += [clip.group] * len(pick)
    table: dict[str, dict[str, float]] = {}
    for name in views:
        for centred in (False, True):
            key = f"{name}, {'centred' if centred else 'cosine'}"
            table[key] = {
                category: _nearest_accuracy(
                    torch.cat(rows[name][category]), labels[category], groups[category], centred
                )
                for category in keys
            }
    return table


def _nearest_accuracy(vectors: Tensor, labels: list[str], groups: list[str], centred: bool) -> float:
    vectors = vectors - vectors.mean(0) if centred else vectors
    unit = torch.nn.functional.normalize(vectors, dim=1)
    label = torch.tensor([sorted(set(labels)).index(x) for x in labels])
    group = torch.tensor([sorted(set(groups)).index(x) for x in groups])
    similarity = unit @ unit.T
    similarity[group[:, None] == group[None]] = -9.0
    hit = (label[similarity.argmax(1)] == label).float()
    return float(torch.stack([hit[label == k].mean() for k in label.unique()]).mean())


def seam_ratios(codec: Codec, clips: Path) -> dict[str, dict[str, float]]:
    """Seam ratio of nearest-grain resynthesis, of the same grains cut from the waveform, and of the target."""
    rate, hop = codec.info.sample_rate, codec.info.hop_length
    table: dict[str, dict[str, float]] = {}
    for target_name, source_name in (("drum_loop", "glass"), ("violin", "steel_pan"), ("speech_reader", "rain")):
        target = load_audio(clips / f"{target_name}.flac", sample_rate=rate, channels=1)[0][0]
        source = load_audio(clips / f"{source_name}.flac", sample_rate=rate, channels=1)[0][0]
        target = target[: target.shape[0] // hop * hop]
        tz, sz = codec.encode(target[None, None])[0], codec.encode(source[None, None])[0]
        tf, sf = codec.features(tz[None])[0], codec.features(sz[None])[0]
        for grain_frames in (2, 4, 8):
            starts = grain_starts(sz.shape[1], grain_frames, 1)
            book = cut(sf, grain_frames, 1).flatten(1)
            mean = book.mean(0)
            wanted = cut(tf, grain_frames, tail="pad").flatten(1)
            unit = torch.nn.functional.normalize
            index = (unit(wanted - mean, dim=1) @ unit(book - mean, dim=1).T).argmax(1)
            grains = cut(sz, grain_frames, 1)[index]
            audio = codec.decode(join(grains, grain_frames, tz.shape[1])[None])[0, 0]
            pieces = [source[int(starts[i]) * hop : (int(starts[i]) + grain_frames) * hop] for i in index]
            length = grain_frames * hop
            spliced = torch.cat([torch.nn.functional.pad(p, (0, length - p.shape[0])) for p in pieces])[: len(target)]
            # Only seams where the grain does not simply play on count.
            jumps = torch.nonzero(index[1:] != index[:-1] + grain_frames)[:, 0] + 1
            seams = jumps * length
            table[f"{target_name} with {source_name}, {grain_frames} frames"] = {
                "codec": seam_ratio(audio, seams, rate, hop),
                "waveform": seam_ratio(spliced, seams, rate, hop),
                "target": seam_ratio(target, seams, rate, hop),
            }
    return table


def silence_and_overshoot(codec: Codec) -> dict[str, float]:
    """Peak of decoded silence in dBFS, and the largest overshoot in dB over noise, sines and squares."""
    rate = codec.info.sample_rate
    silent = codec.decode(codec.encode(torch.zeros(1, 1, rate))).abs().max()
    time = torch.arange(2 * rate) / rate
    noise = torch.rand(2 * rate, generator=torch.Generator().manual_seed(0)) * 2 - 1
    sounds = [noise] + [torch.sin(2 * math.pi * f * time) for f in (55.0, 440.0, 3000.0)]
    sounds += [torch.sin(2 * math.pi * f * time).sign() for f in (110.0, 700.0)]
    peak = max(float(codec.decode(codec.encode(x[None, None])).abs().max() / x.abs().max()) for x in sounds)
    return {"silence_dbfs": 20 * math.log10(float(silent) + 1e-12), "overshoot_db": 20 * math.log10(peak)}
