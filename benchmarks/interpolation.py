"""Interpolation, measured: does a path hum, hold still, leap in level? Ends held (paper 003's path) and moving.

``python -m benchmarks.interpolation`` goes between pairs of the bundled clips with codecs that need no download.
``--data MANIFEST --work FOLDER`` adds paper 003's pairs of textures (its figure 1, chosen by the rule of
``benchmarks/vae_figure1.py`` among recordings that no shipped model heard); ``--pictures FOLDER`` draws them.

Every path has 1.5 s of the recordings before and after it. The measures are ``lgr.measures.life``'s and
``lgr.measures.transition``'s; beside each is what the two recordings have of it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.vae_figure1 import NAMES, choose_pair
from benchmarks.vae_runs import SAMPLE_RATE, Setup
from benchmarks.vae_scores import markdown, number
from benchmarks.vae_textures import texture_clips
from lgr.codecs import Codec, load_codec
from lgr.files import assets_dir
from lgr.interpolation.interpolate import Interpolation, InterpolationConfig, interpolate
from lgr.interpolation.report import report_of
from lgr.interpolation.walk import walk_latents
from lgr.latents.path import PathConfig
from lgr.measures.life import (
    comb_share,
    held_correlation,
    level_off_line_db,
    middle_off_mean_db,
    modulation_distance_db,
)
from lgr.measures.transition import measure_transition
from lgr.sound.level_line import END_SECONDS, slow_levels_db
from lgr.sounds import Sound, decode_lanes, encode_lanes, read

PAIRS = (
    ("violin", "flute"),
    ("sax", "piano"),
    ("choir", "bells"),
    ("rain", "sea"),
    ("sea", "fire"),
    ("fire", "drum_loop"),
    ("speech_reader", "birds"),
)
LEAVE_SECONDS, REACH_SECONDS = 1.6, 1.0  # in the bundled clips
CODECS = ("bundled", "toy", "notes-spectral", "textures-encodec16", "textures-noiseband")
CONTEXT_SECONDS = 1.5
PICTURED = {"NoiseBand": "textures-noiseband", "EncodecVAE": "textures-encodec16"}
KINDS = {"circle": 1.5, "spiral": None, "wander": None}  # and how often they go round


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two sounds, and where the first is left and the second reached."""

    title: str
    names: tuple[str, str]
    sounds: tuple[Sound, Sound]
    leave_seconds: float
    reach_seconds: float

    def between(self, codec: Codec, config: InterpolationConfig, seed: int) -> Interpolation:
        where = {"from_seconds": self.leave_seconds, "to_seconds": self.reach_seconds}
        return interpolate(self.sounds, codec, config, seed=seed, **where)


def bundled_pairs() -> list[Pair]:
    """Of the clips that come with the package: tones, textures, rhythm, speech."""
    clips = assets_dir() / "audio"
    return [
        Pair(
            title=" to ".join(names),
            names=names,
            sounds=(clips / f"{names[0]}.flac", clips / f"{names[1]}.flac"),
            leave_seconds=LEAVE_SECONDS,
            reach_seconds=REACH_SECONDS,
        )
        for names in PAIRS
    ]


