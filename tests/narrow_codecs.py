"""EnCodec and DAC with fewer channels: layers, strides, paddings and code books of the real ones, a tenth of the work.

The codecs' own ``_build`` makes them, from configurations of which only the widths inside the networks differ. Tests of
chunks, streams and the protocol prove the same with them; the real widths run in ``make test-all``, and in
``make test`` where numbers are compared with the original packages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

from lgr.codecs.dac import LATENT_DIM
from lgr.codecs.reference import import_reference


@contextmanager
def narrow_networks() -> Iterator[None]:
    """While this lasts, codecs are built with a quarter of the real width, DAC with an eighth, whatever the loader.

    But for EnCodec of the loader "reference": its package builds it in one size.
    """
    import transformers

    def dac_config(**options: Any) -> Any:
        config = transformers_dac(encoder_hidden_size=8, decoder_hidden_size=192, **options)
        config.hidden_size = LATENT_DIM  # by itself it would follow the encoder's width; latents are as large as ever
        return config

    def dac_package(*args: Any) -> Any:
        package = import_reference(*args)
        return SimpleNamespace(DAC=partial(package.DAC, encoder_dim=8, decoder_dim=192, latent_dim=LATENT_DIM))

    transformers_dac = transformers.DacConfig
    encodec_config = partial(transformers.EncodecConfig, num_filters=8)
    with (
        mock.patch.object(transformers, "EncodecConfig", encodec_config),
        mock.patch.object(transformers, "DacConfig", dac_config),
        mock.patch("lgr.codecs.dac.import_reference", dac_package),
    ):
        yield
