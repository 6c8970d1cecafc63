"""The particle filter: its parts against closed forms and brute force, the whole on a target that the corpus holds."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.concatenator import run_length
from lgr.baselines import play_baseline
from lgr.baselines.corpus_windows import CorpusWindows, hann, hop_at, magnitudes
from lgr.baselines.kl_fit import kl_divergence, kl_fit
from lgr.baselines.particle_filter import StreamState, filtered, start, step
from lgr.baselines.particles import (
    ParticleConfig,
    Particles,
    effective_particles,
    filter_hop,
    systematic_resample,
    transition,
    vote,
)
from lgr.errors import ArgumentError, ShapeError

RATE = 8000
HOP = hop_at(RATE)
SMALL = ParticleConfig(particles=40, activations=2, iterations=4, max_hz=4000)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def melody(hops, seed=0, channels=1):
    """Noise whose spectrum changes with every hop, so that no two windows are alike: (channels, hops * HOP)."""
    generator = draws(seed)
    pieces = []
    for _ in range(hops):
        colour = torch.rand(HOP // 2 + 1, generator=generator) ** 6
        noise = torch.fft.rfft(torch.randn(channels, HOP, generator=generator))
        pieces.append(torch.fft.irfft(noise * colour, HOP))
    audio = torch.cat(pieces, 1)
    return 0.5 * audio / audio.abs().max()


def cut(*recordings, config=SMALL):
    return CorpusWindows.cut(recordings, RATE, max_hz=config.max_hz)


def run(target, corpus, config, seed=0):
    """The mosaic of a target (samples,), as long as the target."""
    return torch.cat(list(filtered(target, corpus, config, draws(seed))), 1)[:, : len(target)]


# The corpus


def test_windows_cover_every_recording_and_never_reach_into_the_next():
    recordings = [melody(3)[:, :-7], melody(1, seed=1)[:, :5], melody(6, seed=2)]
    corpus = cut(*recordings)
    counts = [2, 1, 5]
    assert corpus.following.tolist() == [1, -1, -1, 4, 5, 6, 7, -1]
    owner = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    first = [0, 2, 3]
    for k in range(len(corpus)):
        audio = recordings[int(owner[k])][0]
        at = HOP * (k - first[int(owner[k])])
        want = torch.nn.functional.pad(audio[at : at + 2 * HOP], (0, max(0, at + 2 * HOP - len(audio))))
        torch.testing.assert_close(corpus.mix(torch.tensor([k]), torch.ones(1))[0], want)
        torch.testing.assert_close(corpus.spectra[k], magnitudes(want, RATE, SMALL.max_hz))


def test_magnitudes_of_a_tone_do_not_depend_on_the_rate():
    """A tone of amplitude A in the middle of a bin: A * 2048 / 4 at every rate, as at 44.1 kHz."""
    for rate in (8000, 24000, 44100):
        length = 2 * hop_at(rate)
        tone = 0.3 * torch.cos(2 * math.pi * 20 * torch.arange(length) / length)
        assert float(magnitudes(tone, rate, 4000).max()) == pytest.approx(0.3 * 2048 / 4, rel=1e-4)
        assert len(magnitudes(tone, rate, 4000)) == int(4000 * length / rate) + 1


def test_hann_windows_half_a_window_apart_sum_to_one():
    window = hann(torch.zeros(2 * HOP))
    torch.testing.assert_close(window[:HOP] + window[HOP:], torch.ones(HOP))


# The filter's parts


def test_windows_play_on_with_the_probability_asked_for_and_jump_anywhere_else():
    following = torch.tensor([1, 2, -1, 4, 5, 6, 7, -1])
    n = 60_000
    for p in (0.0, 0.7, 1.0):
        now = torch.full((n, 1), 3)
        then = transition(now, following, p, draws(1))[:, 0]
        moved = float((then == 4).double().mean())
        assert moved == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / n) + 1e-12)
        others = torch.bincount(then[then != 4], minlength=8)[[0, 1, 2, 3, 5, 6, 7]]
        expected = n * (1 - p) / 7
        assert (others - expected).abs().max() <= 5 * math.sqrt(max(expected, 0))
    ended = torch.bincount(transition(torch.full((n, 1), 7), following, 0.95, draws(2))[:, 0], minlength=8)
    assert (ended - n / 8).abs().max() < 5 * math.sqrt(n / 8)


def test_a_corpus_of_one_window_stays_there():
    assert transition(torch.zeros(5, 2, dtype=torch.long), torch.tensor([-1]), 0.95, draws()).tolist() == [[0, 0]] * 5


def test_resampling_is_unbiased_and_never_off_by_one():
    weights = torch.rand(12, dtype=torch.float64, generator=draws(7)) ** 3
    weights /= weights.sum()
    generator, trials = draws(8), 4000
    counts = torch.stack([torch.bincount(systematic_resample(weights, generator), minlength=12) for _ in range(trials)])
    assert (counts.sum(1) == 12).all()
    assert (counts - 12 * weights).abs().max() < 1
    # a count is floor or floor + 1: its variance is at most 1/4
    assert (counts.double().mean(0) - 12 * weights).abs().max() < 5 * math.sqrt(0.25 / trials)


def test_effective_particles_between_one_and_all():
    assert effective_particles(torch.full((50,), 1 / 50)) == pytest.approx(50)
    assert effective_particles(torch.eye(50)[3]) == 1
    assert effective_particles(torch.tensor([0.5, 0.5, 0, 0])) == pytest.approx(2)


def test_vote_is_what_counting_by_hand_gives():
    corpus = cut(melody(30))
    config = ParticleConfig(particles=20, activations=3, voters=0.5, repeat_hops=2)
    windows = torch.randint(len(corpus), (20, 3), generator=draws(9))
    weights = torch.rand(20, dtype=torch.float64, generator=draws(10))
    weights /= weights.sum()
    just = (torch.tensor([4, 9]), windows[weights.argmax()][:1])
    votes: dict[int, float] = {}
    for i in weights.argsort(descending=True)[:10].tolist():
        for k in windows[i].tolist():
            if all(k not in played.tolist() for played in just):
                votes[k] = votes.get(k, 0.0) + float(weights[i])
    want = sorted(votes, key=lambda k: -votes[k])[:3]
    assert vote(Particles(windows=windows, log_weights=weights.log(), played=just), config).tolist() == want


def test_votes_are_told_apart_however_far_the_weights_fall():
    config = ParticleConfig(particles=4, activations=1, voters=1.0)
    weights = torch.log_softmax(torch.tensor([0.0, -5000.0, -9000.0, -7000.0], dtype=torch.float64), 0)
    particles = Particles(windows=torch.tensor([[3], [8], [1], [5]]), log_weights=weights)
    for already, want in (((), 3), ((3,), 8), ((3, 8), 5)):
        played = tuple(torch.tensor([k]) for k in already)
        moved = Particles(windows=particles.windows, log_weights=weights, played=played)
        assert vote(moved, config).tolist() == [want]


def test_what_was_just_played_is_played_again_rather_than_nothing():
    config = ParticleConfig(particles=3, activations=2, voters=1.0)
    even = torch.full((3,), -math.log(3), dtype=torch.float64)
    for windows, want in ((torch.tensor([[1, 1]] * 3), [1]), (torch.tensor([[1, 1], [1, 2], [1, 1]]), [2])):
        particles = Particles(windows=windows, log_weights=even, played=(torch.tensor([0]), torch.tensor([1])))
        assert vote(particles, config).tolist() == want


def test_weights_are_the_softmax_of_the_fits_and_sum_to_one():
    corpus = cut(melody(30))
    config = ParticleConfig(
        particles=50, activations=2, inverse_temperature=1e-3, resample_below=0.0, advance=1.0, max_hz=4000
    )
    before = Particles.scatter(corpus, config, draws(1))
    assert float(before.weights.sum()) == pytest.approx(1)
    spectrum = corpus.spectra[11]
    after, _ = filter_hop(before, spectrum, corpus, config, draws(2))
    penalty = torch.where(corpus.level_db[after.windows] < -50, 0.1, 0.0)
    d = kl_fit(spectrum, corpus.spectra[after.windows], iterations=10, penalty=penalty)[1].double()
    want = torch.exp(-1e-3 * d)
    torch.testing.assert_close(after.weights, want / want.sum())
    assert 1 < effective_particles(after.weights) < 50  # neither all alike nor one alone


def test_particles_are_drawn_anew_when_few_count():
    corpus = cut(melody(30))
    config = ParticleConfig(particles=50, activations=1, inverse_temperature=10.0, advance=1.0, max_hz=4000)
    before = Particles.scatter(corpus, config, draws(1))
    after, _ = filter_hop(before, corpus.spectra[11], corpus, config, draws(2))
    torch.testing.assert_close(after.weights, torch.full((50,), 0.02, dtype=torch.float64))
    assert len(set(after.windows[:, 0].tolist())) < len(set(before.windows[:, 0].tolist())) / 2


# The whole


def test_a_target_from_the_corpus_is_followed_along_its_own_recording():
    """p = 1, on the corpus' grid: once a particle is on it, the filter plays the right window at every hop."""
    corpus = cut(melody(20, seed=1), melody(30, seed=2), melody(20, seed=3))
    config = ParticleConfig(particles=300, activations=1, max_hz=4000)
    first = 19  # of the second recording
    particles = Particles.scatter(corpus, config, draws(4))
    generator, played = draws(5), []
    for k in range(first, first + 25):
        particles, (windows, activations) = filter_hop(particles, corpus.spectra[k], corpus, config, generator)
        assert float(particles.weights.sum()) == pytest.approx(1)
        played.append((int(windows[0]) - k, float(activations[0])))
    found = next(i for i, (offset, _) in enumerate(played) if offset == 0)
    assert found < 10
    assert [offset for offset, _ in played[found:]] == [0] * (25 - found)
    assert [h for _, h in played[found:]] == pytest.approx([1] * (25 - found), rel=1e-4)


