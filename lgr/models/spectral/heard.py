"""How far apart two latents of a spectral model sound: the mean square difference of their log spectra, as ears weigh.

What the shape's components do to log magnitudes is a straight line, of which the networks correct a little: so the form
is that line's. Bins count by their share of the mel scale; the level counts in every bin, and the envelope beside it.
"""

import math

import torch
from torch import Tensor

from lgr.models.level_latent import LEVEL_SCALE

MEL_CORNER_HZ = 700.0  # the mel scale is linear below and logarithmic above
OF_ENVELOPE = 0.25  # what a wrong block of an envelope counts beside a wrong level


def heard_form(straight: Tensor, mean: Tensor, counted: Tensor, sample_rate: int, controls: int, blocks: int) -> Tensor:
    """In square nepers, ``(latent_dim, latent_dim)``.

    Parameters
    ----------
    straight : (2 * bins, shape), log magnitudes that the shape's numbers add
    mean : (2 * bins,), log magnitudes of an average sound
    counted : (bins,), what a bin's power counts in the level
    controls, blocks : numbers of a latent between the level and the shape
    """
    bins = len(counted)
    hz = torch.linspace(0, sample_rate / 2, bins)
    weight = (1 / (hz + MEL_CORNER_HZ)).repeat(2)
    weight = weight / weight.sum()
    # Spectra are brought to the level that the latent says, so what a component adds to the whole is taken away.
    share = torch.softmax(2 * mean + torch.log(counted).repeat(2), 0)
    change = straight - share @ straight
    level = (LEVEL_SCALE * math.log(10)) ** 2
    first = torch.tensor([level] + [0.0] * controls + [OF_ENVELOPE**2 * level / blocks] * blocks)
    form = torch.zeros(len(first) + straight.shape[1], len(first) + straight.shape[1])
    form.diagonal()[: len(first)] = first
    form[len(first) :, len(first) :] = change.T @ (weight[:, None] * change)
    return form
