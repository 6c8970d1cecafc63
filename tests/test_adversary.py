"""Adversarial training: closed forms of the losses, shares that the balancer keeps, resuming as if unbroken."""

import io

import pytest
import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, ShapeError
from lgr.losses import discriminator_hinge, feature_matching, generator_hinge
from lgr.models.encodec_vae.discriminators import MultiScaleDiscriminator
from lgr.train.vae.adversary import BALANCE, Adversary, AdversaryConfig, LossBalancer

SMALL = AdversaryConfig(window_lengths=(128, 32), channels=2, crop=150, learning_rate=3e-3)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def adversary(seed: int = 0, config: AdversaryConfig = SMALL) -> Adversary:
    torch.manual_seed(seed)
    return Adversary(config)


# ---- losses ----------------------------------------------------------------------------------------------------------


def test_hinges_in_closed_form() -> None:
    real, fake = [torch.tensor([2.0, 0.5]), torch.tensor([-1.0])], [torch.tensor([-3.0, 0.0]), torch.tensor([1.0])]
    assert float(discriminator_hinge(real, fake)) == pytest.approx(((0 + 0.5) / 2 + (0 + 1) / 2 + 2 + 2) / 2)
    assert float(generator_hinge(fake)) == pytest.approx(((4 + 1) / 2 + 0) / 2)
    zeros = [torch.zeros(2, 3)]
    assert float(discriminator_hinge(zeros, zeros)) == 2
    assert float(discriminator_hinge([torch.ones(3)], [-torch.ones(3)])) == 0


def test_feature_matching_is_relative_to_each_layer() -> None:
    real = [[torch.tensor([1.0, -3.0]), torch.tensor([100.0])], [torch.tensor([2.0])]]
    fake = [[torch.tensor([2.0, -3.0]), torch.tensor([50.0])], [torch.tensor([2.0])]]
    assert float(feature_matching(real, fake)) == pytest.approx((0.5 / 2 + 0.5 + 0) / 3)
    louder = [[10 * x for x in layers] for layers in real], [[10 * x for x in layers] for layers in fake]
    assert float(feature_matching(*louder)) == pytest.approx(float(feature_matching(real, fake)))


def test_the_real_features_get_no_gradient() -> None:
    real, fake = noise(4).requires_grad_(), noise(4, seed=2).requires_grad_()
    feature_matching([[real]], [[fake]]).backward()
    assert real.grad is None
    assert fake.grad is not None


def test_losses_refuse_what_does_not_belong_together() -> None:
    one = [torch.zeros(2)]
    with pytest.raises(ArgumentError, match="fake must have 1 entries"):
        discriminator_hinge(one, [])
    with pytest.raises(ArgumentError, match="at least one discriminator"):
        generator_hinge([])
    with pytest.raises(ArgumentError, match="fake must have 1 entries"):
        feature_matching([one], [one + one])
    with pytest.raises(ShapeError, match="fake must be"):
        feature_matching([one], [[torch.zeros(1)]])


