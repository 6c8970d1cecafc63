"""Training losses on audio ``(batch, samples)``: multi-scale spectra, linear and mel, the waveform, and a VAE's terms.

``reconstruction_terms`` are those of the grain models. Paper 001 compares ``log(eps + |STFT|^2)`` (its eqs. 5 and 9),
paper 003 magnitudes (its 4.3.4), both linear and mel. Neither prints how spectra are scaled or summed: here 001's are
plain sums over the window, as its floor of 5e-3 asks for (77 dB under a full-scale sine at a window of 2048), and every
term is a mean over bins, frames, clips and windows, so that no weight depends on the length of a crop.

The adversarial losses work on the outputs of several discriminators (paper 003, eq. 3; EnCodec, section 3.4). Each of
``K`` discriminators gives logits, a tensor of any shape with one number a place in time and frequency, and the features
of its inner layers. All are averaged over places, then over layers, then over discriminators, so that none weighs more
for being larger.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.sound.mel import mel_filters

WINDOWS = (2048, 1024, 512, 256, 128, 64)  # samples; hop is a quarter
MEL_BANDS = {2048: 80, 1024: 80, 512: 64, 256: 40, 128: 20, 64: 10, 32: 5}
GRAIN_WINDOWS = (2048, 1024, 512, 256, 128)  # of papers 001 (at 22,050 Hz) and 003, and of the project's scorer
POWER_FLOOR = 5e-3  # added to |STFT|^2 before its logarithm: paper 001's eps
TERMS = ("log_power", "magnitude", "log_magnitude", "waveform")


@lru_cache(maxsize=32)
def _filters(window_length: int, n_bands: int, sample_rate: int, device: torch.device) -> Tensor:
    return mel_filters(window_length, n_bands, sample_rate).to(device)


@lru_cache(maxsize=32)
def _hann(window_length: int, device: torch.device) -> Tensor:
    return torch.hann_window(window_length, device=device)


def magnitudes(audio: Tensor, window_length: int) -> Tensor:
    """STFT magnitudes ``(batch, frames, bins)``, Hann, hop a quarter; a full-scale sine has magnitude about 1."""
    spectrum = torch.stft(
        audio,
        window_length,
        window_length // 4,
        window=_hann(window_length, audio.device),
        pad_mode="constant",
        return_complex=True,
    )
    # The square root's slope is infinite at zero: keep clear of it.
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + 1e-10).sqrt().transpose(1, 2) * (4 / window_length)


def spectral_losses(
    estimate: Tensor, reference: Tensor, sample_rate: int, windows: tuple[int, ...] = WINDOWS, floor: float = 2e-6
) -> dict[str, Tensor]:
    """Three views of how far two spectra are apart, each a mean over ``windows``.

    Parameters
    ----------
    estimate, reference : Tensor, (batch, samples)
    windows : STFT windows in samples, keys of ``MEL_BANDS``
    floor : float, amplitude added before the logarithm

    Returns
    -------
    dict of scalars: ``log_mel`` (L1 of log10 mel spectra), ``convergence`` (Frobenius norm of the difference over the
    reference's, Arik et al. 2019), ``linear`` (mean absolute difference over the reference's mean)
    """
    _check_alike(estimate, reference)
    if not windows or not set(windows) <= set(MEL_BANDS):
        raise ArgumentError(f"windows must be some of {tuple(MEL_BANDS)}, got {windows}")
    total = {"log_mel": estimate.new_zeros(()), "convergence": estimate.new_zeros(()), "linear": estimate.new_zeros(())}
    for window_length in windows:
        est, ref = magnitudes(estimate, window_length), magnitudes(reference, window_length)
        difference = est - ref
        quiet = 1e-4  # a silent example would otherwise weigh without bound
        total["linear"] += (difference.abs().mean((1, 2)) / (ref.mean((1, 2)) + quiet)).mean()
        norm = ref.square().mean((1, 2)).sqrt() + quiet
        total["convergence"] += ((difference.square().mean((1, 2)) + 1e-12).sqrt() / norm).mean()
        mel = _filters(window_length, MEL_BANDS[window_length], sample_rate, estimate.device).T
        total["log_mel"] += (torch.log10(est @ mel + floor) - torch.log10(ref @ mel + floor)).abs().mean()
    return {name: value / len(windows) for name, value in total.items()}


def relative_l1(estimate: Tensor, reference: Tensor) -> Tensor:
    """Mean absolute error of the waveform over the reference's mean absolute value, averaged over the batch."""
    _check_alike(estimate, reference)
    error = (estimate - reference).abs().mean(1)
    return (error / (reference.abs().mean(1) + 1e-3)).mean()


