"""The training loop: steps, tests on held-out sound, checkpoints, and the reasons for which a stage ends."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.errors import LgrError
from lgr.files import atomic_path
from lgr.losses import beta_at
from lgr.models.kinds import config_values
from lgr.train.vae import config as vae_config
from lgr.train.vae.adversarial_step import adversarial_backward
from lgr.train.vae.batches import Batches
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.export import RunReport, draw_pictures, read_log, write_model, write_report
from lgr.train.vae.state import TrainingState, frozen_copy
from lgr.train.vae.steps import STAGE_LOSSES, total_loss, validate

Report = Callable[[dict[str, Any]], None]


class Trainer:
    """Takes a run from where its state is to its end, and writes what it leaves in ``out``."""

    def __init__(
        self,
        state: TrainingState,
        config: VaeTrainConfig,
        batches: Batches,
        run: RunReport,
        out: Path,
        report: Report | None,
    ) -> None:
        self._state, self._config, self._batches = state, config, batches
        self._run, self._out, self._report = run, out, report
        self._log = out / "log.jsonl"
        self._saved_step: int | None = state.step or None
        self._tick = self._last_save = self._last_log = time.monotonic()
        self._logged_step, self._validated_step = state.step, -1
        self._trained = {name for name, weight in state.parts.named_parameters() if weight.requires_grad}

    @property
    def _stage(self) -> str:
        return self._config.stages[self._state.stage]

    def run(self) -> None:
        """All stages that are left, then the reports."""
        rows = read_log(self._log, self._state.step)  # a killed run logged more than it saved
        with atomic_path(self._log, force=True) as part:
            part.write_text("".join(json.dumps(row) + "\n" for row in rows))
        while True:
            self._enter_stage()
            reason = self._run_stage()
            self._test()
            if self._state.stage + 1 == len(self._config.stages):
                break
            self._write({"step": self._state.step, "note": f"stage {self._stage} ended: {reason}"})
            self._state.reasons.append(f"{self._stage}: {reason}")
            self._state.next_stage()
        self._fit_prior()
        self._fit_intensity()
        self._save()
        self._finish("; ".join([*self._state.reasons, f"{self._stage}: {reason}"]) if self._state.reasons else reason)

    def _enter_stage(self) -> None:
        state = self._state
        state.parts.train()
        for name, weight in state.parts.named_parameters():
            weight.requires_grad_(name in self._trained)
        if self._stage == "series":
            state.parts.model.requires_grad_(False)
            mean, std = self._batches.read_series(state.parts.model.eval())
            for parts in (state.parts, state.average):
                parts.temporal.set_statistics(mean, std)

    def _fit_intensity(self) -> None:
        """How latents change with the level, of the weights that are kept, where the model has such a control."""
        state = self._state
        if "intensity" not in state.parts.model.controls:
            return
        from lgr.models.spectral.intensity import fit_intensity

        result = frozen_copy(state.parts)
        result.load_state_dict(state.result())
        self._keep({"model.intensity": fit_intensity(result.model, self._batches.recordings())})

    def _keep(self, fitted: dict[str, Tensor]) -> None:
        """Put into all weights, those that are kept too, what was fitted at the end."""
        state = self._state
        for parts in (state.parts, state.average):
            parts.load_state_dict({**parts.state_dict(), **fitted})
        if state.best is not None:
            state.best |= fitted

    def _fit_prior(self) -> None:
        """Where new one-shots are drawn from: fitted to the embeddings that the weights which are kept give."""
        state = self._state
        if state.parts.temporal is None:
            return
        result = frozen_copy(state.parts)
        result.load_state_dict(state.result())
        result.temporal.prior.fit(*self._batches.embeddings(result))
        fitted = {name: value for name, value in result.state_dict().items() if name.startswith("temporal.prior.")}
        self._keep(fitted)

    def _run_stage(self) -> str:
        """Steps until the stage is over; why it is."""
        state, config = self._state, self._config
        while True:
            progress = config.progress(state.stage, state.stage_step, state.stage_seconds)
            if progress >= 1:
                return "the budget was spent"
            if state.since_best >= config.patience:
                return f"no better on held-out sound over {config.patience} tests (best loss {state.best_loss:.4g})"
            row = self._step(progress)
            self._count_time()
            if state.step % config.log_every == 0:
                self._write({**row, **self._speed()})
            if state.stage_step % config.validate_every == 0:
                self._test()
            if time.monotonic() - self._last_save > config.checkpoint_seconds:
                self._save()

    def _step(self, progress: float) -> dict[str, Any]:
        """One step of the optimiser; its log row."""
        state, config = self._state, self._config
        rate = config.rate(state.stage_step, progress)
        beta, series_beta = self._betas(progress)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        batch = self._batches.of(self._stage, state.step)
        losses = STAGE_LOSSES[self._stage](state.parts, batch, config, state.step)
        total = total_loss(losses, config, beta, series_beta)
        loss = float(total.detach())
        if not math.isfinite(loss):
            raise LgrError(self._diverged(loss))
        terms = {name: float(value.detach()) for name, value in {**losses.reconstruction, **losses.divergence}.items()}
        state.optimiser.zero_grad()
        if state.adversary is not None and progress >= config.adversarial_from:
            terms |= adversarial_backward(state.adversary, losses, config, beta)
        else:
            total.backward()  # type: ignore[no-untyped-call]
        trained = [p for p in state.parts.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.clip_grad_norm_(trained, config.clip_norm))
        if math.isfinite(norm):  # one bad batch must not end hours of training
            state.optimiser.step()
        state.follow(config.ema)
        state.step += 1
        state.stage_step += 1
        row = {"step": state.step, "stage": self._stage, "loss": loss, "rate": rate, "beta": beta, "grad": norm}
        return {**row, **terms}

    def _betas(self, progress: float) -> tuple[float, float]:
        """Weights of the two KL terms: each rises in the stage that begins it, and is held in those after."""
        config = self._config
        schedule = {"silent": config.beta_silent, "ramp": config.beta_ramp}
        beta = beta_at(progress, target=config.beta, **schedule) if self._stage == "grains" else config.beta
        if self._stage == "series":
            return beta, beta_at(progress, target=config.series_beta, **schedule)
        return beta, config.series_beta

    def _settled(self) -> bool:
        """Whether the objective has all its terms at full weight, so that held-out losses may be compared.

        Against discriminators it never has: what they ask for makes the held-out loss worse, so there the last
        averaged weights are kept, and the budget alone ends the run.
        """
        state, config = self._state, self._config
        if state.adversary is not None:
            return False
        progress = config.progress(state.stage, state.stage_step, state.stage_seconds)
        needed = config.beta_silent + config.beta_ramp if self._stage != "together" else 0.0
        return progress >= needed

    def _test(self) -> None:
        """Held-out terms of the averaged weights, logged; the best ones are kept. Once a step at most."""
        state = self._state
        if self._validated_step == state.step:
            return
        held_out = validate(state.average, self._batches.probes(self._stage), self._config, self._stage)
        self._validated_step = state.step
        best = state.judge(held_out["loss"]) if self._settled() else False
        self._count_time()
        self._write({"step": state.step, "stage": self._stage, **self._times(), "held_out": held_out, "best": best})

    def _save(self) -> None:
        """A checkpoint, and the model as it is."""
        state, run = self._state, self._run
        described = {
            "kind": run.kind,
            "sizes": config_values(state.parts.model.config),
            "recipe": vae_config.config_values(self._config),
        }
        state.save(self._out / "checkpoint.pt", described)
        self._saved_step = state.step
        temporal = state.parts.temporal is not None and self._stage != "grains"
        write_model(self._out, run.kind, state.parts, state.result(), licence=run.licence, with_temporal=temporal)
        self._last_save = time.monotonic()

    def _finish(self, reason: str) -> None:
        """Figures of the weights that were kept, the card, the pictures."""
        state, run, config = self._state, self._run, self._config
        result = frozen_copy(state.parts)
        result.load_state_dict(state.result())
        stage = "together" if config.temporal else "grains"
        probes = self._batches.probes("grains") if not config.temporal else self._batches.probes("together")
        run.held_out = validate(result, probes, config, stage)
        run.steps, run.seconds, run.reason = state.step, state.seconds, reason
        pairs = self._pairs(result)
        missing = draw_pictures(self._out, read_log(self._log, state.step), pairs, self._batches.sizes.sample_rate)
        if missing:
            run.notes.append(missing)
            self._write({"step": state.step, "note": missing})
        write_report(self._out, run, state.parts)
        self._write({"step": state.step, "note": f"stopped: {reason}"})

    @torch.no_grad()
    def _pairs(self, parts: Any) -> list[tuple[str, Tensor, Tensor]]:
        """Three held-out crops and what the model makes of them."""
        batch = self._batches.probes("grains")[0]
        audio, labels = batch.audio[:3], batch.labels[:3]
        means = parts.model.posterior(audio).mean
        held = labels[:, None].expand(*means.shape[:2], labels.shape[1])
        estimate = parts.model.render(means, held, seeds=range(len(audio)))[:, : audio.shape[1]]
        return [
            (f"held-out crop {i + 1}", a.cpu(), e.cpu()) for i, (a, e) in enumerate(zip(audio, estimate, strict=True))
        ]

    def _diverged(self, loss: float) -> str:
        said = f"training in {self._out} stopped at step {self._state.step + 1}: the loss is {loss}"
        lower = f"a --learning-rate below {self._config.learning_rate:g}"
        if self._saved_step is None:
            return f"{said}; there is no checkpoint yet: begin again with {lower}"
        return f"{said}; the checkpoint of step {self._saved_step} is kept: go on from it with --resume and {lower}"

    def _count_time(self) -> None:
        now = time.monotonic()
        self._state.seconds += now - self._tick
        self._state.stage_seconds += now - self._tick
        self._tick = now

    def _times(self) -> dict[str, float]:
        """Seconds spent and, by the pace so far, left; the share of the whole budget that is done."""
        state, config = self._state, self._config
        share = config.progress(state.stage, state.stage_step, state.stage_seconds)
        done = sum(config.share(i) for i in range(state.stage)) + config.share(state.stage) * share
        left = state.seconds * (1 - done) / done if done > 0 else math.inf
        return {"seconds": round(state.seconds, 2), "done": round(done, 4), "left_seconds": round(left, 1)}

    def _speed(self) -> dict[str, float]:
        """``_times`` and the seconds of audio that a second of training goes through."""
        now, steps = time.monotonic(), self._state.step - self._logged_step
        rate = steps * self._batches.seconds(self._stage) / max(now - self._last_log, 1e-6)
        self._last_log, self._logged_step = now, self._state.step
        return {**self._times(), "audio_per_second": round(rate, 2)}

    def _write(self, row: dict[str, Any]) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        if self._report is not None:
            self._report(row)
