"""Paper 003's tables 1 and 2 (textures, trained singly and combined), and its models' figures on thunder.

- mSTFT: the relative one of ``lgr.losses.relative_mstft``: mean over windows 2048 to 128 of ``mean|A - B| / mean A``;
  mean and standard deviation over held-out clips. The paper prints another sum, which it does not define.
- Fréchet distance: of log-mel statistics of one-second windows (``lgr.measures.frechet.mel_statistics``), all windows
  of the originals against all of the reconstructions. It is not FAD, which has VGGish embeddings.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.vae_dark import darkened
from benchmarks.vae_held_out import HeldOutClip, counted, held_out, material, read
from benchmarks.vae_runs import SAMPLE_RATE, Run, Setup, check_never_heard, shipped, trained
from benchmarks.vae_scores import load_scorer, markdown, measure, number, of, reconstruct, summary, variants
from lgr.codecs.trained import TrainedCodec
from lgr.losses import relative_mstft
from lgr.measures.frechet import frechet_distance, mel_statistics
from lgr.sound.audio import load_audio

CLASSES = ("sea_waves", "rain", "thunderstorm")
QUICK = {"batch_size": 8, "learning_rate": 1e-3, "bfloat16": True}  # more steps in the same time, as what ships has
MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # kind, sizes, changes of its recipe
    "ddsp-noise": ("ddsp-noise", {}, {}),
    "noiseband": ("noiseband", {}, {}),
    "encodec-vae 16": ("encodec-vae", {"latent_dim": 16}, QUICK),
    "encodec-vae 128": ("encodec-vae", {"latent_dim": 128}, QUICK),
}
SHIPPED = ("textures-noiseband", "textures-encodec16", "textures-spectral", "spectral")
PAPER = {  # tables 1 (singly) and 2 (combined): sea, rain, thunder, as (mSTFT, FAD)
    "singly": {
        "ddsp-noise": ((0.108, 10.378), (0.073, 13.274), (0.051, 13.180)),
        "noiseband": ((0.083, 3.842), (0.064, 2.880), (0.035, 2.879)),
        "encodec-vae 16": ((0.052, 2.045), (0.058, 1.299), (0.019, 3.996)),
        "encodec-vae 128": ((0.025, 0.430), (0.029, 0.687), (0.004, 1.796)),
    },
    "combined": {
        "ddsp-noise": ((0.115, 10.193), (0.075, 11.466), (0.049, 10.742)),
        "noiseband": ((0.086, 5.028), (0.057, 3.583), (0.037, 2.945)),
        "encodec-vae 16": ((0.058, 2.115), (0.048, 1.875), (0.007, 2.652)),
        "encodec-vae 128": ((0.024, 0.430), (0.031, 0.501), (0.003, 0.479)),
    },
}
# The paper's models on the 38 s thunder clip of its site, by the scorer: relative mSTFT, LSD (dB), SI-SDR (dB).
PAPER_THUNDER: dict[str, tuple[float, float, float | None]] = {
    "ddsp-noise": (0.93, 4.4, None),
    "noiseband": (0.62, 2.3, None),
    "encodec-vae 16": (0.093, 1.71, 20.7),
    "encodec-vae 128": (0.016, 0.27, 36.0),
}


def run_of(model: str, classes: tuple[str, ...]) -> Run:
    """One of the four models, trained on one class or on all three."""
    kind, sizes, changes = MODELS[model]
    on = classes[0] if len(classes) == 1 else "combined"
    name = f"{model.replace(' ', '')}_{on}"
    return Run(name=name, kind=kind, category="textures", classes=classes, sizes=sizes, changes=changes)


def texture_clips(setup: Setup) -> dict[str, list[HeldOutClip]]:
    """By class, recordings of any licence whose source trained no model: little thunder may be passed on."""
    return {name: held_out(setup, "textures", (name,), every_licence=True) for name in CLASSES}


def table2(setup: Setup) -> tuple[dict[str, Any], str]:
    """The paper's tables 1 and 2 in one."""
    clips = texture_clips(setup)
    result: dict[str, Any] = {
        "clips": {name: len(found) for name, found in clips.items()},
        "other real recordings": {name: _real_distance(setup, name, clips[name]) for name in CLASSES},
        "models": {},
    }
    for model in MODELS:
        singly = {name: _measured(setup, run_of(model, (name,)), clips, (name,)) for name in CLASSES}
        found = {name: row[name] for name, row in singly.items() if row}
        for how, figures in (("singly", found), ("combined", _measured(setup, run_of(model, CLASSES), clips, CLASSES))):
            if figures:
                result["models"][f"{model}, {how}"] = figures
                print(model, how, {name: round(row["mstft"], 3) for name, row in figures.items()}, flush=True)
    for name in SHIPPED:
        codec = shipped(name, setup)
        if codec is not None:
            check_never_heard(setup.models / name, [clip.path for found in clips.values() for clip in found])
            for called, told in variants(codec):
                result["models"][called] = {c: texture_figures(codec, clips[c], told=told) for c in CLASSES}
    return result, _text(result, clips)


