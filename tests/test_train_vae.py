"""Training grain models: what is read, exact resumption, and every way in which data, disk or loss can go wrong."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_grain_model import TinyConfig, TinyModel, register, write_sounds
from torch import Tensor

from lgr.codecs import load_codec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError, LgrError, WeightsError
from lgr.models.granular.temporal import TemporalConfig
from lgr.train.vae.config import FREE_ON_RESUME, VaeTrainConfig, recipe
from lgr.train.vae.export import read_log
from lgr.train.vae.train import train_model

TEMPORAL = {"frames": 12, "embedding_dim": 4, "encoder_width": 8, "decoder_width": 8}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    register(monkeypatch)
    if "pictures" not in request.node.name:  # they take longer than all the rest
        monkeypatch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def tiny(**changes: Any) -> VaeTrainConfig:
    values = {
        "steps": 6,
        "batch_size": 3,
        "crop_seconds": 0.2,
        "warmup_steps": 2,
        "validate_every": 2,
        "log_every": 1,
        "windows": (256, 64),
        "checkpoint_seconds": -1.0,
    }
    return VaeTrainConfig(**{**values, **changes})


def trained(data: Path, out: Path, *, stop_at: int | None = None, **options: Any) -> list[dict[str, Any]]:
    """Train a tiny model and give its rows without their times; ``stop_at`` breaks off after that step is logged."""
    rows = []

    def report(row: dict[str, Any]) -> None:
        times = ("seconds", "done", "left_seconds", "audio_per_second")
        rows.append({k: v for k, v in row.items() if k not in times})
        if row.get("step") == stop_at and "note" not in row:
            raise Interrupted

    options = {"config": tiny(), "model_config": TinyConfig(), "cache": out.parent / "cache", **options}
    train_model("tiny", data, out, report=report, **options)
    return rows


STAGED: dict[str, Any] = {
    "config": tiny(steps=18, temporal=True, stage_shares=(1 / 3, 1 / 3, 1 / 3)),
    "temporal": TEMPORAL,
    "labels": True,
}


class Interrupted(Exception):
    """Stands for the power cut."""


# ---- a whole run ---------------------------------------------------------------------------------------------------


def test_a_run_leaves_a_model_its_card_figures_and_pictures(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    rows = trained(sounds, out, labels=True, licence="MIT")
    names = {path.name for path in out.iterdir()}
    assert names >= {"checkpoint.pt", "config.json", "model.safetensors", "README.md", "metrics.json", "log.jsonl"}
    assert names >= {"loss.png", "reconstructions.png", "training_data.csv"}
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    assert {"magnitude", "log_magnitude", "kl"} <= steps[0].keys()
    assert [row["step"] for row in rows if "held_out" in row] == [2, 4, 6]
    assert all(math.isfinite(value) for row in rows if "held_out" in row for value in row["held_out"].values())
    assert rows[-1]["note"] == "stopped: the budget was spent"
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["model"], metrics["steps"], metrics["stopped"]) == ("tiny", 6, "the budget was spent")
    assert metrics["held_out"]["mstft"] > 0
    card = (out / "README.md").read_text()
    for words in ("Licence of the weights: MIT", "6 for training, 2", "Classes: bell 3, hiss 3", "mstft"):
        assert words.replace("6 for", "6 recordings (0.0 minutes) for").split(",")[0] in card
    table = (out / "training_data.csv").read_text()
    assert table.startswith("name,class,use,group,licence,attribution")
    assert str(sounds) not in table + card  # where a person keeps their files is nobody's business
    assert "hiss/2.wav,hiss," in table
    codec = load_codec(out)
    assert isinstance(codec, TrainedCodec)
    assert codec.labels == ("bell", "hiss")
    assert codec.info.licence == "MIT"
    assert codec.info.latent_dim == 6 + 2


def test_training_makes_the_loss_smaller(sounds: Path, tmp_path: Path) -> None:
    """Tones are few dimensions, which a linear model finds; its waveform loss is convex."""
    only = {"magnitude_weight": 0.0, "log_magnitude_weight": 0.0, "waveform_weight": 1.0, "beta": 0.0}
    config = tiny(steps=100, learning_rate=0.02, validate_every=100, checkpoint_seconds=60.0, **only)
    rows = trained(sounds, tmp_path / "run", config=config, classes=["bell"])
    last = next(row["held_out"] for row in rows if "held_out" in row)
    rows = trained(sounds, tmp_path / "start", config=tiny(steps=1, **only), classes=["bell"])
    first = next(row["held_out"] for row in rows if "held_out" in row)
    assert last["loss"] < 0.8 * first["loss"]
    assert last["mstft"] < 0.8 * first["mstft"]


def test_pictures_are_left_out_where_matplotlib_is_missing(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgr.train.vae.export.find_spec", lambda name: None)
    rows = trained(sounds, tmp_path / "run", config=tiny(steps=1))
    assert any("no pictures: they need matplotlib" in row.get("note", "") for row in rows)
    assert not (tmp_path / "run" / "loss.png").exists()
    assert "no pictures" in (tmp_path / "run" / "README.md").read_text()


# ---- resuming ------------------------------------------------------------------------------------------------------


def test_a_resumed_run_is_an_unbroken_one(sounds: Path, tmp_path: Path) -> None:
    whole = trained(sounds, tmp_path / "whole", labels=True)
    with pytest.raises(Interrupted):
        trained(sounds, tmp_path / "broken", labels=True, stop_at=4)  # its last checkpoint is that of step 3
    rest = trained(sounds, tmp_path / "broken", labels=True, resume=True)
    assert [row for row in rest if row["step"] > 3] == [row for row in whole if row["step"] > 3]
    assert len(rest) >= 5
    logs = [
        [{k: row.get(k) for k in ("step", "loss", "held_out")} for row in read_log(tmp_path / run / "log.jsonl", 6)]
        for run in ("whole", "broken")
    ]
    assert logs[0] == logs[1]  # rows beyond the checkpoint were not kept twice
    assert same_weights(tmp_path / "whole", tmp_path / "broken")


def same_weights(a: Path, b: Path) -> bool:
    return (a / "model.safetensors").read_bytes() == (b / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def staged(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A run through all three stages that nothing broke: its folder and its rows."""
    out = tmp_path_factory.mktemp("staged") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        patch.setattr("lgr.train.vae.trainer.draw_pictures", lambda *args: "")
        return out, trained(sounds, out, **STAGED)


