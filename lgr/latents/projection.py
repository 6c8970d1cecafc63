"""A corpus's latents on a plane, to look at and to pick from: PCA and UMAP (paper 001's figure of its latent space).

A projection is fitted once and kept with its model, as ``projection.safetensors`` and ``projection.json``. A point
picked on a PCA plane is a latent vector of that plane, exactly; UMAP has no such inverse, and what stands for it here
is an average of the nearest known points, which ``approximate`` says.

Latents are rows here, ``(n, latent_dim)``; points are ``(n, 2)``. The last ``n_labels`` dimensions, the label weights
of a conditional model, are not looked at, and an inverse has zeros there ("unknown") unless it is given weights.
"""

import json
import warnings
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_same_codec
from lgr.errors import ArgumentError, LgrError, MissingPackageError, WeightsError, check_shape
from lgr.files import atomic_path, lgr_version, sha256

METHODS = ("pca", "umap")
FORMAT, FORMAT_VERSION = "lgr-projection", 1
DESCRIPTION, TENSORS = "projection.json", "projection.safetensors"
NEAREST = 5  # known points that an approximate projection averages
BLOCK = 1024  # rows whose distances to all known points are held at once


@dataclass(frozen=True, kw_only=True)
class Projection(ABC):
    """What every projection has.

    ``points`` (n, 2) are those of the corpus that are kept to be looked at, and ``rows`` (n,) int64 the rows of the
    fitted latents that they are. ``codec`` is what made the latents, where that was said.
    """

    points: Tensor
    rows: Tensor
    n_labels: int = 0
    codec: CodecInfo | None = None

    method: ClassVar[str]
    approximate: ClassVar[bool]

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """Size of the latents, label weights included."""

    @abstractmethod
    def _project(self, z: Tensor) -> Tensor: ...

    @abstractmethod
    def _invert(self, points: Tensor) -> Tensor: ...

    @abstractmethod
    def _tensors(self) -> dict[str, Tensor]:
        """What this projection is made of, beside what all have."""

    def transform(self, latents: Tensor) -> Tensor:
        """Latents ``(n, latent_dim)`` to points ``(n, 2)``."""
        ok = latents.ndim == 2 and latents.shape[1] == self.latent_dim
        check_shape("latents", latents.shape, f"(n, {self.latent_dim})", ok)
        return self._project(latents[:, : self.latent_dim - self.n_labels].float())

    def inverse(self, points: Tensor, labels: Tensor | None = None) -> Tensor:
        """Points ``(n, 2)`` to latents ``(n, latent_dim)``; ``labels`` are weights, (n_labels,) or (n, n_labels)."""
        check_shape("points", points.shape, "(n, 2)", points.ndim == 2 and points.shape[1] == 2)
        z = self._invert(points.float())
        weights = z.new_zeros(self.n_labels) if labels is None else labels.to(z)
        ok = weights.shape in ((self.n_labels,), (len(z), self.n_labels))
        check_shape("labels", weights.shape, f"({self.n_labels},) or ({len(z)}, {self.n_labels})", ok)
        return torch.cat([z, weights.expand(len(z), -1)], dim=1)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write both files into an existing folder, such as a model's; existing ones only with ``force``."""
        folder = Path(folder).expanduser()
        tensors = {"points": self.points, "rows": self.rows, **self._tensors()}
        with ExitStack() as both:  # named only when both are whole
            description = both.enter_context(atomic_path(folder / DESCRIPTION, force=force))
            weights = both.enter_context(atomic_path(folder / TENSORS, force=force))
            save_file({name: x.cpu().contiguous() for name, x in tensors.items()}, weights)
            facts = {
                "format": FORMAT,
                "version": FORMAT_VERSION,
                "lgr": lgr_version(),
                "method": self.method,
                "approximate": self.approximate,
                "n_labels": self.n_labels,
                "codec": None if self.codec is None else self.codec.to_json(),
                "tensors_sha256": sha256(weights),
            }
            description.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return folder


