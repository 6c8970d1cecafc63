"""Grains that are too quiet for a moment: barred exactly where a plain loop says so."""

import torch

from lgr.matching.audible import CLASS_DB, MOST_BOOST_DB, audible_log_weights


def test_a_grain_is_barred_where_it_would_need_too_much_boost_and_another_would_not() -> None:
    draw = torch.Generator().manual_seed(0)
    target = -70 * torch.rand(40, 2, generator=draw)
    levels = -80 * torch.rand(200, 2, generator=draw)
    group = torch.randint(0, 3, (200,), generator=draw)
    by_group = torch.randn(40, 3, generator=draw)
    by_group[5:20, 1] = -torch.inf
    index, weights = audible_log_weights(target, levels, group, by_group)
    barred = free = 0
    for t in range(40):
        allowed = [j for j in range(200) if by_group[t, group[j]] > -torch.inf]
        boost = {j: max(float(target[t, k] - levels[j, k]) for k in (0, 1)) for j in allowed}
        most = max(MOST_BOOST_DB, min(boost.values()))
        for j in range(200):
            found = float(weights[t, index[j]])
            if j in allowed and boost[j] <= MOST_BOOST_DB:
                assert found == float(by_group[t, group[j]])
                free += 1
            elif j not in allowed or boost[j] > most + CLASS_DB:  # within a class of the bound either will do
                assert found == -torch.inf
                barred += 1
    assert barred > 1000 < free


def test_where_all_is_too_quiet_the_loudest_is_left() -> None:
    levels, nobody = torch.tensor([[-60.0, -60.0], [-80.0, -80.0], [-70.0, -200.0]]), torch.zeros(3, dtype=torch.long)
    index, weights = audible_log_weights(torch.zeros(1, 2), levels, nobody, torch.zeros(1, 1))
    assert weights[0, index].tolist() == [0.0, -torch.inf, -torch.inf]


def test_few_classes_are_made_of_many_grains() -> None:
    levels = -90 * torch.rand(5000, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 2)
    _, weights = audible_log_weights(torch.zeros(1, 2), levels, torch.zeros(5000, dtype=torch.long), torch.zeros(1, 1))
    assert weights.shape[1] <= 32