@pytest.mark.parametrize("stop_at", [4, 10, 16])
def test_all_three_stages_resume_exactly(
    sounds: Path, staged: tuple[Path, list[dict[str, Any]]], tmp_path: Path, stop_at: int
) -> None:
    unbroken, whole = staged
    stages = [row["stage"] for row in whole if "loss" in row]
    assert stages == ["grains"] * 6 + ["series"] * 6 + ["together"] * 6
    with pytest.raises(Interrupted):
        trained(sounds, tmp_path / "broken", stop_at=stop_at, **STAGED)
    rest = trained(sounds, tmp_path / "broken", resume=True, **STAGED)
    after = [row for row in whole if row["step"] >= stop_at and "loss" in row]
    assert [row for row in rest if row["step"] >= stop_at and "loss" in row] == after
    assert same_weights(unbroken, tmp_path / "broken")


def test_frozen_grains_stay_and_the_embedding_plays(sounds: Path, tmp_path: Path) -> None:
    config = tiny(steps=9, temporal=True, stage_shares=(1 / 3, 1 / 3, 1 / 3))
    out, weights = tmp_path / "run", {}

    def report(row: dict[str, Any]) -> None:
        if "loss" in row and row["step"] > 1:  # the checkpoint is that of the step before
            weights[row["step"] - 1] = torch.load(out / "checkpoint.pt", weights_only=True)["parts"]

    train_model(
        "tiny",
        sounds,
        out,
        config=config,
        model_config=TinyConfig(),
        temporal=TEMPORAL,
        labels=True,
        cache=tmp_path / "cache",
        report=report,
    )
    grain, embedding = "model.inlet.weight", "temporal.start.weight"
    changed = {
        name: [step for step in range(2, 9) if not torch.equal(weights[step][name], weights[step - 1][name])]
        for name in (grain, embedding)
    }
    assert set(changed[grain]) - {4} == {2, 3, 7, 8}  # at 4 the best of the first stage may be put back
    assert changed[embedding] == [4, 5, 6, 7, 8]
    statistics = [weights[step]["temporal.std"] for step in (3, 4, 8)]
    assert bool((statistics[0] == 1).all())
    assert not torch.equal(statistics[0], statistics[1])
    assert torch.equal(statistics[1], statistics[2])
    codec = load_codec(out)
    assert isinstance(codec, TrainedCodec)
    assert codec.temporal is not None
    assert codec.temporal.config == TemporalConfig(latent_dim=6, labels=("bell", "hiss"), **TEMPORAL)
    latents = codec.sample("Bell", 2, 0)
    assert latents.shape == (2, 8, 12)
    assert codec.decode(latents).isfinite().all()


