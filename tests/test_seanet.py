"""SEANet's layers against their definitions."""

import pytest
import torch
from torch import Tensor

from lgr.models.encodec_vae.seanet import CausalConv, CausalUpsample, seanet_decoder, seanet_encoder


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (8, 4), (1, 1)])
def test_a_causal_convolution_is_the_padded_one(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    layer, x = CausalConv(3, 4, kernel, stride), noise(2, 3, 5 * stride)
    padded = torch.nn.functional.pad(x, (kernel - stride, 0))
    naive = torch.stack(
        [
            (padded[:, None, :, t * stride : t * stride + kernel] * layer.weight).sum((2, 3)) + layer.bias
            for t in range(5)
        ],
        2,
    )
    torch.testing.assert_close(layer(None, x)[1], naive)


def test_an_upsampling_adds_every_input_twice() -> None:
    torch.manual_seed(0)
    layer, x = CausalUpsample(3, 2, 4), noise(1, 3, 5)
    naive = torch.zeros(1, 2, 24)
    for t in range(5):
        naive[:, :, 4 * t : 4 * t + 8] += torch.einsum("bi,iok->bok", x[:, :, t], layer.weight)
    rest, y = layer(None, x)
    torch.testing.assert_close(y, naive[:, :, :20])
    torch.testing.assert_close(rest, naive[:, :, 20:])


def test_signals_keep_their_scale_through_an_untrained_network() -> None:
    torch.manual_seed(0)
    encoder = seanet_encoder(12, (2, 4, 5, 8), 2, 48)
    decoder = seanet_decoder(48, 12, (2, 4, 5, 8), 2)
    with torch.no_grad():
        assert 0.1 < float(encoder(None, noise(2, 1, 20 * 320))[1].std()) < 3
        assert 0.1 < float(decoder(None, noise(2, 48, 20))[1].std()) < 3
