"""The EnCodec VAE that a config is of."""

from lgr.models.encodec_vae.base import EncodecVAE
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE
from lgr.models.encodec_vae.seanet_vae import SEANetVAE


def build_encodec_vae(config: EncodecVAEConfig) -> EncodecVAE:
    """An untrained ``LinearPathVAE`` where ``config.linear_path`` is set, else a ``SEANetVAE``."""
    return LinearPathVAE(config) if config.linear_path else SEANetVAE(config)
