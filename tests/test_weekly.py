"""The weekly job on real weights: it says what failed, codec by codec, and goes on."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import weekly
from lgr.codecs import ToyCodec
from lgr.errors import WeightsError


def test_what_cannot_be_had_fails_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str) -> Any:
        if name == "dac-16khz":
            raise WeightsError("no network here")
        return ToyCodec() if name == "dac-24khz" else ToyCodec(latent_dim=24)

    monkeypatch.setattr("benchmarks.weekly.load_codec", load)
    monkeypatch.setattr("benchmarks.weekly._resynth", lambda codec: "peak 0.50")  # below, for real
    monkeypatch.setattr("sys.argv", ["weekly", "--only", "dac-16khz", "dac-24khz", "encodec-24khz"])
    assert weekly.main() == 1
    said = capsys.readouterr().out
    assert "| dac-16khz | FAILED | - | - | - |" in said
    assert "dac-16khz: weights: no network here" in said
    assert "| dac-24khz | loaded | 13 hold | 0.00 | peak" in said  # by the toy in its place
    assert "| encodec-24khz | loaded | FAILED 1 |" in said
    assert "encodec-24khz: _check_card: the card must say what the codec is" in said  # a toy of another size


@pytest.mark.slow
@pytest.mark.weights
def test_soundstream_passes(soundstream_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_WEIGHTS", str(soundstream_folder))
    monkeypatch.setattr("sys.argv", ["weekly", "--only", "soundstream"])
    assert weekly.main() == 0
