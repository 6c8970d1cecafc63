"""The generator's side of adversarial training in a step of ``encodec-vae`` (paper 003, 4.4.3)."""

import torch
from torch import Tensor

from lgr.train.vae.adversary import BALANCE, Adversary
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.steps import Losses


def adversarial_backward(adversary: Adversary, losses: Losses, config: VaeTrainConfig, beta: float) -> dict[str, float]:
    """One step of the discriminators, then balanced gradients of all terms; the new terms, for the log.

    The balancer's total is the size that the reconstruction's gradient has by itself, so that ``beta`` weighs against
    the whole as much as it did before the discriminators came in. (Balanced to 1, as EnCodec has it, the KL term of a
    VAE would have to be some thousand times larger, which may be why paper 003's beta is 30.)
    """
    real, fake = losses.target, losses.estimate
    assert real is not None
    assert fake is not None
    log = adversary.discriminator_step(real, fake)
    weights = config.weights()
    weighted = {name: weights[name] * value for name, value in losses.reconstruction.items()}
    terms = {"spectrum": torch.stack([value for name, value in weighted.items() if name != "waveform"]).sum()}
    if "waveform" in weighted:
        terms["waveform"] = weighted["waveform"]
    adversary.balancer.total_norm = reconstruction_norm(adversary, terms, fake)
    judged = adversary.generator_terms(real, fake)
    terms |= judged
    adversary.balancer.backward(
        terms, {name: BALANCE[name] for name in terms}, fake, extra=beta * losses.divergence["kl"]
    )
    return {"discriminator": log["discriminator"], **{name: float(value.detach()) for name, value in judged.items()}}


def reconstruction_norm(adversary: Adversary, terms: dict[str, Tensor], output: Tensor) -> float:
    """Norms of the gradients of ``terms`` in ``output``, added up: the balancer's averages once it has them."""
    averages = adversary.balancer.state_dict()
    total = 0.0
    for name, term in terms.items():
        if name in averages:
            total += averages[name][0] / averages[name][1]
        else:
            (gradient,) = torch.autograd.grad(term, output, retain_graph=True)
            total += float(gradient.flatten(1).norm(dim=1).mean())
    return max(total, 1e-12)
