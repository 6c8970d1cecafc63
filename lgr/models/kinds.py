"""Every kind of grain model by the name that folders and the command line use; imported when one is asked for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from typing import Any, cast

from lgr.errors import ArgumentError
from lgr.models.grain_model import GrainModel, GrainModelConfig


@dataclass(frozen=True)
class Kind:
    """Where a model lives: ``module``, what in it makes a model of a config, and the config's class."""

    module: str
    model: str  # a class, or a function
    config: str


MODELS = {
    "granular": Kind("lgr.models.granular.model", "GranularVAE", "GranularConfig"),
    "ddsp-noise": Kind("lgr.models.noise.ddsp", "DDSPNoiseVAE", "DDSPNoiseConfig"),
    "noiseband": Kind("lgr.models.noise.bands", "NoiseBandVAE", "NoiseBandConfig"),
    "spectral": Kind("lgr.models.spectral.model", "SpectralVAE", "SpectralConfig"),
    "encodec-vae": Kind("lgr.models.encodec_vae.build", "build_encodec_vae", "EncodecVAEConfig"),
}


def config_class(kind: str) -> type[GrainModelConfig]:
    """The config dataclass of a kind; ``ArgumentError`` for one that is not in ``MODELS``."""
    if kind not in MODELS:
        raise ArgumentError(f"kind must be one of {', '.join(MODELS)}, got {kind!r}")
    found = getattr(import_module(MODELS[kind].module), MODELS[kind].config)
    return cast(type[GrainModelConfig], found)


def model_config(kind: str, values: dict[str, Any]) -> GrainModelConfig:
    """A kind's config from plain values, such as a folder's JSON or a person's options.

    Raises
    ------
    ArgumentError : an unknown kind, a name that this kind's config does not have, or a value it refuses
    """
    made = config_class(kind)
    known = {field.name for field in fields(made)}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ArgumentError(f"a {kind} model has no setting {', '.join(unknown)}: it has {', '.join(sorted(known))}")
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}  # JSON has lists
    return made(**plain)


def kind_controls(kind: str) -> Mapping[str, str]:
    """What can be moved in the latents of a kind's models, by name, and in which unit; no model is built for it."""
    config_class(kind)  # which refuses a kind that there is not
    found = getattr(import_module(MODELS[kind].module), MODELS[kind].model)
    controls: Mapping[str, str] = getattr(found, "controls", {})  # a function, which builds some, has none
    return controls


def build_model(kind: str, config: GrainModelConfig) -> GrainModel:
    """An untrained model; its first weights come from PyTorch's global generator."""
    expected = config_class(kind)
    if not isinstance(config, expected):
        raise ArgumentError(f"config must be a {expected.__name__} for kind {kind!r}, got {type(config).__name__}")
    model: GrainModel = getattr(import_module(MODELS[kind].module), MODELS[kind].model)(config)
    return model


def config_values(config: Any) -> dict[str, Any]:
    """A config as plain values: the inverse of ``model_config``."""
    return asdict(config)
