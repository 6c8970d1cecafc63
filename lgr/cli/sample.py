"""``lgr sample``: new one-shots out of a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o
from lgr.cli.support.options import option


def sample(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", show_default=False, help="The folder of a trained model, or its name.")
    ],
    out: Annotated[Path, option("--out", "-o", metavar="FOLDER", help="Where the sounds go; made if it is not there.")],
    class_: Annotated[
        str | None,
        option("--class", metavar="NAME", help="What to sample, in any case.", default="no class in particular"),
    ] = None,
    n: Annotated[int, typer.Option("--n", metavar="N", min=1, max=1000, help="How many sounds.")] = 8,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**31, help="Of the draws, 0 or more.")] = 0,
    frames: Annotated[
        int | None,
        option("--frames", metavar="N", min=1, help="Length in latent frames.", default="as it was trained"),
    ] = None,
    level: o.LevelOption = None,
    brightness: o.BrightnessOption = None,
    noisiness: o.NoisinessOption = None,
    intensity: o.IntensityOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing results.")] = False,
) -> None:
    """Write new one-shots, each different, out of a model's temporal embedding.

    The same seed gives the same sounds. Files are named by class, seed
    and number.

    \b
    Example:
      lgr sample drums-spectral --class snare --n 8 --seed 3 -o snares/
    """
    from lgr.cli.support.outputs import Outputs, result_folder
    from lgr.codecs.registry import load_codec
    from lgr.codecs.trained import TrainedCodec
    from lgr.errors import ArgumentError
    from lgr.latents.controls import check_controls, steer
    from lgr.sound.audio import save_audio

    codec = load_codec(str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model)
    if not isinstance(codec, TrainedCodec):
        raise ArgumentError(f"MODEL must be a grain model (lgr train spectral --temporal), got the codec {model}")
    controls = check_controls(
        codec, o.given(level=level, brightness=brightness, noisiness=noisiness, intensity=intensity)
    )
    label = None if class_ is None else codec.find_label(class_)
    latents = steer(codec, codec.sample(label, n, seed, frames), controls)
    stem = "one-shot" if label is None else label.lower().replace("/", "-").replace(" ", "-")
    folder = out.expanduser()
    with result_folder(folder, "--out", parents=True), Outputs(force=force) as outputs:
        names = [folder / f"{stem}-seed{seed}-{i + 1:0{len(str(n))}d}.wav" for i in range(n)]
        files = [outputs.claim(name, "audio", "--out") for name in names]
        for file, one in zip(files, latents, strict=True):
            # One at a time: a sound must not depend on how many others were asked for.
            save_audio(file, codec.decode(one[None])[0], codec.info.sample_rate, force=True)
    typer.echo(f"{folder}: {n} sounds, {names[0].name}" + (f" to {names[-1].name}" if n > 1 else ""))