@pytest.mark.slow  # a program of its own; runs that break off in this one resume above
def test_a_killed_run_resumes(sounds: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from pathlib import Path; import pytest;"
        "from tiny_grain_model import register; register(pytest.MonkeyPatch());"
        "import test_train_vae as t;"
        "t.trained(Path(sys.argv[2]), Path(sys.argv[3]), config=t.tiny(steps=10**6, validate_every=10**6))"
    )
    out, tests = tmp_path / "run", Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tests), str(sounds), str(out)],
        cwd=tests.parent,
        env={**os.environ, "PYTHONPATH": str(tests.parent)},
    )
    try:
        deadline = time.monotonic() + 150  # a busy machine takes its time to import torch
        while time.monotonic() < deadline:
            if (out / "checkpoint.pt").exists() and (out / "log.jsonl").stat().st_size > 1500:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    reached = torch.load(out / "checkpoint.pt", weights_only=True)["step"]
    rows = trained(sounds, out, config=tiny(steps=reached + 2, validate_every=10**6), resume=True)
    assert [row["step"] for row in rows if "loss" in row] == [reached + 1, reached + 2]
    steps = [row["step"] for row in read_log(out / "log.jsonl", 10**9) if "loss" in row]
    assert steps == list(range(1, reached + 3))


def test_resuming_something_else_is_refused(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ArgumentError, match="out must hold a checkpoint to resume from"):
        trained(sounds, out, resume=True)
    trained(sounds, out, config=tiny(steps=1))
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    with pytest.raises(ArgumentError, match="already holds a training run"):
        trained(sounds, out)
    with pytest.raises(ArgumentError, match=r"config must be that of the run being resumed \(beta=0.001\)"):
        trained(sounds, out, config=tiny(beta=0.5), resume=True)
    with pytest.raises(ArgumentError, match=r"resumed \(tiny, latent_dim=6\)"):
        trained(sounds, out, model_config=TinyConfig(latent_dim=5), resume=True)
    with pytest.raises(ArgumentError, match=r"resumed \(tiny, labels=\[?\(?"):
        trained(sounds, out, labels=True, resume=True)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    (out / "checkpoint.pt").write_bytes(before["checkpoint.pt"][:500])
    with pytest.raises(WeightsError, match="is damaged and cannot be resumed from"):
        trained(sounds, out, resume=True)


# ---- budgets and stopping ------------------------------------------------------------------------------------------


def test_schedules_follow_the_share_of_the_budget() -> None:
    config = tiny(steps=100, minutes=None, decay=0.5, warmup_steps=1, learning_rate=1.0)
    assert config.progress(0, 25, 1e9) == 0.25  # seconds do not matter without a budget of minutes
    assert config.rate(25, 0.25) == 1.0
    assert config.rate(75, 0.75) == pytest.approx(0.5)
    assert config.rate(100, 1.0) == 0
    timed = tiny(steps=None, minutes=2.0)
    assert timed.progress(0, 10**9, 60.0) == 0.5
    both = tiny(steps=100, minutes=2.0)
    assert (both.progress(0, 90, 60.0), both.progress(0, 10, 60.0)) == (0.9, 0.5)
    three = tiny(steps=100, temporal=True)
    assert [three.progress(i, 10, 0.0) for i in range(3)] == pytest.approx([1 / 6, 0.5, 0.5])
    assert VaeTrainConfig().minutes == 10