def _measured(
    setup: Setup, run: Run, clips: dict[str, list[HeldOutClip]], classes: Sequence[str]
) -> dict[str, dict[str, float]]:
    model = trained(run, setup)
    if model is None:
        return {}
    check_never_heard(setup.work / run.name, [clip.path for name in classes for clip in clips[name]])
    return {name: texture_figures(model.codec, clips[name]) for name in classes}


def texture_figures(codec: TrainedCodec, clips: Sequence[HeldOutClip], *, told: bool = False) -> dict[str, float]:
    """``mstft`` and ``mstft_sd`` over clips, ``frechet_mel_statistics`` over all their windows."""
    estimates = [reconstruct(codec, clip.audio, clip.label if told else None) for clip in clips]
    errors = torch.cat([relative_mstft(e[None], c.audio[None]) for e, c in zip(estimates, clips, strict=True)])
    return {
        "mstft": float(errors.mean()),
        "mstft_sd": float(errors.std()) if len(errors) > 1 else 0.0,
        "frechet_mel_statistics": frechet_distance(embedded([clip.audio for clip in clips]), embedded(estimates)),
    }


def embedded(audio: Sequence[Tensor]) -> Tensor:
    """Log-mel statistics of all one-second windows, ``(windows, 64)``."""
    return torch.cat([mel_statistics(each, SAMPLE_RATE) for each in audio])


def _real_distance(setup: Setup, name: str, clips: Sequence[HeldOutClip]) -> float:
    """Fréchet distance of the held-out recordings from the training recordings of their class: what is far."""
    split = material(setup, "textures", (name,))
    heard = [read(split.cache, clip).audio for clip in split.training]
    return frechet_distance(embedded([clip.audio for clip in clips]), embedded(heard))


def thunder(setup: Setup) -> tuple[dict[str, Any], str]:
    """The scorer's figures on thunder never heard, as it is and as dark as the paper's, and on files that are given."""
    score = load_scorer(setup.scorer)
    never_heard = held_out(setup, "textures", ("thunderstorm",), every_licence=True)
    tests = {HELD_OUT: never_heard, DARK: [darkened(clip, score, seed=setup.seed) for clip in never_heard]}
    for path in setup.thunder_clips:
        tests[path.stem] = [given_clip(path)]
    codecs: list[tuple[str, str, TrainedCodec, bool]] = []
    for model in MODELS:
        for how, classes in (("thunder alone", ("thunderstorm",)), ("combined", CLASSES)):
            run = run_of(model, classes)
            if (found := trained(run, setup)) is not None:
                check_never_heard(setup.work / run.name, [clip.path for clip in never_heard])
                codecs.append((f"{model}, {how}", f"{found.seconds / 60:.1f}", found.codec, False))
    for name in SHIPPED:
        if (codec := shipped(name, setup)) is not None:
            check_never_heard(setup.models / name, [clip.path for clip in never_heard])
            codecs += [(called, "card", codec, told) for called, told in variants(codec)]
    result: dict[str, Any] = {"paper, on the clip of its site": PAPER_THUNDER}
    text = THUNDER_HEAD
    for test, clips in tests.items():
        rows: list[tuple[str, ...]] = []
        result[test] = {"clips": len(clips), "models": {}}
        for called, minutes, codec, told in codecs:
            figures = summary(measure(codec, clips, score, told=told))
            result[test]["models"][called] = {"minutes": minutes, **figures}
            told_as = (of(figures, "mstft", digits=3), of(figures, "lsd"), of(figures, "sisdr", digits=1))
            rows.append((called, minutes, *told_as))
            print(test, *rows[-1], flush=True)
        rows += [
            (f"paper: {name}", "", f"{mstft:g}", f"{lsd:g}", "" if sisdr is None else f"{sisdr:g}")
            for name, (mstft, lsd, sisdr) in PAPER_THUNDER.items()
        ]
        text += f"\n## {test}: {counted(clips)}\n\n" + markdown(("", "minutes", "mstft", "lsd_db", "si-sdr (dB)"), rows)
    return result, text