def texture_pairs(data: Path, work: Path) -> list[Pair]:
    """Paper 003's figure 1: crashing to calm sea, heavy to light rain, deep to quiet thunder."""
    pairs = []
    for name, clips in texture_clips(Setup(data=data, work=work)).items():
        first, second = choose_pair(name, clips)
        pairs.append(
            Pair(
                title=f"{name.replace('_', ' ')}, {' to '.join(NAMES[name])}",
                names=NAMES[name],
                sounds=((first.clip.audio[None], SAMPLE_RATE), (second.clip.audio[None], SAMPLE_RATE)),
                leave_seconds=(first.start + SAMPLE_RATE) / SAMPLE_RATE,
                reach_seconds=second.start / SAMPLE_RATE,
            )
        )
    return pairs


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A path's, and after them, where there are such, the recordings'."""

    comb: float
    real_comb: float  # the larger of the two
    held: float
    real_held: float
    half_db: float  # level half-way over the line
    most_db: float  # furthest from the line
    flux: float  # inside over the recordings'
    seams: tuple[float, float]  # flux there over inside
    modulation: float
    real_modulation: float  # of the one recording from the other

    def cells(self) -> list[str]:
        return [
            f"{self.comb:.2f} ({self.real_comb:.2f})",
            f"{self.held:.2f} ({self.real_held:.2f})",
            f"{self.half_db:+.1f}",
            number(self.most_db, 1),
            number(self.flux),
            " / ".join(number(x) for x in self.seams),
            f"{self.modulation:.1f} ({self.real_modulation:.1f})",
        ]


HEADER = ("comb", "repeats", "half-way, dB", "off the line, dB", "flux", "flux at the seams", "modulation, dB")


def figures(made: Interpolation) -> Figures:
    """Measure a path that has recordings around it."""
    rate, (first, last) = made.sample_rate, made.seams
    a, path, b = made.audio[:, :first], made.audio[:, first:last], made.audio[:, last:]
    seams = (first / rate, last / rate)
    numbers = measure_transition(made.audio, rate, seams)
    off = level_off_line_db(made.audio, rate, seams)
    hop = made.codec.hop_length

    def of(measure: object, *more: float) -> list[float]:
        return [measure(x, rate, *more) for x in (path, a, b)]  # type: ignore[operator]

    comb, held = of(comb_share, made.codec.frame_rate), of(held_correlation, hop)
    return Figures(
        comb=comb[0],
        real_comb=max(comb[1:]),
        held=held[0],
        real_held=max(held[1:]),
        half_db=float(off[len(off) // 2]),
        most_db=float(off.abs().max()),
        flux=numbers.inside_flux_db / numbers.real_flux_db,
        seams=numbers.relative_flux,
        modulation=modulation_distance_db(path, [a, b], rate),
        real_modulation=modulation_distance_db(a, [b], rate),
    )


def mean(found: Sequence[Figures]) -> Figures:
    """Means of the pairs', of sizes where a sign would cancel."""

    def of(name: str, size: bool = False) -> float:
        values = torch.tensor([getattr(each, name) for each in found], dtype=torch.float64)
        return float((values.abs() if size else values).nanmean())

    seams = torch.tensor([each.seams for each in found]).nanmean(0).tolist()
    plain = ("comb", "real_comb", "held", "real_held", "most_db", "flux", "modulation", "real_modulation")
    return Figures(**{name: of(name) for name in plain}, half_db=of("half_db", True), seams=(seams[0], seams[1]))


def over_ends_db(made: Interpolation) -> tuple[float, float]:
    """How far the path's slow level rises over the louder of its ends and falls under the quieter, dB."""
    first, last = made.seams
    reach = round(END_SECONDS * made.sample_rate)
    ends = [_level_db(x) for x in (made.audio[:, max(0, first - reach) : first], made.audio[:, last : last + reach])]
    levels = slow_levels_db(made.audio[:, first:last], made.sample_rate)
    return float(levels.max()) - max(ends), float(levels.min()) - min(ends)


def _level_db(audio: Tensor) -> float:
    return 10 * float(audio.double().square().mean().clamp(min=1e-10).log10())


def straight_table(codecs: dict[str, Codec], pairs: Sequence[Pair], seconds: float, seed: int) -> str:
    """Straight paths: a row a codec and its mean, then a row a path."""
    means, rows = [], []
    for name, codec in codecs.items():
        for ends in ("held", "moving"):
            config = InterpolationConfig(seconds=seconds, context_seconds=CONTEXT_SECONDS, ends=ends)
            found = [figures(pair.between(codec, config, seed)) for pair in pairs]
            means.append([name, ends, *mean(found).cells()])
            rows += [[name, pair.title, ends, *each.cells()] for pair, each in zip(pairs, found, strict=True)]
            print(*means[-1], flush=True)
        free = InterpolationConfig(
            seconds=seconds, context_seconds=CONTEXT_SECONDS, ends="held", level_line=False, fade_seconds=0.01
        )
        found = [figures(pair.between(codec, free, seed)) for pair in pairs]
        means.append([name, "held, level as decoded", *mean(found).cells()])
        print(*means[-1], flush=True)
    return f"{markdown(('codec', 'ends', *HEADER), means)}\n{markdown(('codec', 'path', 'ends', *HEADER), rows)}"


def shapes_table(codecs: dict[str, Codec], pairs: Sequence[Pair], seconds: float, seed: int) -> str:
    """Other kinds: the worst pair's rise over the louder end and fall under the quieter."""
    rows = []
    for name, codec in codecs.items():
        for kind, loops in KINDS.items():
            cells = [name, kind]
            for ends in ("held", "moving"):
                for line in (False, True):
                    config = InterpolationConfig(
                        path=PathConfig(kind=kind, loops=loops),
                        seconds=seconds,
                        context_seconds=CONTEXT_SECONDS,
                        ends=ends,
                        level_line=line,
                    )
                    found = [over_ends_db(pair.between(codec, config, seed)) for pair in pairs]
                    cells.append(f"{max(up for up, _ in found):+.1f} / {min(down for _, down in found):+.1f}")
            rows.append(cells)
            print(*rows[-1], flush=True)
    header = ("codec", "kind", "held, as decoded", "held", "moving, as decoded", "moving")
    return markdown(header, rows)


