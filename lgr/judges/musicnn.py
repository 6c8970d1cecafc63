"""musicnn in PyTorch: the tagger of music, and the embedding, that Pons and Serra trained (2019, arXiv:1909.06654).

Its weights come with the package `musicnn` (ISC), `pip install --no-deps musicnn==0.1.0`, as a checkpoint that
`lgr.judges.musicnn_weights` reads; TensorFlow is not needed. The model is its ``MTT_musicnn``, trained to give the 50
tags of MagnaTagATune, a set of music: foley and animals are strange to it. It hears 16 kHz, so nothing above 8 kHz.

1. Log-mel spectrum, ``(frames, 96)``, 62.5 frames a second; patches of 187 frames, 3 s.
2. Front end: filters 7 frames wide over 38 and 67 bands (timbre), and of 128, 64 and 32 frames over one (time), each
   followed by the maximum over bands: 561 numbers a frame.
3. Mid end: three convolutions of 64 numbers a frame, the last two added to what they were given. What each stage gave
   stands beside the others: 753 numbers a frame.
4. Back end: maximum and mean over frames, 1506 numbers; a layer of 200 ("penultimate"); a layer of 50, the tags.

The embedding is the penultimate layer: as in the first Fréchet audio distance (Kilgour et al. 2019, VGGish) the last
before the classes. The pooled ones have 753 numbers each and would want four times as many recordings for their
covariance; and its numbers are batch-normalised, so that none outweighs another by its scale alone.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lgr.errors import MissingPackageError, WeightsError, check_shape
from lgr.judges.musicnn_weights import musicnn_folder, read_checkpoint
from lgr.sound.audio import resample

SAMPLE_RATE, WINDOW, HOP, BANDS = 16000, 512, 256, 96
PATCH, PATCH_HOP = 187, 61  # frames: what the package counts as 3 s and as 1 s
BATCH = 8  # patches at once
NORMALISED, CONVOLVED, DENSE = 11, 8, 2  # layers of each kind, numbered as they were made
EPSILON = 1e-3  # of TensorFlow's batch normalisation
OPTIMISER = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")  # the ends of names that only training needs


class Musicnn:
    """The network with given weights, by TensorFlow's names of them; see the module.

    Raises
    ------
    WeightsError : a weight is missing, or one is left over that is not the optimiser's
    """

    def __init__(self, variables: dict[str, NDArray[np.generic]]) -> None:
        given = {name: torch.from_numpy(x.copy()) for name, x in variables.items() if not name.endswith(OPTIMISER)}

        def take(kind: str, count: int, parts: tuple[str, ...]) -> list[list[Tensor]]:
            names = [kind if i == 0 else f"{kind}_{i}" for i in range(count)]
            return [[given.pop(f"{name}/{part}") for part in parts] for name in names]

        try:
            norms = take("batch_normalization", NORMALISED, ("gamma", "beta", "moving_mean", "moving_variance"))
            convolutions = take("conv2d", CONVOLVED, ("kernel", "bias"))
            self._dense = take("dense", DENSE, ("kernel", "bias"))
        except KeyError as error:
            raise WeightsError(f"musicnn's weights lack {error}") from error
        if given:
            raise WeightsError(f"musicnn has no place for the weights {', '.join(given)}")
        # A normalisation is a scale and a shift; TensorFlow's kernels are (time, band, in, out).
        self._norms = [(g * (v + EPSILON).rsqrt(), b - m * g * (v + EPSILON).rsqrt()) for g, b, m, v in norms]
        self._convolutions = [(kernel.permute(3, 2, 0, 1).contiguous(), bias) for kernel, bias in convolutions]

    def _norm(self, i: int, x: Tensor, axis: int = 1) -> Tensor:
        shape = [-1 if a == axis else 1 for a in range(x.ndim)]
        return x * self._norms[i][0].reshape(shape) + self._norms[i][1].reshape(shape)

    def _features(self, i: int, x: Tensor) -> Tensor:
        """Convolution ``i`` of ``(n, 1, frames, height)``, "same" in time: ``(n, filters, frames, height left)``."""
        kernel, bias = self._convolutions[i]
        before = (kernel.shape[2] - 1) // 2  # of an even kernel, TensorFlow puts the odd zero behind
        padded = F.pad(x, (0, 0, before, kernel.shape[2] - 1 - before))
        return self._norm(i + 1, F.conv2d(padded, kernel, bias).relu())

    @torch.no_grad()
    def __call__(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """The penultimate layer ``(n, 200)`` and the likelihood of each tag ``(n, 50)``, 0 to 1.

        Parameters
        ----------
        patches : (n, frames, 96), of `log_mel`; 187 frames is what it was trained on
        """
        check_shape("patches", patches.shape, f"(n, frames, {BANDS})", patches.ndim == 3 and patches.shape[2] == BANDS)
        x = self._norm(0, patches[:, None])
        front = torch.cat([self._features(i, x).amax(3) for i in range(5)], 1)  # (n, 561, frames)
        stages, y = [front], front
        for i in range(5, 8):
            new = self._features(i, y.transpose(1, 2)[:, None])[..., 0]
            y = new if i == 5 else new + y
            stages.append(y)
        features = torch.cat(stages, 1)  # (n, 753, frames)
        pooled = torch.stack([features.amax(2), features.mean(2)], 2).flatten(1)  # the two of a feature side by side
        (kernel, bias), (last, last_bias) = self._dense
        penultimate = self._norm(10, (self._norm(9, pooled) @ kernel + bias).relu())
        return penultimate, (penultimate @ last + last_bias).sigmoid()

    def hear(self, audio: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
        """As calling it, of ``audio`` ``(samples,)`` cut into patches of 3 s, one a second."""
        found = [self(patches) for patches in torch.split(cut(log_mel(audio, sample_rate)), BATCH)]
        return torch.cat([rows for rows, _ in found]), torch.cat([tags for _, tags in found])

    def embed(self, audio: Tensor, sample_rate: int) -> Tensor:
        """The embedding of ``audio`` ``(samples,)``: ``(patches, 200)``."""
        return self.hear(audio, sample_rate)[0]


def load_musicnn() -> Musicnn:
    """The network with the weights of the installed package `musicnn`.

    Raises
    ------
    MissingPackageError : the package is not installed
    WeightsError : it is not what it was
    """
    return Musicnn(read_checkpoint(f"{musicnn_folder()}/MTT_musicnn/"))


def log_mel(audio: Tensor, sample_rate: int) -> Tensor:
    """``log10(10000 x + 1)`` of the power in mel bands, ``(frames, 96)``, of ``audio`` ``(samples >= 1,)``.

    As the package has it, but for the rounding of the power to float16.
    """
    try:
        import librosa
    except ImportError as error:
        raise MissingPackageError("musicnn's spectrum needs librosa: pip install librosa") from error
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    heard = resample(audio[None], sample_rate, SAMPLE_RATE)[0]
    heard = F.pad(heard, (0, max(0, WINDOW - heard.shape[0])))
    mel = librosa.feature.melspectrogram(
        y=heard.numpy(),
        sr=SAMPLE_RATE,
        n_fft=WINDOW,
        hop_length=HOP,
        n_mels=BANDS,
        pad_mode="reflect",  # librosa's own until 0.10, when the network was trained
    )
    return torch.from_numpy(np.log10(10000 * mel + 1)).T


def cut(spectrum: Tensor) -> Tensor:
    """Patches ``(n, 187, 96)`` of ``(frames, 96)``, one every 61 frames; what remains is left out.

    A shorter spectrum is repeated until it fills one, as in its training ("repeat-pad" in its config.json).
    """
    spectrum = spectrum.repeat(-(-PATCH // spectrum.shape[0]), 1)[:PATCH] if spectrum.shape[0] < PATCH else spectrum
    return spectrum.unfold(0, PATCH, PATCH_HOP).transpose(1, 2)