def given_clip(path: Path) -> HeldOutClip:
    """A file given by hand, whole, as mono at 24 kHz."""
    audio, _ = load_audio(path, sample_rate=SAMPLE_RATE, channels=1)
    return HeldOutClip(str(path), "thunderstorm", str(path), audio[0])


HELD_OUT = "held-out thunder"
DARK = "held-out thunder, made as dark as the paper's clip must be"
THUNDER_HEAD = """# Thunder never heard

Medians over recordings of the scorer's relative mSTFT, LSD and SI-SDR. The paper's figures are of its own models, after
200,000 steps on 2.5 hours, on the 38 s clip of its site, which we do not have: only figures on that very clip compare
with them in full.

What can be said of that clip: the paper's NoiseBand, which makes noise, has an LSD of 2.3 dB on it, so noise with
exactly its spectrum has about 2.3 dB or less. On our recordings as they are such noise has more, on every one of them
([vae_noise_bound.md](vae_noise_bound.md)): they are brighter, and harder. So the second table is of these recordings,
each low-passed just so far that such noise has 2.3 dB. That is not the paper's clip: it is thunder of ours, as dark as
the paper's own figure says that its clip is at least. The models are the same; none was trained on dark recordings. A
low-pass leaves nothing above it, where a microphone has noise: 128 numbers hold all that is left, hence their figures.
`minutes`: of training on one core; a card tells its own.
"""

TABLE_HEAD = """# Textures: paper 003's tables 1 and 2

mSTFT is the relative one (0 is perfect, 1 is what silence scores), mean ± standard deviation over held-out clips. The
Fréchet distance is of log-mel statistics (64 numbers a second-long window): it is not the paper's FAD; that of the
training recordings from the held-out ones says what is far. Trained singly: one model a class; combined: one for all.
`encodec-vae` is ours: a linear path and noise with a small SEANet, without discriminators.
"""


def _text(result: dict[str, Any], clips: dict[str, list[HeldOutClip]]) -> str:
    header = ["", *(f"{c} {what}" for c in CLASSES for what in ("mSTFT", "Fréchet")), "mean mSTFT", "mean Fréchet"]
    rows = []
    for name, found in result["models"].items():
        cells: list[str] = [name]
        for c in CLASSES:
            row = found.get(c)
            cells += (
                [f"{row['mstft']:.3f} ± {row['mstft_sd']:.3f}", number(row["frechet_mel_statistics"])]
                if row
                else ["", ""]
            )
        for key, digits in (("mstft", 3), ("frechet_mel_statistics", 2)):
            whole = len(found) == len(CLASSES)
            cells.append(number(sum(row[key] for row in found.values()) / len(CLASSES), digits) if whole else "")
        rows.append(cells)
    real = result["other real recordings"]
    rows.append(["training recordings", *(x for c in CLASSES for x in ("", number(real[c]))), "", ""])
    paper = [
        (f"{name}, {how}", *(x for mstft, fad in cells for x in (f"{mstft:g}", f"{fad:g}")))
        for how, table in PAPER.items()
        for name, cells in table.items()
    ]
    counts = "; ".join(f"{name} {counted(found)}" for name, found in clips.items())
    return (
        f"{TABLE_HEAD}\nHeld out: {counts}.\n\n{markdown(header, rows)}\n"
        "The paper's figures, of another mSTFT and with FAD, on its own recordings; only the order compares:\n\n"
        + markdown(["", *(f"{c} {what}" for c in CLASSES for what in ("mSTFT", "FAD"))], paper)
    )
