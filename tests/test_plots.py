"""Pictures: what is drawn is what was given, every axis says what it is, and files are whole or not there."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lgr.errors import ArgumentError, LgrError, MissingPackageError, ShapeError
from lgr.plots import mel_spectrogram, plot_score, plot_similarity, plot_spectrograms, plot_sweep, save_figure

pytest.importorskip("matplotlib")
RNG = np.random.default_rng(0)
RATE = 8_000


def sine(hz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray[Any, Any]:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def score(n: int, recordings: int = 3, **options: Any) -> Any:
    names = [f"recording {i}.wav" for i in range(recordings)]
    which = np.arange(n) % recordings
    uniform = RNG.uniform(0.1, 1, (4, n))
    return plot_score(np.arange(n) * 0.05, uniform[0], which, names, uniform[1], uniform[2], uniform[3], **options)


def similarity(n: int = 20, m: int = 30) -> Any:
    names = ("rain", "sea")[: 1 if m == 1 else 2]
    return plot_similarity(
        RNG.uniform(-1, 1, (n, m)),
        RNG.integers(0, m, n),
        hop_seconds=0.05,
        boundaries=[0, m // 2][: len(names)],
        recording_names=names,
    )


def sweep(n: int = 4, columns: int = 3) -> Any:
    sounds = [sine(200 * (i + 1)) for i in range(n)]
    measures = {f"measure {i} (%)": RNG.uniform(size=n) for i in range(columns)}
    return plot_sweep(np.linspace(0, 1, n).tolist(), measures, audio=sounds, sample_rate=RATE)


def spectrograms(n: int = 2) -> Any:
    return plot_spectrograms([(f"sound {i}", sine(300 * (i + 1)), RATE) for i in range(n)])


FIGURES = {
    "score": lambda: score(50),
    "score of one grain": lambda: score(1, recordings=1),
    "score of many recordings": lambda: score(60, recordings=20),
    "long score": lambda: score(20_000),
    "similarity": similarity,
    "similarity 1 x 1": lambda: similarity(1, 1),
    "similarity 1 x 30": lambda: similarity(1, 30),
    "similarity 30 x 1": lambda: similarity(30, 1),
    "large similarity": lambda: similarity(1_700, 1_900),
    "sweep": sweep,
    "sweep of one": lambda: sweep(1, 1),
    "sweep of seven": lambda: sweep(7, 5),
    "spectrogram": lambda: spectrograms(1),
    "spectrograms": lambda: spectrograms(4),
    "silence": lambda: plot_spectrograms([("silence", np.zeros(RATE), RATE)]),
    "one sample": lambda: plot_spectrograms([("one", np.ones(1), RATE)]),
    "ten minutes": lambda: plot_spectrograms([("long", np.resize(sine(440), 600 * RATE).astype(np.float32), RATE)]),
}


# as the figures before them, only with more to draw
SLOW = {"score of many recordings", "long score", "sweep of seven", "ten minutes", "large similarity"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FIGURES]
)
def test_axes_are_labelled_and_legible(name: str, tmp_path: Path) -> None:
    from matplotlib.text import Text

    figure = FIGURES[name]()
    save_figure(figure, tmp_path / "a.png")  # drawing may warn, and warnings are errors
    labels = [label for axis in figure.axes for label in (axis.get_xlabel(), axis.get_ylabel()) if label]
    assert any("(s)" in label or "temperature" in label for label in labels)
    for axis in figure.axes:
        # A shared axis is labelled once, on its group.
        assert axis.get_xlabel() or axis.get_ylabel() or axis.get_title(loc="left")
    for text in figure.findobj(Text):
        assert text.get_fontsize() >= 8 or not text.get_text()
    assert figure.get_figwidth() <= 7.5


def test_score_draws_each_grain_once() -> None:
    figure = score(100, recordings=20)
    lanes = [axis for axis in figure.axes if axis.collections]
    drawn = np.concatenate([axis.collections[0].get_offsets() for axis in lanes])
    assert len(drawn) == 100
    np.testing.assert_allclose(np.sort(drawn[:, 0]), np.arange(100) * 0.05)
    assert lanes[-1].get_title(loc="left") == "14 other recordings: 70 of 100 grains"
    looks = {(tuple(a.collections[0].get_facecolor()[0]), len(a.collections[0].get_paths()[0])) for a in lanes}
    assert len(looks) == len(lanes) == 7


def test_score_keeps_similarity_and_probability() -> None:
    figure = plot_score([0, 1, 2], [3, 4, 5], [0, 0, 1], ["a", "b"], [0.9, 0.8, 0.7], [0.5, 0.0, 1.0])
    lines = {axis.get_ylabel(): axis.lines[0].get_ydata() for axis in figure.axes if axis.lines}
    np.testing.assert_allclose(lines["similarity"], [0.9, 0.8, 0.7])
    np.testing.assert_allclose(lines["probability"], [0.5, 1e-9, 1.0])
    assert figure.axes[3].get_yscale() == "log"


def test_pooling_keeps_the_best_match() -> None:
    matrix = np.zeros((2_500, 3_001))
    matrix[1_234, 2_999] = 1.0
    image = plot_similarity(matrix).axes[0].images[0].get_array()
    assert max(image.shape) <= 800
    assert image.max() == 1.0
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert column / image.shape[1] == pytest.approx(1_234 / 2_500, abs=2 / image.shape[1])
    assert row / image.shape[0] == pytest.approx(2_999 / 3_001, abs=2 / image.shape[0])


def test_path_lies_on_its_cells() -> None:
    axis = plot_similarity(np.eye(5), [4, 3, 2, 1, 0], hop_seconds=0.5).axes[0]
    np.testing.assert_allclose(
        axis.collections[0].get_offsets(), [[0.25, 4], [0.75, 3], [1.25, 2], [1.75, 1], [2.25, 0]]
    )
    assert axis.get_xlim() == (0.0, 2.5)
    assert axis.get_ylim() == (-0.5, 4.5)


def test_sweep_draws_its_columns() -> None:
    figure = plot_sweep([0, 0.1, 1], {"mean similarity": [3.0, 2.0, 1.0], "run (grains)": [1.0, 5.0, 9.0]})
    assert [axis.get_ylabel() for axis in figure.axes] == ["mean similarity", "run (grains)"]
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), [1.0, 5.0, 9.0])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0", "0.1", "1"]


@pytest.mark.parametrize("rate", [8_000, 24_000, 192_000])
@pytest.mark.parametrize("hz", [100.0, 1_000.0, 3_500.0])
def test_mel_spectrogram_finds_a_tone(hz: float, rate: int) -> None:
    power = mel_spectrogram(sine(hz, rate=rate), rate, top_hz=rate / 2)
    edges = 700 * np.expm1(np.linspace(np.log1p(20 / 700), np.log1p(rate / 2 / 700), 130))
    loudest = int(power.mean(axis=1).argmax())
    assert edges[max(0, loudest - 1)] < hz < edges[min(129, loudest + 3)]


def test_spectrograms_share_one_scale() -> None:
    loud, quiet = sine(440), sine(440) * 0.01
    figure = plot_spectrograms([("loud", loud, RATE), ("quiet", quiet, RATE), ("silence", np.zeros(RATE), RATE)])
    peaks = [float(axis.images[0].get_array().max()) for axis in figure.axes[:3]]
    assert peaks == pytest.approx([0.0, -40.0, -80.0], abs=1e-3)
    assert {axis.images[0].get_clim() for axis in figure.axes[:3]} == {(-80.0, 0.0)}


def test_names_are_text_not_mathematics(tmp_path: Path) -> None:
    name = r"take$_{2}$ of \frac{rain}.wav"
    save_figure(plot_spectrograms([(name, sine(440), RATE)], title=name), tmp_path / "a.png")
    save_figure(plot_score([0], [0], [0], [name], [1], [1], title=name), tmp_path / "b.png")
    save_figure(plot_similarity(np.eye(2), boundaries=[0], recording_names=[name]), tmp_path / "c.png")
    save_figure(plot_sweep([0, 1], {name: [1, 2]}), tmp_path / "d.png")


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_save_figure(tmp_path: Path, suffix: str, magic: bytes) -> None:
    figures = [plot_similarity(np.eye(3)), score(3, recordings=1)]
    paths = [save_figure(figure, tmp_path / f"{i}.{suffix}") for i, figure in enumerate(figures)]
    assert all(path.read_bytes().startswith(magic) for path in paths)
    assert sorted(tmp_path.iterdir()) == paths
    again = save_figure(plot_similarity(np.eye(3)), tmp_path / f"again.{suffix}")
    assert again.read_bytes() == paths[0].read_bytes()
    with pytest.raises(LgrError, match="exists and is kept"):
        save_figure(figures[0], again)
    save_figure(figures[0], again, force=True)


def test_save_figure_leaves_nothing_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = plot_similarity(np.eye(2))
    with pytest.raises(ArgumentError, match=r"\.png, \.svg or \.pdf, got 'a\.bmp'"):
        save_figure(figure, tmp_path / "a.bmp")

    def interrupted(path: Path, **options: Any) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_figure(figure, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'lgr\[explore\]'"):
        plot_similarity(np.eye(2))


def test_refusals() -> None:
    with pytest.raises(ShapeError, match=r"source_seconds must be \(2,\), got \(1,\)"):
        plot_score([0, 1], [0], [0, 0], ["a"], [1, 1], [1, 1])
    with pytest.raises(ArgumentError, match="recording must index 1 names, got 0 to 1"):
        plot_score([0, 1], [0, 1], [0, 1], ["a"], [1, 1], [1, 1])
    with pytest.raises(ArgumentError, match="similarity must be finite"):
        plot_score([0], [0], [0], ["a"], [np.nan], [1])
    with pytest.raises(ShapeError, match="similarity must be"):
        plot_similarity(np.zeros((0, 3)))
    with pytest.raises(ArgumentError, match="hop_seconds must be > 0, got 0"):
        plot_similarity(np.eye(2), hop_seconds=0)
    with pytest.raises(ArgumentError, match="one for each of 1 boundaries"):
        plot_similarity(np.eye(2), boundaries=[0], recording_names=["a", "b"])
    with pytest.raises(ArgumentError, match="at least one temperature"):
        plot_sweep([], {})
    with pytest.raises(ArgumentError, match="one result for each of 2 temperatures, got 1"):
        plot_sweep([0, 1], {}, audio=[sine(440)], sample_rate=RATE)
    with pytest.raises(ArgumentError, match="at least one"):
        plot_spectrograms([])
    with pytest.raises(ArgumentError, match="sample_rate must be > 0"):
        plot_spectrograms([("a", sine(440), 0)])