@dataclass(frozen=True, kw_only=True)
class PcaProjection(Projection):
    """Onto the plane through the mean in which the latents vary most. ``inverse`` is exact on that plane.

    ``mean`` (size,), ``components`` (2, size) orthonormal rows, ``explained`` (2,) each one's share of the variance.
    """

    mean: Tensor
    components: Tensor
    explained: Tensor

    method = "pca"
    approximate = False

    @property
    def latent_dim(self) -> int:
        return self.mean.numel() + self.n_labels

    def _project(self, z: Tensor) -> Tensor:
        return (z - self.mean.to(z)) @ self.components.to(z).T

    def _invert(self, points: Tensor) -> Tensor:
        return self.mean.to(points) + points @ self.components.to(points)

    def _tensors(self) -> dict[str, Tensor]:
        return {"mean": self.mean, "components": self.components, "explained": self.explained}


@dataclass(frozen=True, kw_only=True)
class UmapProjection(Projection):
    """UMAP's places of some latents; both ways for any other, the mean of the nearest known ones by inverse distance.

    umap-learn's own fitted object can be stored as a pickle only, which runs code when it is opened; so its places are
    kept with the ``latents`` (n, size) that they are of, and both directions are approximate, exact at these.
    """

    latents: Tensor

    method = "umap"
    approximate = True

    @property
    def latent_dim(self) -> int:
        return self.latents.shape[1] + self.n_labels

    def _project(self, z: Tensor) -> Tensor:
        return _nearest_mean(z, self.latents.to(z), self.points.to(z))

    def _invert(self, points: Tensor) -> Tensor:
        return _nearest_mean(points, self.points.to(points), self.latents.to(points))

    def _tensors(self) -> dict[str, Tensor]:
        return {"latents": self.latents}


def fit_projection(
    latents: Tensor,
    *,
    method: str = "pca",
    n_labels: int = 0,
    codec: CodecInfo | None = None,
    max_points: int = 5000,
    seed: int = 0,
    neighbours: int = 15,
    min_distance: float = 0.1,
) -> Projection:
    """Fit a projection to a corpus.

    Parameters
    ----------
    latents : Tensor, (n, latent_dim), at least 3 rows; of sequences (batch, latent_dim, frames) see ``latent_rows``
    n_labels, codec : see the module and ``Projection``
    max_points : how many rows are kept to be looked at, and fitted by UMAP; PCA fits all. A draw from ``seed`` if fewer
    neighbours, min_distance : UMAP's ``n_neighbors`` (2 or more) and ``min_dist`` (0 to 1)

    Raises
    ------
    ArgumentError, ShapeError : latents that are too few or not finite, an unknown method
    MissingPackageError : UMAP without umap-learn

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import ToyCodec
    >>> from lgr.latents.projection import fit_projection
    >>> rows = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    >>> plane = fit_projection(rows, method="pca", codec=ToyCodec(8).info, max_points=3, seed=0)
    >>> plane.transform(rows).shape
    torch.Size([100, 2])
    """
    if method not in METHODS:
        raise ArgumentError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    ok = latents.ndim == 2 and latents.shape[0] >= 3 and latents.shape[1] - n_labels >= 2 and n_labels >= 0
    check_shape("latents", latents.shape, f"(3 or more, 2 or more and {n_labels} labels)", ok)
    if not bool(torch.isfinite(latents).all()):
        raise ArgumentError("latents must be finite, got NaN or infinity")
    if max_points < 3:
        raise ArgumentError(f"max_points must be >= 3, got {max_points}")
    z = latents.detach()[:, : latents.shape[1] - n_labels].float().cpu()
    rows = torch.arange(len(z))
    if len(z) > max_points:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(z), generator=generator)[:max_points].sort().values
    if method == "umap":
        points = _umap(z[rows], seed, neighbours, min_distance)
        return UmapProjection(points=points, rows=rows, n_labels=n_labels, codec=codec, latents=z[rows].clone())
    mean, components, explained = _principal(z)
    points = (z[rows] - mean) @ components.T
    return PcaProjection(
        points=points, rows=rows, n_labels=n_labels, codec=codec, mean=mean, components=components, explained=explained
    )


