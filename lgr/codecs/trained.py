"""A trained grain model as a codec: a folder that ``lgr train`` wrote, or a model that comes with the package.

A latent is ``[z | label weights]``: the model's own latent vector and one number a label in [0, 1], so that a label can
change along a path like anything else. ``encode`` says "unknown" (zeros); ``condition`` sets a label. Matching reads
``z`` alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_latents
from lgr.codecs.folder import NoFirstWeights, read_folder
from lgr.codecs.sliced import SlicedCodec
from lgr.errors import ArgumentError, WeightsError
from lgr.files import sha256
from lgr.models.grain_model import GrainModel, GrainModelConfig
from lgr.models.kinds import MODELS, build_model, model_config
from lgr.models.labels import find_label, label_weights

SLICE_SECONDS = 10.0
NOISE_SEED = 0  # decoding is a function of the latents alone


class TrainedCodec(SlicedCodec):
    """A ``GrainModel`` behind the codec protocol; also a ``StreamingCodec``.

    Computes in the type its model has; input of another type is converted, and so is the output.

    Parameters
    ----------
    model : the grain model; it is put in evaluation mode
    temporal : ``lgr.models.granular.temporal.TemporalVAE`` over its latents, or None
    name, version, licence : of ``CodecInfo``
    """

    def __init__(
        self, model: GrainModel, temporal: Any = None, *, name: str, version: str = "", licence: str = ""
    ) -> None:
        self._model = model.eval().requires_grad_(False)
        self._temporal = None if temporal is None else temporal.eval().requires_grad_(False)
        c = model.config
        info = CodecInfo(
            name=name,
            sample_rate=c.sample_rate,
            hop_length=c.hop_length,
            channels=1,
            latent_dim=c.latent_dim + len(c.labels),
            lookahead=model.lookahead,
            causal=model.causal,
            licence=licence,
            version=version,
        )
        super().__init__(info, next(model.parameters()), max(1, int(SLICE_SECONDS * c.sample_rate / c.hop_length)))

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        name: str | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "TrainedCodec":
        """Open a folder written by ``lgr train granular`` and the like: ``config.json`` and ``model.safetensors``.

        ``name`` is the folder as it was given, unless told otherwise, so that ``load_codec(info.name)`` finds it again.

        Raises
        ------
        WeightsError : a file is missing or damaged, or the two do not fit each other
        ArgumentError : ``dtype`` is half precision, which holds neither quiet sound nor long recurrences
        """
        folder = Path(folder)
        described, weights = read_folder(folder, dtype)
        model, temporal = read_model(described, weights, folder)
        return cls(
            model.to(device=device, dtype=dtype),
            None if temporal is None else temporal.to(device=device, dtype=dtype),
            name=str(folder) if name is None else name,
            version=sha256(folder / "model.safetensors")[:12],
            licence=str(described.get("licence", "")),
        )

    @property
    def config(self) -> GrainModelConfig:
        """Sizes of the model; its ``latent_dim`` does not count the label weights."""
        return self._model.config

    @property
    def model(self) -> GrainModel:
        return self._model

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that the model was trained to tell apart; none if it was trained without labels."""
        return self._model.config.labels

    @property
    def generates(self) -> bool:
        """Whether a held latent goes on sounding: see ``lgr.codecs.base.generates``."""
        return self._model.generates

    @property
    def temporal(self) -> Any:
        """The temporal embedding (``TemporalVAE``), or None."""
        return self._temporal

    @torch.no_grad()
    def features(self, latents: Tensor) -> Tensor:
        """The model's, of ``z`` without the label weights: ``(batch, feature_dim, frames)``."""
        check_latents(self._info, latents)
        z = self._to_net(latents[:, : self.config.latent_dim]).transpose(1, 2)
        # Every frame alone, so in slices: the spectra of an hour would be gigabytes.
        pieces = [self._model.features(each) for each in torch.split(z, self._slice_frames, 1)]
        return torch.cat(pieces, 1).transpose(1, 2).to(latents)

    @torch.no_grad()
    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        """Latents of the frames that are now complete; the state is the model's."""
        self._check_audio_step(audio)
        state, means = self._model.encode_step(state, self._to_net(audio[:, 0]), flush=flush)
        unknown = means.new_zeros(*means.shape[:2], len(self.labels))
        return state, torch.cat([means, unknown], 2).transpose(1, 2).to(audio)

    @torch.no_grad()
    def decode_step(self, state: Any, latents: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        """Audio that is now complete; the state is the model's."""
        self._check_latents_step(latents)
        frames = self._to_net(latents).transpose(1, 2)  # (batch, frames, latent_dim)
        z, labels = frames[..., : self.config.latent_dim], frames[..., self.config.latent_dim :]
        state, audio = self._model.decode_step(state, z, labels, seed=NOISE_SEED, flush=flush)
        return state, audio.unsqueeze(1).to(latents)

    def find_label(self, label: str) -> str:
        """A label as the model spells it, whatever its case; ``ArgumentError`` lists them where there is no such."""
        return find_label(label, self.labels, self._info.name)

    def label_weights(self, label: str | None) -> Tensor:
        """``(n_labels,)``: one-hot, or zeros for None ("unknown")."""
        name = None if label is None else self.find_label(label)
        return label_weights([name], self.labels)[0].to(self._like)

    def condition(self, latents: Tensor, label: str | None) -> Tensor:
        """The same latents under another label, ``(batch, latent_dim, frames)``; None makes it unknown.

        Raises
        ------
        ArgumentError : a label that the model was not trained on
        """
        check_latents(self._info, latents)
        weights = self.label_weights(label).to(latents)
        held = weights[None, :, None].expand(latents.shape[0], len(self.labels), latents.shape[2])
        return torch.cat([latents[:, : self.config.latent_dim], held], 1)

    def heard_form(self) -> Tensor | None:
        """How far apart latents sound (``lgr.models.heard``); None where all their numbers count alike."""
        form = self._model.heard_form()
        return None if form is None else torch.nn.functional.pad(form, (0, len(self.labels), 0, len(self.labels)))

    @property
    def controls(self) -> Mapping[str, str]:
        """What ``steered`` can move, by name, and in which unit; most models have none."""
        return self._model.controls

    def steered(self, latents: Tensor, control: str, amounts: Tensor) -> Tensor:
        """Latents ``(batch, latent_dim, frames)`` with one of ``controls`` moved by ``amounts``, ``(frames,)``.

        Raises
        ------
        ArgumentError : a control that the model does not have
        """
        check_latents(self._info, latents)
        if control not in self.controls:
            have = ", ".join(self.controls) or "none"
            raise ArgumentError(f"control must be one that {self._info.name} has ({have}), got {control!r}")
        z = latents[:, : self.config.latent_dim].transpose(1, 2)
        moved = self._model.steered(z, control, amounts.to(latents)).transpose(1, 2)
        return torch.cat([moved, latents[:, self.config.latent_dim :]], 1)

    @torch.no_grad()
    def sample(self, label: str | None, n: int, seed: int, frames: int | None = None) -> Tensor:
        """Latents of ``n`` one-shots drawn from the temporal embedding's prior (paper 001, 3.4).

        Parameters
        ----------
        label : a class, in any case, or None for unknown
        n : int >= 1
        seed : of the draws; the first of eight is the one that ``n=1`` gives
        frames : length, by default that of the series it was trained on

        Returns
        -------
        Tensor, (n, latent_dim, frames), for ``decode``

        Raises
        ------
        ArgumentError : the model has no temporal embedding, or the label is unknown to it
        """
        if self._temporal is None:
            raise ArgumentError(
                f"{self._info.name} cannot be sampled: it has no temporal embedding (lgr train spectral --temporal)"
            )
        if n < 1:
            raise ArgumentError(f"n must be >= 1, got {n}")
        if frames is not None and frames < 1:
            raise ArgumentError(f"frames must be >= 1, got {frames}")
        frames = self._temporal.config.frames if frames is None else frames
        weights = self.label_weights(label)
        generator = torch.Generator().manual_seed(seed)
        series = self._temporal.sample(n, weights.expand(n, -1), frames, generator)  # (n, frames, latent_dim)
        held = weights.expand(n, frames, -1)
        return torch.cat([series, held], 2).transpose(1, 2)


def read_model(described: Any, weights: dict[str, Tensor], folder: Path) -> tuple[GrainModel, Any]:
    """A folder's model and temporal embedding (or None), with its weights in float32.

    ``described`` is ``{"model": kind, "format": 1, "config": {...}, "temporal": {...} or null}``; names of weights
    begin with ``model.`` or ``temporal.``. Errors name ``folder``.
    """
    if not isinstance(described, dict) or described.get("model") not in MODELS or described.get("format") != 1:
        raise WeightsError(f"{folder / 'config.json'} must describe a model of format 1, one of {', '.join(MODELS)}")
    try:
        with NoFirstWeights():
            model = build_model(described["model"], model_config(described["model"], described["config"]))
        temporal = None
        if described.get("temporal") is not None:
            from lgr.models.granular.temporal import TemporalConfig, TemporalVAE

            with NoFirstWeights():
                temporal = TemporalVAE(TemporalConfig(**described["temporal"]))
        for prefix, part in (("model.", model), ("temporal.", temporal)):
            if part is not None:
                own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
                part.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in own.items()})
    except (RuntimeError, TypeError, KeyError, ArgumentError) as error:
        first = str(error).partition("\n")[0]
        raise WeightsError(f"{folder}: the weights do not fit config.json: {first}") from error
    return model, temporal
