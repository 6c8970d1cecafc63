"""Several visitors at once: each gets the sound of his own seed, and nothing is left when they go."""

import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")
from benchmarks import serve
from benchmarks.served import Answer, served_app
from lgr.sound.audio import save_audio


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_three_visitors_at_once_get_their_own_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    load = serve.measure(visitors=3, seconds=3, port=None)
    assert load.errors == []
    assert load.wrong == []
    assert load.served >= 3
    assert load.results_left_mib == 0
    assert 0 < load.sound_median <= load.sound_p95 <= load.whole_p95 <= load.until_last
    assert 100 < load.memory[0] <= load.memory_peak
    said = "\n".join(serve.table(load))
    assert f"| requests served | {load.served} (" in said


def load_of(**changes: object) -> serve.Load:
    load = serve.Load(visitors=2, seconds=1, cores=1, jobs_at_once=2, target_seconds=1, busy_before=0)
    load.served, load.memory_peak = 2, 100
    for name, value in changes.items():
        setattr(load, name, value)
    return load


def test_a_mixed_up_sound_is_found(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    expected = {seed: torch.rand(1, 800, generator=generator) - 0.5 for seed in (1, 2)}
    files = {
        name: save_audio(tmp_path / f"{name}.flac", sound, 8000)
        for name, sound in {
            "1": expected[1],
            "2": expected[2],
            "strange": -expected[1],
            "short": expected[1][:, 1:],
        }.items()
    }

    def judged(name: str) -> serve.Load:
        load = load_of()
        serve.judge(load, 1, Answer(audio=files[name], sound_seconds=1, seconds=1), expected)
        return load

    assert judged("1").wrong == []
    assert judged("2").wrong == ["the visitor of seed 1 got the sound of [2]"]
    assert judged("strange").wrong == ["the visitor of seed 1 got the sound of nobody"]
    assert judged("short").wrong == ["the visitor of seed 1 got the sound of nobody"]


def test_faults_are_said() -> None:
    assert load_of().faults == []
    assert load_of(memory_growth=4.9).faults == []
    assert load_of(memory_growth=5.1).faults == ["memory grew by 5 MiB over the last half"]
    assert load_of(served=0, errors=["seed 1: AppError: no"]).faults == ["seed 1: AppError: no", "nobody was served"]
    assert load_of(wrong=["mixed"], results_left_mib=1.0).faults == [
        "mixed",
        "1.0 MiB of results lie there though all have left",
    ]


def test_growth_is_that_of_a_line() -> None:
    assert serve._growth([5.0, 7.0, 9.0, 11.0]) == pytest.approx(6)
    assert serve._growth([3.0, 3.0, 3.0]) == 0
    assert serve._growth([3.0]) == 0


def test_a_server_that_ends_says_why() -> None:
    ends = [sys.executable, "-c", "import sys; sys.exit('the port is taken')"]
    with pytest.raises(RuntimeError, match="the port is taken"), served_app(ends):
        pass