def test_a_budget_of_minutes_is_kept_and_the_rate_falls(sounds: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    config = tiny(steps=None, validate_every=10**6, checkpoint_seconds=60.0, decay=1.0)
    rows = trained(sounds, tmp_path / "run", config=config, minutes=0.02)
    assert time.monotonic() - begin < 10
    rates = [row["rate"] for row in rows if "loss" in row][3:]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.3 * rates[0]


def test_training_stops_early_and_says_why(sounds: Path, tmp_path: Path) -> None:
    config = tiny(steps=10**6, patience=3, validate_every=1, learning_rate=1e-9, beta_silent=0.0, beta_ramp=0.0)
    rows = trained(sounds, tmp_path / "run", config=config)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["stopped"].startswith("no better on held-out sound over 3 tests")
    assert metrics["steps"] < 60
    assert "no better on held-out sound over 3 tests" in rows[-1]["note"]
    assert "no better on held-out sound" in (tmp_path / "run" / "README.md").read_text()


def test_the_weights_that_did_best_are_kept(sounds: Path, tmp_path: Path) -> None:
    """A rate that wrecks the model after its best test: what is exported is the model of that test."""
    out = tmp_path / "run"
    config = tiny(
        steps=12, validate_every=1, beta_silent=0.0, beta_ramp=0.0, ema=0.0, learning_rate=0.5, warmup_steps=1
    )
    rows = trained(sounds, out, config=config)
    tests = {row["step"]: row["held_out"]["loss"] for row in rows if "held_out" in row}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["held_out"]["loss"] == pytest.approx(min(tests.values()), rel=1e-5)


# ---- what goes wrong in the middle ---------------------------------------------------------------------------------


def test_a_loss_that_is_nan_stops_and_keeps_the_last_good_checkpoint(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls, render = tmp_path / "run", [0], TinyModel.render

    def sick(self: TinyModel, *args: Any, **options: Any) -> Tensor:
        calls[0] += torch.is_grad_enabled()
        return render(self, *args, **options) * (float("nan") if calls[0] > limit else 1.0)

    monkeypatch.setattr(TinyModel, "render", sick)
    limit = 0
    with pytest.raises(LgrError, match=r"stopped at step 1: the loss is nan; there is no checkpoint yet: begin again"):
        trained(sounds, tmp_path / "at_once")
    limit, calls[0] = 3, 0
    with pytest.raises(LgrError, match=r"step 4: the loss is nan; the checkpoint of step 3 is kept: go on .* --resume"):
        trained(sounds, out)
    monkeypatch.setattr(TinyModel, "render", render)
    assert torch.load(out / "checkpoint.pt", weights_only=True)["step"] == 3
    assert load_codec(out).decode(torch.zeros(1, 6, 3)).isfinite().all()
    rows = trained(sounds, out, resume=True, config=tiny(learning_rate=1e-4))
    assert [row["step"] for row in rows if "loss" in row] == [4, 5, 6]
    assert "learning_rate" in FREE_ON_RESUME


def test_a_full_disk_leaves_the_old_checkpoint(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, write = tmp_path / "run", Path.write_bytes
    trained(sounds, out, config=tiny(steps=2))
    kept = {name: (out / name).read_bytes() for name in ("checkpoint.pt", "model.safetensors", "config.json")}

    def full(self: Path, content: Any) -> int:
        write(self, bytes(content)[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(LgrError, match=r"cannot write .*checkpoint.pt: the disk is full"):
        trained(sounds, out, config=tiny(steps=4), resume=True)
    monkeypatch.setattr(Path, "write_bytes", write)
    assert {name: (out / name).read_bytes() for name in kept} == kept
    assert not list(out.glob(".lgr-*"))
    rows = trained(sounds, out, config=tiny(steps=4), resume=True)
    assert [row["step"] for row in rows if "loss" in row] == [3, 4]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"minutes": 0.0},
        {"minutes": float("nan")},
        {"label_dropout": 1.5},
        {"decay": 0.0},
        {"learning_rate": -1.0},
        {"beta": float("nan")},
        {"windows": (100,)},
        {"stage_shares": (0.5, 0.5, 0.5)},
        {"magnitude_weight": 0.0, "log_magnitude_weight": 0.0},
    ],
)
def test_a_recipe_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    names = "one of the reconstruction weights" if len(wrong) > 1 else next(iter(wrong))
    with pytest.raises(ArgumentError, match=names):
        VaeTrainConfig(**wrong)


def test_options_of_another_kind_are_refused() -> None:
    with pytest.raises(
        ArgumentError, match="temporal must be off for noiseband: it is an option of granular and spectral"
    ):
        recipe("noiseband", temporal=True)
    with pytest.raises(ArgumentError, match="kind must be one of granular"):
        recipe("granola")


def test_a_run_may_begin_with_another_models_weights(sounds: Path, tmp_path: Path) -> None:
    trained(sounds, tmp_path / "first", config=tiny(steps=6))
    still = tiny(steps=1, learning_rate=1e-12, ema=0.0)
    trained(sounds, tmp_path / "same", config=still, init=tmp_path / "first")
    first, same = (load_file(tmp_path / name / "model.safetensors") for name in ("first", "same"))
    for name, value in first.items():
        torch.testing.assert_close(same[name].float(), value.float(), rtol=0, atol=2e-3)
    trained(sounds, tmp_path / "labelled", config=still, init=tmp_path / "first", labels=True)
    labelled = load_codec(tmp_path / "labelled")
    latents = load_codec(tmp_path / "first").encode(torch.ones(1, 1, 2000) * 0.1)
    told = labelled.condition(
        torch.cat([latents, latents.new_zeros(1, len(labelled.labels), latents.shape[2])], 1), None
    )
    torch.testing.assert_close(labelled.decode(told), load_codec(tmp_path / "first").decode(latents), rtol=0, atol=5e-3)
    for what, options in (("sizes", {"model_config": TinyConfig(latent_dim=9)}), ("none", {"init": tmp_path / "none"})):
        with pytest.raises((ArgumentError, WeightsError), match=r"init must hold a tiny model of the same|must hold"):
            trained(sounds, tmp_path / what, **{"config": still, "init": tmp_path / "first", **options})