def test_a_target_from_the_corpus_comes_out_as_it_was():
    source = melody(40, seed=6)
    corpus = cut(source)
    target = source[0, 10 * HOP : 30 * HOP]
    mosaic = run(target, corpus, ParticleConfig(particles=400, activations=1, max_hz=4000))
    late = slice(6 * HOP, 18 * HOP)  # found by then; the end is flushed with silence, which the corpus does not hold
    torch.testing.assert_close(mosaic[0, late], target[late], rtol=0, atol=1e-4)


def test_more_particles_fit_better():
    """And none better than a sum of all windows."""
    corpus, target = cut(melody(60, seed=1), melody(60, seed=2)), melody(40, seed=3)[0]
    spectra = magnitudes(target.unfold(0, 2 * HOP, HOP), RATE, 4000)

    def misfit(particles):
        config = ParticleConfig(particles=particles, activations=3, max_hz=4000)
        state, generator, left = Particles.scatter(corpus, config, draws(1)), draws(2), []
        for spectrum in spectra:
            state, (windows, activations) = filter_hop(state, spectrum, corpus, config, generator)
            left.append(float(kl_divergence(spectrum, activations @ corpus.spectra[windows])))
        return sum(left) / len(left)

    least = sum(float(kl_fit(each, corpus.spectra[None], iterations=100)[1]) for each in spectra) / len(spectra)
    few, many = misfit(2), misfit(500)
    assert least < many < 0.85 * few


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3 * HOP), min_size=1, max_size=12))
def test_stream_equals_offline(sizes):
    corpus = cut(melody(9, channels=2))
    target = melody(12, seed=1)[0]
    edges = [0, *[min(x, len(target)) for x in itertools.accumulate(sizes)], len(target)]
    generator = draws(3)
    state, out = start(corpus, SMALL, generator), []
    for a, b in itertools.pairwise(edges):
        state, audio = step(state, target[a:b], corpus, SMALL, generator)
        out.append(audio)
    state, audio = step(state, torch.zeros(2 * HOP), corpus, SMALL, generator)
    streamed = torch.cat([*out, audio], 1)[:, : len(target)]
    assert torch.equal(streamed, run(target, corpus, SMALL, seed=3))