def mix_table(codecs: dict[str, Codec], pairs: Sequence[Pair], seconds: float, seed: int) -> str:
    """Moving ends mixed as latents, and their playing decoded alone and cross-faded at equal power."""
    rows = []
    for name, codec in codecs.items():
        for pair in pairs:
            config = InterpolationConfig(seconds=seconds, context_seconds=CONTEXT_SECONDS, ends="moving")
            made = pair.between(codec, config, seed)
            rate, (first, last) = made.sample_rate, made.seams
            a, b = made.audio[:, first - rate : first], made.audio[:, last : last + rate]
            off = [
                middle_off_mean_db(mixed, a, b, rate)
                for mixed in (made.audio[:, first:last], _cross_fade(made, pair, codec))
            ]
            rows.append([name, pair.title, *(number(x, 1) for x in off)])
            print(*rows[-1], flush=True)
    return markdown(("codec", "path", "mixed as latents", "cross-faded"), rows)


def _cross_fade(made: Interpolation, pair: Pair, codec: Codec) -> Tensor:
    """What the two ends play in the meantime, decoded alone and mixed: (channels, samples of the path)."""
    played = []
    for sound, index in zip(pair.sounds, made.walks, strict=True):
        latents = walk_latents(encode_lanes(read(sound, codec), codec), index, frame_rate=codec.info.frame_rate)
        played.append(decode_lanes(latents, codec))
    angle = torch.linspace(0, torch.pi / 2, played[0].shape[1])
    return played[0] * angle.cos() + played[1] * angle.sin()


def draw(codecs: dict[str, Codec], pairs: Sequence[Pair], seconds: float, seed: int, folder: Path) -> None:
    """A picture a pair, paper 003's figure 1: its two models (those that are there) with their ends held and moving."""
    from lgr.plots import PathPanel, plot_paths, save_figure

    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        panels = []
        for called, name in PICTURED.items():
            for ends in ("held", "moving") if name in codecs else ():
                config = InterpolationConfig(seconds=seconds, context_seconds=1.0, ends=ends)
                report = report_of(pair.between(codecs[name], config, seed), pair.names)
                panels.append(
                    PathPanel(
                        title=f"{called}, {ends}",
                        audio=report.interpolation.audio.mean(0).numpy(),
                        sample_rate=report.interpolation.sample_rate,
                        seams_seconds=report.seams_seconds,
                        centroid_seconds=report.spectrum.seconds,
                        centroid_hz=report.spectrum.centroid_hz,
                        names=pair.names,
                    )
                )
        file = folder / f"interpolation_{pair.title.partition(',')[0].replace(' ', '_')}.png"
        save_figure(plot_paths(panels, title=pair.title), file, force=True)


HEAD = """# Interpolation: ends held and moving

In brackets: what the recordings around the path have. `comb`: share of the energy at multiples of the codec's frame
rate. `repeats`: correlation above 600 Hz with what was a hop before. `half-way`, `off the line`: the slow level over
the straight line between the ends', half-way (in means: its size) and furthest from it. `flux`: inside the path over
that in the recordings; at the seams over inside. `modulation`: distance of how the bands' levels move, from the mean of
the recordings'; in brackets, of the one recording from the other.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--codecs", nargs="+", default=CODECS, metavar="NAME")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each path")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, metavar="MANIFEST", help="recordings of textures, for paper 003's pairs")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="for the cache of --data")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the tables as markdown")
    args = parser.parse_args()
    if (args.data is None) != (args.work is None):
        parser.error("--data and --work go together")
    codecs = {name: load_codec(name) for name in args.codecs}
    parts = [HEAD, "## Bundled clips\n", straight_table(codecs, bundled_pairs(), args.seconds, args.seed)]
    parts += ["## Other kinds: dB over the louder end / under the quieter, the worst pair\n"]
    parts += [shapes_table(codecs, bundled_pairs()[:5], args.seconds, args.seed)]
    parts += ["## Half-way, moving: dB from the mean of the two log spectra\n"]
    parts += [mix_table(codecs, bundled_pairs(), args.seconds, args.seed)]
    if args.data is not None:
        pairs = texture_pairs(args.data, args.work)
        parts += ["## Paper 003's textures\n", straight_table(codecs, pairs, args.seconds, args.seed)]
        if args.pictures is not None:
            draw(codecs, pairs, 1.0, args.seed, args.pictures)
    text = "\n".join(parts)
    print(text)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
