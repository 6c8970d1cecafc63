"""The codebooks of any codec whose levels add up, read off its ``dequantize``."""

import torch
from torch import Tensor

from lgr.codecs.base import DiscreteCodec


def level_codebooks(codec: DiscreteCodec) -> Tensor:
    """``(levels, entries, latent_dim)``: what each entry of each level adds to a latent, float32.

    The first level's hold what does not depend on codes as well. A sum over entries of the first levels is what
    ``dequantize`` says of these.

    Raises
    ------
    ShapeError : a codec that needs all its levels (EnCodec at 48 kHz, whose last one is the loudness)
    """
    levels, entries = codec.n_codebooks, codec.code_entries
    books, before = [], torch.zeros(())
    for level in range(levels):
        codes = torch.zeros(1, level + 1, entries, dtype=torch.int64)
        codes[0, level] = torch.arange(entries)
        found = codec.dequantize(codes)[0].T.float()
        books.append(found - before)
        before = found[:1]
    return torch.stack(books)