def reconstruction_terms(
    estimate: Tensor,
    reference: Tensor,
    sample_rate: int,
    windows: tuple[int, ...] = GRAIN_WINDOWS,
    terms: Sequence[str] = TERMS,
    floor: float = POWER_FLOOR,
) -> dict[str, Tensor]:
    """The reconstruction terms asked for; each spectrum is computed once.

    Parameters
    ----------
    estimate, reference : Tensor, (batch, samples)
    windows : STFT windows in samples, keys of ``MEL_BANDS``; the hop is a quarter
    terms : some of ``TERMS``
    floor : ``eps`` of ``log_power``

    Returns
    -------
    dict of scalars, means over ``windows`` and over the linear and the mel spectrum
        ``log_power``: L1 of ``log(eps + |STFT|^2)`` in nepers (paper 001);
        ``magnitude``: mean absolute difference over the reference's mean, clip by clip, and
        ``log_magnitude``: L1 of ``log(1e-5 + |STFT|)``, 1 being a full-scale sine: the two halves of DDSP's loss,
        which paper 003 follows, the first made independent of the level;
        ``waveform``: ``relative_l1``
    """
    _check_alike(estimate, reference)
    if not windows or not set(windows) <= set(MEL_BANDS):
        raise ArgumentError(f"windows must be some of {tuple(MEL_BANDS)}, got {windows}")
    if not set(terms) <= set(TERMS):
        raise ArgumentError(f"terms must be some of {', '.join(TERMS)}, got {', '.join(terms)}")
    total = {name: estimate.new_zeros(()) for name in terms if name != "waveform"}
    for window_length in windows if total else ():
        est, ref = magnitudes(estimate, window_length), magnitudes(reference, window_length)
        mel = _filters(window_length, MEL_BANDS[window_length], sample_rate, estimate.device).T
        plain_sum = window_length / 4  # undoes the scaling of ``magnitudes``
        for e, r in ((est, ref), (est @ mel, ref @ mel)):
            if "log_power" in total:
                logs = [torch.log(floor + (x * plain_sum).square()) for x in (e, r)]
                total["log_power"] += (logs[0] - logs[1]).abs().mean()
            if "magnitude" in total:
                quiet = 1e-4  # a silent clip would otherwise weigh without bound
                total["magnitude"] += ((e - r).abs().mean((1, 2)) / (r.mean((1, 2)) + quiet)).mean()
            if "log_magnitude" in total:
                total["log_magnitude"] += (torch.log(e + 1e-5) - torch.log(r + 1e-5)).abs().mean()
    found = {name: value / (2 * len(windows)) for name, value in total.items()}
    if "waveform" in terms:
        found["waveform"] = relative_l1(estimate, reference)
    return found


def relative_mstft(estimate: Tensor, reference: Tensor, windows: tuple[int, ...] = GRAIN_WINDOWS) -> Tensor:
    """The project's measure of a reconstruction, ``(batch,)``: mean over windows of ``mean|A - B| / mean A``.

    ``A`` and ``B`` are STFT magnitudes of reference and estimate (Hann, hop a quarter, frames that lie inside the clip,
    which silence completes), so 0 is perfect and 1 is what silence scores.

    Examples
    --------
    >>> import torch
    >>> from lgr.losses import relative_mstft
    >>> noise = torch.randn(1, 8192, generator=torch.Generator().manual_seed(0))
    >>> round(float(relative_mstft(torch.zeros(1, 8192), noise)), 3)
    1.0
    """
    _check_alike(estimate, reference)
    total = estimate.new_zeros(estimate.shape[0])
    for window_length in windows:
        a, b = (_inside(audio, window_length) for audio in (reference, estimate))
        total = total + (a - b).abs().mean((1, 2)) / (a.mean((1, 2)) + 1e-9)
    return total / len(windows)