def latent_rows(latents: Tensor) -> Tensor:
    """``(batch, latent_dim, frames)`` to ``(batch * frames, latent_dim)``, in the order of time."""
    check_shape("latents", latents.shape, "(batch, latent_dim, frames)", latents.ndim == 3)
    return latents.transpose(1, 2).reshape(-1, latents.shape[1])


def load_projection(folder: str | Path, codec: CodecInfo | None = None) -> Projection:
    """Read what ``Projection.save`` wrote; of ``codec``, if it is given and the projection knows its own.

    Raises
    ------
    WeightsError : files are missing, damaged, or do not belong together
    CodebookError : the projection is of another codec
    """
    folder = Path(folder).expanduser()
    try:
        facts = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if facts["format"] != FORMAT or facts["version"] != FORMAT_VERSION:
            raise WeightsError(f"{folder / DESCRIPTION} must be {FORMAT} version {FORMAT_VERSION}, got another format")
        if sha256(folder / TENSORS) != facts["tensors_sha256"]:
            raise WeightsError(f"{folder / TENSORS} is not the one that {DESCRIPTION} was written with; fit it again")
        made_by = None if facts["codec"] is None else CodecInfo.from_json(facts["codec"])
        kind: Any = {"pca": PcaProjection, "umap": UmapProjection}[facts["method"]]
        loaded: Projection = kind(n_labels=int(facts["n_labels"]), codec=made_by, **load_file(folder / TENSORS))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as failure:
        if isinstance(failure, LgrError):
            raise
        raise WeightsError(f"{folder} holds no whole projection ({type(failure).__name__}: {failure})") from failure
    if codec is not None and loaded.codec is not None:
        check_same_codec("the projection", loaded.codec, codec)
    return loaded


def _principal(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, the first two principal directions as rows, and their shares of the variance."""
    mean = z.double().mean(0)
    centred = z.double() - mean
    # The covariance's eigenvectors rather than the SVD of all rows: latent_dim is small where rows are many.
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    components = vectors[:, [-1, -2]].T
    # Their signs are arbitrary: the largest entry is positive, so that a map is not mirrored from fit to fit.
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    components = components * torch.where(largest < 0, -1.0, 1.0)
    explained = values[[-1, -2]].clamp(min=0) / values.sum().clamp(min=1e-300)
    return mean.float(), components.float(), explained.float()


def _umap(z: Tensor, seed: int, neighbours: int, min_distance: float) -> Tensor:
    """UMAP's places, (n, 2)."""
    try:
        with warnings.catch_warnings():  # umap-learn warns that it lacks TensorFlow, which nothing here needs
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
    except ImportError as failure:
        raise MissingPackageError("a UMAP projection needs umap-learn: pip install 'lgr[explore]'") from failure
    if neighbours < 2 or not 0 <= min_distance <= 1:
        raise ArgumentError(f"neighbours must be >= 2 and min_distance in [0, 1], got {neighbours} and {min_distance}")
    # With a seed it runs on one thread in any case; said here, it does not warn.
    reducer = UMAP(
        n_neighbors=min(neighbours, len(z) - 1),
        min_dist=min_distance,
        random_state=seed,
        n_jobs=1,
        init="spectral" if len(z) > 10 else "random",
    )
    return torch.from_numpy(reducer.fit_transform(z.numpy())).float()


def _nearest_mean(queries: Tensor, known: Tensor, values: Tensor) -> Tensor:
    """The mean of the ``values`` of the ``NEAREST`` known rows, by inverse distance; at a known row, its value."""
    out = []
    for block in torch.split(queries, BLOCK):
        # Exact differences: the faster way by products is not 0 for equal rows.
        distance = torch.cdist(block, known, compute_mode="donot_use_mm_for_euclid_dist")
        near, at = distance.topk(min(NEAREST, len(known)), largest=False)
        weight = torch.where(near[:, :1] == 0, (near == 0).float(), 1 / near.clamp(min=1e-30))
        weight = weight / weight.sum(1, keepdim=True)
        out.append((weight[:, :, None] * values[at]).sum(1))
    return torch.cat(out) if out else values[:0]
