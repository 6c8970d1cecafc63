"""A fixed bank of looped noise bands (Barahona-Ríos and Collins 2024, "NoiseBandNet"), the voice of paper 003's 4.3.2.

One white noise, periodic in ``loop_length`` samples, is cut once into bands that are linear in frequency below about
700 Hz and logarithmic above (the mel scale). Each band is a triangle over its neighbours' centres: where the amplitudes
of all bands are equal they add up to the white noise exactly, and between two centres the spectrum is interpolated. The
bands are made in the frequency domain, so a loop has no seam.

Which sample of the loop sounds is a function of the seed and the absolute sample, so no chunking can change it.
NoiseBandNet has 2048 bands; the fewer here are quick on a CPU, and as narrow (8 Hz) where the ear asks for it.
"""

import math

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.seeded_noise import uniform_noise
from lgr.sound.mel import mel_edges_hz

PHASES = 3  # seed of the one noise that every bank is cut from: the same latents always sound the same


def band_responses(n_bands: int, hz: Tensor, sample_rate: int) -> Tensor:
    """Magnitude of every band at the frequencies ``hz``: ``(n_bands, len(hz))``, float64, each column sums to 1.

    The first band holds its value down to 0 Hz, the last up to Nyquist. Read the other way, the transposed matrix
    interpolates values at ``n_bands`` mel centres linearly to ``hz``.
    """
    hz = hz.double()
    if n_bands == 1:
        return torch.ones_like(hz)[None]
    centres = mel_edges_hz(n_bands, sample_rate)[1:-1]
    right = torch.searchsorted(centres, hz).clamp(1, n_bands - 1)
    share = ((hz - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0, 1)
    responses = hz.new_zeros(n_bands, len(hz))
    bins = torch.arange(len(hz))
    responses[right - 1, bins] = 1 - share
    responses[right, bins] = share
    return responses


def noise_bands(n_bands: int, sample_rate: int, loop_length: int) -> Tensor:
    """One period of every band, ``(n_bands, loop_length)`` float32; their sum is white noise of RMS 1, without DC.

    The white noise has the same magnitude at every frequency of the loop and random phases, so each band has exactly
    its share of the energy.
    """
    if n_bands < 1:
        raise ArgumentError(f"n_bands must be >= 1, got {n_bands}")
    if loop_length < 4 or loop_length % 2:
        raise ArgumentError(f"loop_length must be even and >= 4 samples, got {loop_length}")
    n_bins = loop_length // 2 + 1
    phases = math.pi * uniform_noise(0, 1, n_bins, [PHASES])[0, 0].double()
    white = torch.polar(torch.ones_like(phases), phases)
    white[0] = 0
    white[-1] = 1  # Nyquist has no phase
    white *= loop_length / math.sqrt(loop_length - 1)  # RMS 1: Parseval over all bins but DC
    hz = torch.linspace(0, sample_rate / 2, n_bins, dtype=torch.float64)
    responses = band_responses(n_bands, hz, sample_rate)
    # a few bands at a time: complex128 spectra of all of them would take four times the bank's memory
    slices = (torch.fft.irfft(part * white, loop_length).float() for part in torch.split(responses, 32))
    return torch.cat(list(slices))


def noise_blocks(n_bands: int, sample_rate: int, loop_length: int, hop_length: int) -> Tensor:
    """``noise_bands`` cut in blocks as ``play_bands`` wants it: ``(loop_length / hop_length, n_bands, hop_length)``."""
    if loop_length % hop_length:
        raise ArgumentError(f"loop_length must be a multiple of hop_length {hop_length}, got {loop_length}")
    bands = noise_bands(n_bands, sample_rate, loop_length)
    return bands.view(n_bands, -1, hop_length).transpose(0, 1).contiguous()


def first_block(seed: int, n_blocks: int) -> int:
    """Where in the loop sample 0 of this seed lies, in blocks: one of ``n_blocks`` places."""
    return int((float(uniform_noise(0, 1, 1, [seed])) + 1) / 2 * n_blocks)


def play_bands(blocks: Tensor, amplitudes: Tensor, before: Tensor, start: int) -> Tensor:
    """``sum_k a_k(n) * band_k(n)``, amplitudes linear from atom to atom.

    Parameters
    ----------
    blocks : (n_blocks, n_bands, hop_length), of ``noise_blocks``
    amplitudes : (frames >= 1, n_bands), reached at the last sample of each atom
    before : (n_bands,), amplitudes at the end of the atom before the first
    start : the block of the first frame, of any size (the loop goes round)

    Returns
    -------
    (frames * hop_length,); amplitudes are never spread to samples: two matrix products an atom, then one ramp
    """
    n_blocks, _, hop = blocks.shape
    ends = torch.stack([torch.cat([before[None], amplitudes[:-1]]), amplitudes], 1)  # (frames, 2, n_bands)
    played, done = [], 0
    while done < ends.shape[0]:
        block = (start + done) % n_blocks
        run = min(n_blocks - block, ends.shape[0] - done)  # up to the loop's end
        played.append(ends[done : done + run] @ blocks[block : block + run])  # (run, 2, hop_length)
        done += run
    left, right = torch.cat(played).unbind(1)
    ramp = torch.arange(1, hop + 1, dtype=blocks.dtype, device=blocks.device) / hop
    return torch.lerp(left, right, ramp).flatten()