def _inside(audio: Tensor, window_length: int) -> Tensor:
    """STFT magnitudes ``(batch, bins, frames)`` without padding before the start, 1 for a full-scale sine's half."""
    hop = window_length // 4
    beyond = max(window_length - audio.shape[1], -(audio.shape[1] - window_length) % hop)
    window = _hann(window_length, audio.device)
    padded = torch.nn.functional.pad(audio, (0, beyond))
    spectrum = torch.stft(padded, window_length, hop, window=window, center=False, return_complex=True)
    return spectrum.abs() / window.sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """``KL[N(mean, exp(log_variance)) || N(0, I)]`` in nats: summed over the last axis, averaged over all others.

    Examples
    --------
    >>> import torch
    >>> from lgr.losses import kl_divergence
    >>> float(kl_divergence(torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)))
    0.0
    """
    check_shape("log_variance", log_variance.shape, f"{tuple(mean.shape)}", log_variance.shape == mean.shape)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()


def beta_at(progress: float, *, target: float, silent: float = 0.1, ramp: float = 0.2) -> float:
    """Weight of the KL term after a share ``progress`` of the training (paper 001, 4.3; paper 003, 5.1).

    0 up to ``silent``, then linear to ``target`` over the share ``ramp``, then held.

    Examples
    --------
    >>> from lgr.losses import beta_at
    >>> [round(beta_at(progress, target=1.0), 2) for progress in (0.0, 0.2, 1.0)]
    [0.0, 0.5, 1.0]
    """
    if progress < silent:
        return 0.0
    return target * min(1.0, (progress - silent) / ramp) if ramp > 0 else target


def discriminator_hinge(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """``1/K sum_k max(0, 1 - D_k(x)) + max(0, 1 + D_k(x'))``: 0 once real is above 1 and fake below -1."""
    _check_as_many("fake", fake, real)
    return _mean([torch.relu(1 - r).mean() + torch.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)])


def generator_hinge(fake: Sequence[Tensor]) -> Tensor:
    """``1/K sum_k max(0, 1 - D_k(x'))`` (003, eq. 3): 0 once every fake is taken for real."""
    return _mean([torch.relu(1 - f).mean() for f in fake])


def feature_matching(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """``1/(KL) sum_kl |D_kl(x) - D_kl(x')|_1 / mean |D_kl(x)|_1`` (EnCodec, eq. 5), relative to each layer's own size.

    Parameters
    ----------
    real, fake : for each discriminator the features of its layers; ``real`` is taken as given (no gradient)
    """
    _check_as_many("fake", fake, real)
    terms = []
    for r_layers, f_layers in zip(real, fake, strict=True):
        _check_as_many("fake", f_layers, r_layers)
        for r, f in zip(r_layers, f_layers, strict=True):
            check_shape("fake", f.shape, f"{tuple(r.shape)}", f.shape == r.shape)
            r = r.detach()
            terms.append((r - f).abs().mean() / (r.abs().mean() + 1e-8))
    return _mean(terms)


def _check_alike(estimate: Tensor, reference: Tensor) -> None:
    """Raise ``ShapeError`` unless both are audio of one shape: a batch of one would be broadcast in silence."""
    check_shape("reference", reference.shape, "(batch, samples)", reference.ndim == 2)
    expected = f"(batch, samples) {tuple(reference.shape)}"
    check_shape("estimate", estimate.shape, expected, estimate.shape == reference.shape)


def _mean(terms: Sequence[Tensor]) -> Tensor:
    if not terms:
        raise ArgumentError("there must be at least one discriminator, got none")
    return torch.stack(list(terms)).mean()


def _check_as_many(name: str, given: Sequence[object], expected: Sequence[object]) -> None:
    if len(given) != len(expected):
        raise ArgumentError(f"{name} must have {len(expected)} entries, as real has, got {len(given)}")
