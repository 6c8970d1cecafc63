"""The retrieval benchmark: who may be found, how pitch is weighed, and how classes are averaged."""

import torch

from benchmarks.retrieval import GRAIN_FRAMES, PITCH_WEIGHT, balanced, cepstra, hits, numbered, with_pitch
from lgr.sound.pitch import BINS


def test_the_nearest_grain_is_of_another_group():
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    labels, groups = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 2])
    assert hits(rows, rows, labels, groups).tolist() == [0, 0, 0, 1]  # the twin of the first two is of their group


def test_pitch_counts_where_who_asks_has_one_and_only_there():
    generator = torch.Generator().manual_seed(0)
    timbre = torch.nn.functional.normalize(torch.randn(3, 6, generator=generator), dim=1)
    pitch = torch.zeros(3, GRAIN_FRAMES, BINS)
    pitch[0, :, 10] = pitch[1, :, 10] = 5.0  # two grains of one note, and one without
    asking, database = with_pitch(timbre, pitch)
    found, plain = asking @ database.T, timbre @ timbre.T
    torch.testing.assert_close(found[0, 1], (1 - PITCH_WEIGHT) * plain[0, 1] + PITCH_WEIGHT)
    torch.testing.assert_close(found[0, 2], (1 - PITCH_WEIGHT) * plain[0, 2])
    torch.testing.assert_close(found[2], plain[2])


def test_classes_count_alike_and_those_that_do_not_ask_not_at_all():
    hit, labels = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]), torch.tensor([0, 0, 0, 1, 2])
    weights = torch.tensor([[1.0, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    torch.testing.assert_close(balanced(hit, labels, weights), torch.tensor([1 / 3, 1 / 2]))


def test_cepstra_are_the_slow_cosines_of_the_bands():
    course = torch.cos(torch.pi * 3 * (torch.arange(40) + 0.5) / 40)[:, None]
    found = cepstra(course, 1, 13)
    assert found.shape == (12, 1)
    assert int(found.abs().argmax()) == 2
    torch.testing.assert_close(found.norm(), course.norm())


def test_names_are_numbered_by_the_alphabet():
    assert numbered(["b", "a", "b", "c"]).tolist() == [1, 0, 1, 2]