def test_a_step_changes_no_state_and_is_at_most_two_hops_late():
    corpus, target = cut(melody(9)), melody(12, seed=1)[0]
    state: StreamState = start(corpus, SMALL, draws())
    came = 0
    for i, chunk in enumerate(target.split(100)):
        kept = (
            state.particles.windows.clone(),
            state.audio.clone(),
            state.tail.clone(),
            state.particles.log_weights.clone(),
        )
        after, audio = step(state, chunk, corpus, SMALL, draws(i))
        now = state.particles.windows, state.audio, state.tail, state.particles.log_weights
        assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
        state, came = after, came + audio.shape[1]
        given_so_far = min(100 * (i + 1), len(target))
        assert given_so_far - 2 * HOP < came <= given_so_far


def test_a_window_is_not_played_again_within_the_repeat():
    corpus = cut(melody(40))
    config = ParticleConfig(particles=60, activations=3, repeat_hops=4, advance=0.2, voters=1.0, max_hz=4000)
    particles, generator, history = Particles.scatter(corpus, config, draws()), draws(1), []
    for _ in range(30):
        particles, (windows, _) = filter_hop(particles, corpus.spectra[6], corpus, config, generator)
        recent = {k for chosen in history[-4:] for k in chosen}
        assert not recent & set(windows.tolist())
        history.append(windows.tolist())
    assert sum(map(len, history)) > 30