# ---- discriminators --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 40, 1000])
def test_every_scale_judges_audio_of_any_length(samples: int) -> None:
    judged = MultiScaleDiscriminator((128, 64, 32), channels=3)(noise(2, samples))
    assert len(judged.logits) == len(judged.features) == 3
    for window, logits, features in zip((128, 64, 32), judged.logits, judged.features, strict=True):
        assert len(features) == 5
        assert features[0].shape == (2, 3, samples // (window // 4) + 1, window // 2 + 1)
        assert logits.shape[:3] == (2, 1, samples // (window // 4) + 1)
        assert logits.shape[3] == (window // 2 + 7) // 8 + (window % 16 == 0)


def test_discriminators_of_no_window() -> None:
    with pytest.raises(ArgumentError, match="window_lengths must be multiples of 4"):
        MultiScaleDiscriminator(())
    with pytest.raises(ArgumentError, match="window_lengths must be multiples of 4"):
        MultiScaleDiscriminator((30,))
    with pytest.raises(ArgumentError, match="channels must be at least 1"):
        MultiScaleDiscriminator(channels=0)
    with pytest.raises(ShapeError, match="audio must be"):
        MultiScaleDiscriminator((32,), 1)(torch.zeros(1, 1, 50))


# ---- the balancer ----------------------------------------------------------------------------------------------------


def test_each_term_has_the_promised_share_of_the_gradient() -> None:
    weight = nn.Parameter(noise(3, 50))
    output = weight * 1.0
    along = {"a": noise(3, 50, seed=2), "b": 1e6 * noise(3, 50, seed=3)}
    terms = {name: (output * direction).sum() for name, direction in along.items()}
    norms = LossBalancer(total_norm=2.0).backward(terms, {"a": 1.0, "b": 3.0}, output)
    expected = torch.zeros(3, 50)
    for name, share in (("a", 0.25), ("b", 0.75)):
        mean_norm = along[name].norm(dim=1).mean()
        assert norms[name] == pytest.approx(float(mean_norm))
        expected += 2.0 * share * along[name] / mean_norm
    torch.testing.assert_close(weight.grad, expected)


def test_norms_are_an_unbiased_moving_average() -> None:
    balancer, direction = LossBalancer(decay=0.5), noise(1, 20)
    seen: list[float] = []
    for size in (1.0, 4.0, 2.0):
        weight = nn.Parameter(torch.zeros(1, 20))
        output = weight * 1.0
        balancer.backward({"a": size * (output * direction).sum()}, {"a": 1.0}, output)
        seen = [0.5 * w for w in seen] + [1.0]
        average = sum(w * s for w, s in zip(seen, (1.0, 4.0, 2.0), strict=False)) / sum(seen)
        torch.testing.assert_close(weight.grad, direction / direction.norm() * size / average)


def test_an_extra_term_is_added_as_it_is() -> None:
    weight, latent = nn.Parameter(noise(2, 5)), nn.Parameter(noise(2, 5))
    hidden = latent * 2
    output = weight + hidden
    LossBalancer().backward({"a": output.sum()}, {"a": 1.0}, output, extra=0.5 * (hidden * hidden).sum())
    assert weight.grad is not None
    assert latent.grad is not None
    torch.testing.assert_close(weight.grad.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(latent.grad, 2 * weight.grad + 4 * latent.detach())


def test_a_term_that_is_not_finite_is_left_out() -> None:
    balancer, weight = LossBalancer(), nn.Parameter(torch.zeros(1, 3))
    output = weight * 1.0
    norms = balancer.backward({"good": output.sum(), "bad": output.sum() * torch.inf}, {"good": 1, "bad": 1}, output)
    assert weight.grad is not None
    assert weight.grad.isfinite().all()
    assert norms["bad"] == torch.inf
    assert set(balancer.state_dict()) == {"good"}


def test_the_balancer_refuses_other_names_and_weights() -> None:
    output = nn.Parameter(torch.zeros(1, 3)) * 1
    with pytest.raises(ArgumentError, match=r"weights must be those of \['a'\], got \['b'\]"):
        LossBalancer().backward({"a": output.sum()}, {"b": 1.0}, output)
    with pytest.raises(ArgumentError, match="weights must be 0 or more and not all 0"):
        LossBalancer().backward({"a": output.sum()}, {"a": 0.0}, output)
    with pytest.raises(ArgumentError, match="decay must be from 0 to below 1"):
        LossBalancer(decay=1.0)
    with pytest.raises(ArgumentError, match="total_norm must be above 0"):
        LossBalancer(total_norm=0.0)


# ---- the adversary ---------------------------------------------------------------------------------------------------


def test_discriminators_learn_to_tell_apart() -> None:
    made, losses = adversary(), []
    for step in range(25):
        real, fake = torch.sin(torch.arange(400) * 0.3).expand(2, 400), noise(2, 400, seed=step)
        losses.append(made.discriminator_step(real, fake)["discriminator"])
    assert losses[0] == pytest.approx(2, abs=0.6)
    assert losses[-1] < 0.7 * losses[0]


def test_fakes_follow_the_gradient_and_discriminators_stay() -> None:
    made = adversary()
    real, fake = noise(2, 400), noise(2, 400, seed=2).requires_grad_()
    before = [p.clone() for p in made.discriminators.parameters()]
    terms = made.generator_terms(real, fake)
    assert set(terms) == {"adversarial", "feature_matching"}
    assert set(terms) < set(BALANCE)
    sum(terms.values()).backward()
    assert fake.grad is not None
    assert fake.grad.any()
    assert all(p.grad is None and p.requires_grad for p in made.discriminators.parameters())
    assert all(torch.equal(p, q) for p, q in zip(before, made.discriminators.parameters(), strict=True))
    assert float(made.generator_terms(real, real)["feature_matching"]) == 0


def test_gradients_reach_every_parameter_of_the_discriminators() -> None:
    made = adversary()
    generator_hinge(made.discriminators(noise(2, 400)).logits).backward()
    assert [n for n, p in made.discriminators.named_parameters() if p.grad is None or not p.grad.any()] == []


def play(made: Adversary, generator: nn.Linear, steps: range) -> list[float]:
    """Adversarial steps of a generator of one matrix; every loss on the way."""
    optimiser = torch.optim.SGD(generator.parameters(), lr=0.1)
    seen = []
    for step in steps:
        real = noise(2, 200, seed=step)
        fake = generator(noise(2, 200, seed=100 + step))
        seen.append(made.discriminator_step(real, fake)["discriminator"])
        terms = {**made.generator_terms(real, fake), "waveform": (real - fake).abs().mean()}
        optimiser.zero_grad()
        seen += made.balancer.backward(terms, {name: BALANCE[name] for name in terms}, fake).values()
        optimiser.step()
    return seen


def test_a_resumed_adversary_is_an_unbroken_one() -> None:
    torch.manual_seed(1)
    first, second = nn.Linear(200, 200), nn.Linear(200, 200)
    second.load_state_dict(first.state_dict())
    whole, broken = adversary(), adversary()
    losses = play(whole, first, range(6))
    start = play(broken, second, range(3))
    file = io.BytesIO()
    torch.save(broken.state_dict(), file)
    file.seek(0)
    resumed = adversary(seed=9)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert start + play(resumed, second, range(3, 6)) == losses
    assert torch.equal(first.weight, second.weight)


def test_a_crop_is_judged_and_it_moves() -> None:
    made, touched = adversary(), torch.zeros(400)
    for step in range(12):
        real, fake = noise(2, 400, seed=step), noise(2, 400, seed=50 + step).requires_grad_()
        made.discriminator_step(real, fake)
        made.generator_terms(real, fake)["feature_matching"].backward()
        assert fake.grad is not None
        where = fake.grad.abs().sum(0).nonzero()[:, 0]
        assert int(where.max() - where.min()) < 150
        touched[where] = 1
    assert touched.mean() > 0.7
    whole = adversary(config=AdversaryConfig(window_lengths=(32,), channels=1, crop=None))
    fake = noise(1, 400).requires_grad_()
    whole.generator_terms(noise(1, 400, seed=2), fake)["feature_matching"].backward()
    assert fake.grad is not None
    assert fake.grad[:, :30].any()
    assert fake.grad[:, -30:].any()


def test_an_adversary_refuses_other_shapes_and_rates() -> None:
    made = adversary()
    with pytest.raises(ShapeError, match="fake must be"):
        made.discriminator_step(noise(2, 200), noise(1, 200))
    with pytest.raises(ShapeError, match="real must be"):
        made.generator_terms(noise(200), noise(200))
    with pytest.raises(ArgumentError, match="learning_rate must be above 0"):
        AdversaryConfig(learning_rate=0.0)
    with pytest.raises(ArgumentError, match="crop must be a whole number"):
        AdversaryConfig(crop=0)
