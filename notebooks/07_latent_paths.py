# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 7. Paths through latents
#
# **Goal.** Go from rain to sea through the latents of two models, hear why the simplest way may hum, judge better ones
# with numbers, and bend them by what they mean.
#
# **Time.** About 45 minutes.
#
# A cross-fade turns one sound down and the other one up: in the middle both are there. A path through latents goes from
# the *description* of one sound to the description of the other: in the middle there is, we hope, *one* sound that is
# something in between. (After Dees and O'Leary, *Generative latent spaces for neural synthesis of audio textures*.)

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.files import assets_dir
from lgr.interpolation.report import interpolation_report
from lgr.latents.controls import steer
from lgr.latents.path import PathConfig, path
from lgr.measures.life import comb_share, held_correlation, level_off_line_db, modulation_distance_db
from lgr.plots import COLOURS, PathPanel, plot_paths
from lgr.sound.level_line import slow_levels_db

RATE = 24000  # of both models
CLIPS = assets_dir() / "audio"
sounds = {name: lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=RATE)[0] for name in ("rain", "sea", "violin")}
play({name: (audio[:, : 3 * RATE // 2], RATE) for name, audio in sounds.items()})

# %% [markdown]
# ## One latent, held
#
# Before we travel, we stand still. We take *one* latent out of a recording and have it decoded for a whole second.

# %%
MODELS = {name: lgr.load_codec(name) for name in ("bundled", "spectral")}
hop = MODELS["bundled"].info.hop_length  # samples that a latent stands for; the same in both


def hold(codec, audio, at_seconds=1.5):
    latents = codec.encode(audio.mean(0)[None, None])
    frame, count = round(at_seconds * codec.info.frame_rate), round(codec.info.frame_rate)
    return codec.decode(latents[:, :, frame : frame + 1].expand(-1, -1, count))[0]


held = {}
for sound in ("rain", "violin"):
    held[sound] = {f"{name}, held": hold(codec, sounds[sound]) for name, codec in MODELS.items()}
    play({f"{sound}: {name}": (audio, RATE) for name, audio in held[sound].items()})
    held[sound]["recording"] = sounds[sound][:, RATE : 2 * RATE]

figure = Figure(figsize=(6, 3), layout="constrained")
for axis, (name, audio) in zip(figure.subplots(3, 1, sharex=True, sharey=True), held["rain"].items(), strict=True):
    axis.plot(torch.arange(4 * hop) * 1000 / RATE, audio[0, RATE // 2 :][: 4 * hop], color=COLOURS[0], linewidth=0.7)
    axis.vlines(torch.arange(5) * hop * 1000 / RATE, *axis.get_ylim(), color="0.6", linestyle="--", linewidth=0.8)
    axis.set_title(name, fontsize=9)
axis.set_xlabel("time (ms)")
picture(figure, "Figure 1. The waveform (no unit) of rain over four latents; dashed lines are where a new one begins.")

rows = {name: {} for name in held["rain"]}
for sound, versions in held.items():
    for name, audio in versions.items():
        again, hum = held_correlation(audio, RATE, hop), comb_share(audio, RATE, RATE / hop)
        rows[name] |= {f"{sound}: repeats": again, f"{sound}: share of the hum": hum}
table(rows, "one second")

# %% [markdown]
# **Repeats** is the correlation of the sound with itself one latent earlier: 1 means that the same comes again. **Share
# of the hum** is how much of the energy lies near 75 Hz and its multiples; of white noise it is 0.08.
#
# `bundled` *copies waveforms*. Most of the 280 numbers of its latents say, one by one, how the wave goes up and down in
# these 13 milliseconds. Hold the latent, and the wave comes again, 75 times a second: whatever comes again 75 times a
# second is a hum of 75 Hz, be it made of rain or of a violin.
#
# `spectral` is *free of phase*. Its latents say how strong each frequency is and how well that is known: what is known
# well is a tone, the rest is noise. *Where* in its swing each tone is (its **phase**) they do not say: that is made
# when sound is made. Tones run on from latent to latent, noise is new in each. So held rain goes on raining, and a held
# violin is a long note. (It need not have 0 "repeats", for a tone does repeat: compare it with its recording.)
#
# ## The straight way
#
# Let $a$ be the last latent of the rain and $b$ the first of the sea. The straight path is $z(u) = (1 - u)\,a + u\,b$,
# with $u$ from 0 to 1. Here both **ends are held**, and a codec that copies waveforms will hum all the way.
#
# The way out is **ends that move**. The rain goes on raining: a *walk* through its own latents (drawn as in notebook
# 5), mostly to the one that follows, now and then to one that sounds alike. So does the sea, and the path is at every
# step between the two moments that are being played: $z(u) = (1 - u)\,a(u) + u\,b(u)$. Unless told otherwise, `lgr`
# moves the ends unless it is told to hold them.


# %%
def report(codec, kind="linear", seconds=1.0, **settings):
    clips, way = (CLIPS / "rain.flac", CLIPS / "sea.flac"), PathConfig(kind=kind)
    return interpolation_report(codec, *clips, path=way, seconds=seconds, names=("rain", "sea"), **settings)


def show(reports, number):
    panels = [
        PathPanel(
            title=name,
            audio=each.interpolation.audio.mean(0).numpy(),
            sample_rate=RATE,
            seams_seconds=each.seams_seconds,
            centroid_seconds=each.spectrum.seconds,
            centroid_hz=each.spectrum.centroid_hz,
            names=each.names,
        )
        for name, each in reports.items()
    ]
    picture(
        plot_paths(panels),
        f"Figure {number}. Spectrograms (dB below the loudest spot), centroids (Hz). Dashed: the seams.",
    )
    play({name: (each.interpolation.audio, RATE) for name, each in reports.items()}, start_seconds=0.5)


ways = {
    "bundled, held": report(MODELS["bundled"], ends="held"),
    "bundled, moving": report(MODELS["bundled"], ends="moving"),
    "spectral, held": report(MODELS["spectral"], ends="held"),
}
show(ways, 2)


# %%
def numbers(each):
    rain, way, sea = each.interpolation.audio.tensor_split(each.interpolation.seams, dim=1)
    return {
        "repeats": held_correlation(way, RATE, hop),
        "flux, over real": each.numbers.inside_flux_db / each.numbers.real_flux_db,
        "modulation, dB from real": modulation_distance_db(way, [rain, sea], RATE),
        "(rain from sea)": modulation_distance_db(rain, [sea], RATE),
        "trend": each.numbers.trend,
    }


table({name: numbers(each) for name, each in ways.items()}, "straight path")

# %% [markdown]
# - **Flux**: how much the spectrum changes from moment to moment, over what it does in the recordings. 1 is natural.
# - **Modulation**: in each of 20 bands the level goes up and down, slowly and quickly. How differently does it do so
#   from rain and sea? Beside it, for comparison, how different rain and sea are from *each other*.
# - **Trend**: does the **spectral centroid** go steadily from one end to the other? 1 is always, 0 is no direction. The
#   centroid is the mean of all frequencies, each weighted with its magnitude: $(f_1 m_1 + f_2 m_2 + \dots) / (m_1 + m_2
#   + \dots)$, in Hz. It is roughly what we hear as *bright* or *dull*.
#
# A good path is not the smoothest one! The held path of `bundled` goes very steadily, and nobody would call it rain. A
# path should have the trend of a journey and the life of a texture. (Held ends of `spectral` do not hum, but each has
# one *colour* all the time: stripes in Figure 2. Its ends can move as well; the widget below has that.)
#
# ## The level on the way
#
# Half of one wave and half of another that has nothing to do with it: they partly cancel, and the middle is quiet. What
# would be right? Loudness is heard in steps of dB, so: on the straight line, in dB, between the two sounds.

# %%
figure = Figure(figsize=(7, 2.4), layout="constrained")
axis = figure.subplots()
rows = {title: {} for title in ways}
for i, title in enumerate(ways):
    name, ends = title.split(", ")
    for column, style in (("as decoded", ":"), ("on the line", "-")):
        each = report(MODELS[name], ends=ends, seconds=2.0, level_line=column == "on the line")
        off = level_off_line_db(each.interpolation.audio, RATE, each.seams_seconds)
        rows[title][f"half-way, {column} (dB)"] = off[len(off) // 2].item()
        level = slow_levels_db(each.interpolation.audio, RATE)
        axis.plot(torch.arange(len(level)) / 100, level, style, color=COLOURS[i], label=f"{title}, {column}")
axis.set(xlabel="time (s)", ylabel="level (dB)")
figure.legend(fontsize=7, loc="outside right upper")
picture(figure, "Figure 3. The level (dB under full scale): a second of rain, two of path, one of sea.")
table(rows, "over the straight line")

# %% [markdown]
# `spectral` keeps the level as a number of its own, in dB, so its path is a line already, but between two *moments*,
# which may be quieter or louder than the sounds around them. The **level line** (`level_line=True`, as in all paths
# above) corrects either, slowly, so that drops keep their own ups and downs.
#
# ## Other ways
#
# A **circle** goes round to the other sound and, if one likes, back; a **spiral** goes round and round; a path can
# **wander**. They leave the line between the sounds, and most places in a latent space are nobody's description, many
# far louder or far quieter than either sound. So `lgr` keeps such ways in the **region** of the two sounds: about where
# nine in ten of their own latents are.

# %%
codec, straight = MODELS["spectral"], ways["spectral, held"].interpolation.latents[0]
spiral = report(codec, kind="spiral").interpolation
free = path([straight[:, 0], straight[:, -1]], straight.shape[1], PathConfig(kind="spiral"))[None]
figure = Figure(figsize=(7, 2.4), layout="constrained")
axis = figure.subplots()
for i, (name, latents) in enumerate({"free": free, "kept in the region": spiral.latents}.items()):
    level = slow_levels_db(codec.decode(latents)[0], RATE, window_seconds=0.05)
    axis.plot(torch.arange(len(level)) / 100, level, color=COLOURS[i], label=name)
axis.set(xlabel="time (s)", ylabel="level as decoded (dB)")
axis.legend(fontsize=8)
picture(figure, "Figure 4. The level (dB under full scale) on a spiral from rain to sea, without the level line.")
play({"rain, spiral in the region, sea": (spiral.audio, RATE)}, start_seconds=0.5)

# %% [markdown]
# ## Control by meaning
#
# "Number 37 a little higher" is nobody's wish. Some latents of `spectral` have a meaning: **level** (in dB),
# **brightness** (in octaves of the centroid), **noisiness** (of noise against tone). Each leaves the others as they
# are. (A fourth, **intensity**, changes the colour as sounds do that become louder by themselves.) They can be
# *envelopes*: `"0:0,0.5:1,1:0"` is 0 at the start, 1 after half a second, 0 after a second. (See also Figure 2, right.)

# %%
brightness = {"brighter and back": "0:0,0.5:1,1:0", "duller and back": "0:0,0.5:-1,1:0"}
show({name: report(codec, controls={"brightness": amount}) for name, amount in brightness.items()}, 5)

# %% [markdown]
# **A listening exercise.** In each of A, B and C one control was moved. Which is which?

# %%
violin = codec.encode(sounds["violin"][:, RATE : 2 * RATE].mean(0)[None, None])
moves = [{"brightness": 1.0}, {"noisiness": 1.0}, {"level": -9.0}]
secret = [moves[i] for i in torch.randperm(3, generator=torch.Generator().manual_seed(7)).tolist()]
versions = zip(("as it was", "A", "B", "C"), ({}, *secret), strict=True)
play({name: (codec.decode(steer(codec, violin, move))[0], RATE) for name, move in versions})


# %%
def listen(model, kind, ends):
    each = report(MODELS[model], kind=kind, ends=ends)
    table({kind: numbers(each)}, model)
    play_at_once(each.interpolation.audio[:, RATE // 2 :], RATE)


# Your own journey, while the notebook runs; the players above are the static fallback.
_ = ipywidgets.interact_manual(listen, model=list(MODELS), kind=["linear", "spiral", "wander"], ends=["moving", "held"])

# %% [markdown]
# ## Exercises
#
# **1.** A spectrum has magnitude 2 at 100 Hz, 1 at 1,000 Hz, and nothing else. Its centroid? Now all magnitudes double.
#
# <details><summary>Solution</summary>
#
# $(2 \cdot 100 + 1 \cdot 1000) / 3 = 400$ Hz. Doubling everything changes nothing: the centroid does not know loudness.
# </details>
#
# **2.** `textures-noiseband` has 128 samples a latent. At what pitch would it hum, if it copied waveforms? Does it?
#
# <details><summary>Solution</summary>
#
# ```python
# codec = lgr.load_codec("textures-noiseband")
# rate, samples = codec.info.frame_rate, codec.info.hop_length
# print(f"{rate} Hz; repeats: {held_correlation(hold(codec, sounds['rain']), RATE, samples):.2f}")
# ```
#
# At 24,000 / 128 = 187.5 Hz. It does not: it shapes noise, which is new all the time. So its ends may be held.
# </details>
#
# **3.** Write down what you heard in the listening exercise, then look. (Who guesses is right one time in six.)
#
# <details><summary>Solution</summary>
#
# ```python
# print(dict(zip("ABC", secret, strict=True)))
# ```
# </details>
#
# **Next:** [8. Train a grain VAE](08_train_a_grain_vae.ipynb)