def test_silence_stays_silent_and_finite():
    corpus = cut(torch.cat([torch.zeros(1, 4 * HOP), melody(8)], 1))
    target = torch.cat([torch.zeros(5 * HOP), melody(6, seed=1)[0]])
    mosaic = run(target, corpus, SMALL)
    assert torch.isfinite(mosaic).all()
    assert not mosaic[:, : 3 * HOP].any()
    assert mosaic.abs().max() < 2


def test_run_length_counts_hops_for_which_windows_play_on():
    assert run_length([{3, 8}, {4, 1}, {5, 2}]) == 2  # 3 4 5, 1 2, and 8 alone: 6 windows in 3 runs
    assert run_length([{1}, {1}, {1}]) == 1


# As a baseline


@pytest.mark.parametrize("samples", [1500, 4001])
def test_baseline_gives_the_targets_length_and_replays_from_its_seed(samples):
    target = (melody(40, seed=2)[:, :samples], RATE)
    sources = [(melody(30, channels=2), RATE), (melody(30, seed=5), RATE)]
    options = {"particles": 30, "activations": 2, "iterations": 3, "codec": "toy"}
    first = play_baseline("particle", target, sources, seed=3, **options)
    again = play_baseline("particle", target, sources, seed=3, **options)
    other = play_baseline("particle", target, sources, seed=4, **options)
    assert first.audio.shape == (2, round(samples * first.sample_rate / RATE))
    assert torch.equal(first.audio, again.audio)
    assert not torch.equal(first.audio, other.audio)
    assert first.score is None
    assert (first.options["particles"], first.options["advance"]) == (30, 0.95)
    assert torch.isfinite(first.audio).all()
    assert float(first.audio.abs().max()) > 0.01


def test_bad_values_are_refused():
    for name, value in {
        "particles": 0,
        "activations": 0,
        "iterations": 0,
        "advance": 1.5,
        "voters": -0.1,
        "resample_below": math.nan,
        "inverse_temperature": -1.0,
        "repeat_hops": -1,
        "max_hz": 0.0,
    }.items():
        with pytest.raises(ArgumentError, match=f"{name} must be .*, got {value}"):
            ParticleConfig(**{name: value})
    with pytest.raises(ShapeError, match=r"target must be \(samples,\), at least 1, got \(1, 800\)"):
        next(filtered(melody(9)[:, :800], cut(melody(9)), SMALL, draws()))
    with pytest.raises(ShapeError, match="recording must be"):
        cut(melody(2)[0])
