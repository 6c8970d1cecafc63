"""How an embedding is fitted to grains: its steps, its linear part, its balance, and its test on held-out grains.

The network (``lgr.models.timbre_embedding``) has two parts, fitted to the same grains:

- *Cepstra*: a linear map to the mel cepstra of the sound before it was changed (gain, polarity, phase, tilt, noise:
  ``lgr.train.embedding.sounds``), by ridge regression. What the changes did is to be overheard.
- *Contrast*: an MLP. Among the grains of a step, two of each of ``batch_size`` recordings, each is to be nearer to the
  other of its own recording than to all others (InfoNCE; van den Oord et al. 2018, eq. 4; in both directions as in Chen
  et al. 2020, "SimCLR"), by the similarity that matching will use: centred cosine of whole grains. The MLP predicts the
  cepstra as well while it trains, which steadies it; that head is then left out.

The recordings' names, folders and classes are not looked at.
"""

import math

import torch
from torch import Tensor

from lgr.models.timbre_embedding import TimbreEmbedding, TimbreEmbeddingConfig
from lgr.progress import Progress
from lgr.train.embedding.config import EmbeddingTrainConfig
from lgr.train.embedding.data import Grains

SMALLEST_SCALE = 1e-3  # a latent that never moves is not divided by zero
RIDGE = 0.01  # of a standardised latent's variance


def fit(
    grains: Grains,
    network: TimbreEmbeddingConfig,
    config: EmbeddingTrainConfig,
    *,
    progress: Progress | None = None,
) -> tuple[TimbreEmbedding, list[dict[str, float]]]:
    """A trained network, balanced, and the losses of some steps. The same arguments give the same weights.

    A step's draws are a function of the seed and the step; first weights are drawn without touching the global
    generator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = TimbreEmbedding(network)
        head = torch.nn.Conv1d(network.hidden, network.cepstra, 1)
    frames = grains.latents.movedim(3, -1).flatten(0, -2).float()  # (all, latent_dim)
    net.mean.copy_(frames.mean(0))
    net.scale.copy_(frames.std(0).clamp(min=SMALLEST_SCALE))
    wanted = grains.cepstra.movedim(3, -1).flatten(0, -2).float()  # (all, cepstra)
    mean, scale = wanted.mean(0)[:, None], wanted.std(0).clamp(min=SMALLEST_SCALE)[:, None]
    learned = [p for name, p in net.named_parameters() if not name.startswith("linear.")]
    optimiser = torch.optim.AdamW(
        [*learned, *head.parameters()], lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    log: list[dict[str, float]] = []
    for step in range(config.steps):
        if progress is not None:
            progress("training", step, config.steps)
        rate = min(1, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * step / config.steps))
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * rate
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        latents, target = draw(grains, config.batch_size, generator)
        x = net.standardised(latents)
        keep = torch.rand(x.shape, generator=generator) >= config.dropout
        x = x * keep / (1 - config.dropout) + config.noise * torch.randn(x.shape, generator=generator)
        hidden = net.hidden(x)
        cepstra_loss = (head(hidden) - (target - mean) / scale).square().mean()
        contrast_loss = contrast(net.last(hidden), config.temperature)[0]
        loss = cepstra_loss + contrast_loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 50 == 0 or step == config.steps - 1:
            log.append({"step": step, "cepstra": cepstra_loss.item(), "contrast": contrast_loss.item()})
    regress(net.eval(), grains, mean, scale)
    balance(net, grains, scale[:, 0], config)
    return net, log


def draw(grains: Grains, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two grains of each of ``batch_size`` recordings: latents (2 n, latent_dim, frames), cepstra (2 n, …, frames).

    Grain ``i`` and grain ``i + n`` are of one recording, each of any of its copies and places.
    """
    copies, recordings, places = grains.latents.shape[:3]
    chosen = torch.randperm(recordings, generator=generator)[:batch_size].repeat(2)
    which = torch.randint(copies, chosen.shape, generator=generator)
    where = torch.randint(places, chosen.shape, generator=generator)
    return grains.latents[which, chosen, where].float(), grains.cepstra[which, chosen, where].float()


def contrast(outputs: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """InfoNCE over grains ``(2 n, size, frames)`` drawn by ``draw``, and the share that is nearest to its own pair."""
    n = outputs.shape[0] // 2
    rows = outputs.flatten(1)
    rows = torch.nn.functional.normalize(rows - rows.mean(0), dim=1)
    similarity = (rows @ rows.T / temperature).fill_diagonal_(-torch.inf)
    pair = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    loss = torch.nn.functional.cross_entropy(similarity, pair)
    return loss, (similarity.argmax(1) == pair).float().mean()


@torch.no_grad()
def regress(net: TimbreEmbedding, grains: Grains, mean: Tensor, scale: Tensor) -> None:
    """Set ``net.linear`` by ridge regression of the standardised cepstra, from the first frame of every grain.

    ``mean`` and ``scale`` are the cepstra's, ``(cepstra, 1)``.
    """
    size, context = net.config.latent_dim, net.config.context_frames
    products = torch.zeros(size * context, size * context, dtype=torch.float64)
    moments = torch.zeros(size * context, net.config.cepstra, dtype=torch.float64)
    for latents, cepstra in zip(grains.latents.flatten(0, 1), grains.cepstra.flatten(0, 1), strict=True):
        x = net.standardised(latents[..., :context].float()).flatten(1).double()
        y = ((cepstra[..., 0].float() - mean[:, 0]) / scale[:, 0]).double()
        products += x.T @ x
        moments += x.T @ y
    count = grains.latents[..., 0, 0].numel()
    weights = torch.linalg.solve(products + RIDGE * count * torch.eye(len(products)), moments)
    net.linear.weight.copy_(weights.T.reshape(-1, size, context))
    assert net.linear.bias is not None
    net.linear.bias.zero_()


@torch.no_grad()
def balance(net: TimbreEmbedding, grains: Grains, cepstra_scale: Tensor, config: EmbeddingTrainConfig) -> None:
    """Set ``net.balance``, so that contrast has its share of the features' variance.

    The cepstra, standardised, are multiplied by the root of their own scale: half way between cepstra as they
    are, where the few lowest decide all, and standardised ones, where the least certain count like the others.
    """
    count = net.config.cepstra
    outputs = net.raw(net.standardised(grains.latents[0].flatten(0, 1)[:4096].float()))
    weights = torch.cat([cepstra_scale.sqrt(), torch.ones(net.config.contrast)])
    variance = outputs.var((0, 2)) * weights.square()
    weights[:count] *= ((1 - config.contrast_share) / variance[:count].sum()).sqrt()
    weights[count:] *= (config.contrast_share / variance[count:].sum()).sqrt()
    net.balance.copy_(weights)


@torch.no_grad()
def measure(net: TimbreEmbedding, grains: Grains, config: EmbeddingTrainConfig) -> dict[str, float]:
    """How well held-out recordings are told apart: the share of grains nearest to one of their own recording.

    ``features`` by what is learned, ``cepstra`` by the true cepstra of the unchanged sounds; each the mean of 20 draws
    of up to 64 recordings, two grains of each.
    """
    found = []
    for step in range(20):
        latents, target = draw(grains, 64, torch.Generator().manual_seed(step))
        outputs = net.raw(net.standardised(latents)) * net.balance[:, None]
        found.append([float(contrast(x, config.temperature)[1]) for x in (outputs, target)])
    features, true_cepstra = torch.tensor(found).mean(0).tolist()
    return {"features": features, "cepstra": true_cepstra}
