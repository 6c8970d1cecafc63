"""EnCodec and DAC with fewer channels: layers, strides, paddings and code books of the real ones, a tenth of the work.

The codecs' own ``_build`` makes them, from configurations of which only the widths inside the networks differ. Tests of
chunks, streams and the protocol prove the same with them; the real widths run in ``make test-all``, and in
``make test`` where numbers are compared with the original packages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from lgr.codecs.dac import LATENT_DIM


@contextmanager
def narrow_networks() -> Iterator[None]:
    """While this lasts, a codec of the "transformers" loader is built with narrow networks.

    A quarter of the real width, and for DAC an eighth.
    """
    import transformers

    def dac_config(**options: Any) -> Any:
        config = transformers_dac(encoder_hidden_size=8, decoder_hidden_size=192, **options)
        config.hidden_size = LATENT_DIM  # by itself it would follow the encoder's width; latents are as large as ever
        return config

    transformers_dac = transformers.DacConfig
    encodec_config = partial(transformers.EncodecConfig, num_filters=8)
    with (
        mock.patch.object(transformers, "EncodecConfig", encodec_config),
        mock.patch.object(transformers, "DacConfig", dac_config),
    ):
        yield
