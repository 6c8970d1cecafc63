"""The corpus on a plane, fitted when a run ends and kept with the model (paper 001's figure of its latent space)."""

from pathlib import Path

import torch

from lgr.codecs.trained import TrainedCodec
from lgr.latents.projection import Projection, fit_projection, latent_rows
from lgr.train.material import Material

SECONDS = 600.0  # of the training recordings, drawn at random
LONGEST_SECONDS = 5.0  # of one recording
POINTS = 1000  # kept to be looked at


def write_projection(out: Path, material: Material, *, seed: int = 0) -> Projection | None:
    """Fit a PCA to the latents of the training recordings, write it into the model's folder ``out``.

    None where there is too little to fit one: fewer than three latents, or latents of one number.
    """
    codec = TrainedCodec.from_folder(out, name=out.name)
    rate, left, rows = codec.info.sample_rate, SECONDS, []
    order = torch.randperm(len(material.training), generator=torch.Generator().manual_seed(seed)).tolist()
    for i in order:
        audio = material.cache.audio(material.training[i])[: int(LONGEST_SECONDS * rate)]
        if left <= 0 or not len(audio):
            continue
        left -= len(audio) / rate
        rows.append(latent_rows(codec.encode(audio[None, None])))
    latents = torch.cat(rows)
    if len(latents) < 3 or latents.shape[1] - len(codec.labels) < 2:
        return None
    projection = fit_projection(latents, n_labels=len(codec.labels), codec=codec.info, max_points=POINTS, seed=seed)
    projection.save(out, force=True)
    return projection
