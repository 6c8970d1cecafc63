"""Classic concatenative synthesis: for each grain of the target the nearest of the sources' by MFCC, overlap-added.

What latent granular resynthesis is most often compared with (CataRT, AudioGuide and their kin in their simplest form).
Nothing is encoded: grains are pieces of waveform. They are as long as latent grains of ``grain_frames`` frames, and the
sources have one at every frame, as a codebook of stride 1 has.

Grains are compared by their cepstra, each grain as one window: the orthonormal DCT-II over mel bands of log10 power, no
band more than ``DEPTH_DB`` under the grain's loudest. So no gain changes anything.
"""

import math

import numpy as np
import torch
from torch import Tensor

from lgr.baselines.base import Task
from lgr.errors import ArgumentError
from lgr.latents.grains import grain_starts
from lgr.models.noise.mfcc_encoder import dct_matrix
from lgr.score import Score
from lgr.score.render_config import RenderConfig
from lgr.sound.mel import mel_filters

WAVEFORM = "waveform"  # in the place of a codec's name, in scores that no codec can play
BANDS = 40
DEPTH_DB = 60.0
GATE_DB = 50.0  # source grains that far under their recording's loudest are left out: raised, they would be noise
SILENCE = 1e-13  # mean power (-130 dBFS), what dither and rounding leave
BLOCK = 4096  # grains whose spectra are held at once


def mosaic(task: Task, *, coefficients: int = 12) -> tuple[Tensor, Score]:
    """Play the nearest grains, half overlapping under a Hann window.

    Parameters
    ----------
    coefficients : MFCCs that are compared, after the zeroth (the level: the target's is followed)

    Returns
    -------
    audio : (channels, samples)
    score : counts the codec's frames, but its codec is "waveform": no codec plays it again as it was. ``similarity`` is
        the cosine between the MFCCs; the choice itself is by their Euclidean distance
    """
    from scipy.spatial import cKDTree

    if not 1 <= coefficients < BANDS:
        raise ArgumentError(f"coefficients must be in [1, {BANDS}), got {coefficients}")
    hop, grain_frames = task.codec.info.hop_length, task.grain_frames
    hop_frames = -(-grain_frames // 2)
    frames = task.codec.info.frames(task.target_audio.shape[1])
    target_frame = grain_starts(frames, grain_frames, hop_frames, "pad")
    last = int(target_frame[-1]) + grain_frames
    wanted = _mfcc(pieces(task.target_mono, hop, grain_frames, last)[target_frame], task.sample_rate, coefficients)
    offered, recording, source_frame = [], [], []
    for i, audio in enumerate(task.source_mono):
        task.report("comparing", i, len(task.source_mono))
        grains = pieces(audio, hop, grain_frames)
        kept = _audible(grains)
        offered.append(_mfcc(grains, task.sample_rate, coefficients)[kept])
        recording.append(torch.full_like(kept, i))
        source_frame.append(kept)
    vectors = torch.cat(offered)
    index = torch.from_numpy(np.asarray(cKDTree(vectors.numpy()).query(wanted.numpy())[1], dtype=np.int64))
    score = Score(
        codec=WAVEFORM,
        sample_rate=task.sample_rate,
        hop_length=hop,
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        seed=task.seed,
        target=task.target,
        recordings=task.recordings,
        made_by={"baseline": {"name": "mosaic", "coefficients": coefficients, "match_loudness": task.match_loudness}},
        render=RenderConfig(match_loudness=task.match_loudness),
        target_frame=target_frame.numpy(),
        recording=torch.cat(recording)[index].numpy(),
        source_frame=torch.cat(source_frame)[index].numpy(),
        probability=torch.ones(len(index)).numpy(),
        similarity=torch.cosine_similarity(wanted, vectors[index]).numpy(),
        entropy=torch.zeros(len(index)).numpy(),
    )
    return task.finish(overlap_add(task.source_audio, score, task.channels)), score


def pieces(audio: Tensor, hop: int, grain_frames: int, frames: int = 0) -> Tensor:
    """A piece of ``grain_frames * hop`` samples at every frame, ``(..., n, length)``, a view.

    The audio ``(..., samples)`` is completed with silence to whole frames, and to ``frames`` of them where it has less.
    """
    samples = max(-(-audio.shape[-1] // hop), frames) * hop
    padded = torch.nn.functional.pad(audio, (0, samples - audio.shape[-1]))
    return padded.unfold(-1, grain_frames * hop, hop)


def overlap_add(sources: tuple[Tensor, ...], score: Score, channels: int) -> Tensor:
    """Play a score of the waveform: each grain under a Hann window, the sum divided by that of the windows.

    Parameters
    ----------
    sources : audio of each of the score's recordings, (1 or ``channels``, samples) at the score's rate

    Returns
    -------
    Tensor, (channels, samples), from the first grain to the end of the last
    """
    hop = score.hop_length
    length, step = score.grain_frames * hop, score.hop_frames * hop
    # Between its zeros: half overlapping windows sum to one, and where there is one alone it can be divided by.
    window = torch.sin(math.pi * (torch.arange(length) + 0.5) / length).square()
    grains = torch.empty(channels, len(score), length)
    owner, source_frame = torch.from_numpy(score.recording), torch.from_numpy(score.source_frame)
    for i, audio in enumerate(sources):
        mine = torch.nonzero(owner == i)[:, 0]
        grains[:, mine] = pieces(audio, hop, score.grain_frames)[:, source_frame[mine]]
    size = (1, (len(score) - 1) * step + length)
    added = torch.nn.functional.fold((grains * window).mT, size, (1, length), stride=(1, step))  # (channels, 1, 1, n)
    windows = torch.nn.functional.fold(
        window[None, :, None].expand(1, -1, len(score)), size, (1, length), stride=(1, step)
    )
    return (added / windows)[:, 0, 0]


def _audible(grains: Tensor) -> Tensor:
    """Which of a recording's grains ``(n, length)`` are within ``GATE_DB`` of the loudest, int64, increasing."""
    level = torch.cat([block.square().mean(1) for block in torch.split(grains, BLOCK)])
    return torch.nonzero(level > max(float(level.max()) * 10 ** (-GATE_DB / 10), SILENCE))[:, 0]


def _mfcc(grains: Tensor, sample_rate: int, coefficients: int) -> Tensor:
    """MFCCs 1 to ``coefficients`` of each grain as a whole, ``(n, coefficients)``, from ``(n, length)``."""
    window = torch.hann_window(grains.shape[1])
    window = window / window.square().sum().sqrt()  # white noise then has its own power in each bin
    filters = mel_filters(grains.shape[1], BANDS, sample_rate).T
    dct = dct_matrix(coefficients + 1, BANDS)[1:].T
    found = []
    for block in torch.split(grains, BLOCK):
        power = torch.fft.rfft(block * window).abs().square() @ filters
        floor = (power.amax(1, keepdim=True) * 10 ** (-DEPTH_DB / 10)).clamp(min=SILENCE)
        found.append(torch.log10(torch.maximum(power, floor)) @ dct)
    return torch.cat(found)
