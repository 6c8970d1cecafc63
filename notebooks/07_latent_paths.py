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
# **Goal.** Go from rain to sea through the latents of two models, and judge the way with a number that you
# could compute by hand: the spectral centroid.
#
# **Time.** About 45 minutes.
#
# A cross-fade turns one sound down and the other one up: in the middle both are there. A path through latents goes from
# the *description* of one sound to the description of the other: in the middle there is, we hope, *one* sound that is
# something in between. (After Dees and O'Leary, *Generative latent spaces for neural synthesis of audio textures*,
# whose figure 1 is Figure 2 here.)

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
from lgr.latents.path import PathConfig, path
from lgr.measures.transition import spectrum
from lgr.plots import COLOURS, PathPanel, plot_paths

CLIPS = assets_dir() / "audio"
rain, sea = CLIPS / "rain.flac", CLIPS / "sea.flac"
sounds = {"rain": lgr.load_audio(rain), "sea": lgr.load_audio(sea)}
play(sounds)

# %% [markdown]
# ## The spectral centroid
#
# Of all frequencies in a short stretch of sound, take the average, each weighted with its magnitude $m$:
#
# $$\text{centroid} = \frac{f_1 m_1 + f_2 m_2 + \dots}{m_1 + m_2 + \dots} \quad \text{(Hz)}$$
#
# It is the spectrum's centre of gravity, and roughly what we hear as *bright* or *dull*.

# %%
figure = Figure(figsize=(7, 2.6), layout="constrained")
axis = figure.subplots()
for i, (name, (audio, rate)) in enumerate(sounds.items()):
    seen = spectrum(audio, rate)
    axis.plot(seen.seconds, seen.centroid_hz, color=COLOURS[i], linewidth=0.7, label=name)
axis.set(xlabel="time (s)", ylabel="spectral centroid (Hz)")
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 1. The centroid of two recordings, every 10 ms, from windows of 40 ms. A real texture flickers; neither "
    "is a straight line.",
)

# %% [markdown]
# ## The straight way
#
# Let $a$ be the last latent vector of the rain and $b$ the first of the sea. The straight path is $z(u) = (1 - u)\,a +
# u\,b$, with $u$ from 0 to 1. It is decoded, and the real sounds are put before and after it.
#
# We take two models: `bundled` (280 numbers a frame, made to carry any sound exactly) and `textures-noiseband` (16
# numbers a frame and a label, trained on rain, sea and thunder alone, which shapes noise).

# %%
MODELS = {name: lgr.load_codec(name) for name in ("bundled", "textures-noiseband")}


def report(codec, kind="linear", seconds=1.0, endpoints="edge"):
    way = PathConfig(kind=kind)
    return interpolation_report(
        codec, rain, sea, path=way, seconds=seconds, context_seconds=0.5, endpoints=endpoints, names=("rain", "sea")
    )


def panel(title, each):
    return PathPanel(
        title=title,
        audio=each.interpolation.audio.mean(0).numpy(),
        sample_rate=each.interpolation.sample_rate,
        seams_seconds=each.seams_seconds,
        centroid_seconds=each.spectrum.seconds,
        centroid_hz=each.spectrum.centroid_hz,
        names=each.names,
    )


def numbers(each):
    found = each.numbers
    return {
        "jump at the seams (Hz)": " / ".join(f"{jump:+.0f}" for jump in found.jump_hz),
        "relative to the sounds' own": " / ".join(f"{jump:.1f}" for jump in found.relative_jump),
        "variation relative to real": found.relative_variation,
        "trend": found.trend,
    }


straight = {name: report(codec) for name, codec in MODELS.items()}
picture(
    plot_paths([panel(name, each) for name, each in straight.items()]),
    "Figure 2. Half a second of real rain, a straight path of one second, half a second of real sea. Above, "
    "spectrograms (Hz, dB below the loudest spot); below, the centroid in Hz. Dashed: the seams.",
)
play({name: (each.interpolation.audio, each.interpolation.sample_rate) for name, each in straight.items()})

# %%
table({name: numbers(each) for name, each in straight.items()}, "straight path")

# %% [markdown]
# How to read the table:
#
# - **Jump at the seams**: by how many hertz the centroid's mean changes over each seam. Relative to the changes that
#   the real sounds make by themselves, about 1 or less is *no* audible seam.
# - **Variation**: the centroid's ups and downs along the path, relative to those of the real sounds. Far below 1: the
#   path is *smoother than nature*, a smear or a whistle that no rain ever made. Far above 1: it crackles.
# - **Trend**: does the centroid go steadily from one end to the other? 1 is always, 0 is no direction.
#
# So a good path is not the smoothest one! It should have the trend of a journey and the variation of a texture. A
# straight line between two *single frames* of an exact codec has the first and lacks the second: it freezes one moment
# of rain and fades the frozen moment into another. A model that makes its sound from noise, as `textures-noiseband`
# does, brings the flicker with it.
#
# ## Where from, where to
#
# A single frame of rain is a chance moment. `endpoints="mean"` goes from the *average* rain to the *average* sea
# instead.

# %%
averaged = {name: report(codec, endpoints="mean") for name, codec in MODELS.items()}
table({name: numbers(each) for name, each in averaged.items()}, "between means")
play(
    {
        f"{name}, between means": (each.interpolation.audio, each.interpolation.sample_rate)
        for name, each in averaged.items()
    }
)

# %% [markdown]
# For `textures-noiseband` this is a path as good as the first. For `bundled` it goes badly wrong: the centroid jumps at
# both seams, by far more than the sounds themselves do, and one hears it. Why? The 240 detail numbers of that codec go
# up and down around zero, as samples of a wave do. The mean of many is nearly zero: the description of *no* rain at
# all. In a space that keeps every detail, the average of many sounds need not be a sound. In a VAE's space, which was
# trained to be tidy, it mostly is. **That is what one trains a VAE for.**
#
# ## Other ways
#
# The straight line is not the only way. **slerp** goes along an arc and keeps the length of the vector; a **circle**
# passes the other sound and comes back; a **walk** wanders. Seen from above, on the plane of the two end points:

# %%
a, b = torch.tensor([1.0, 0.2]), torch.tensor([-0.3, 1.0])
figure = Figure(figsize=(4.6, 3.6), layout="constrained")
axis = figure.subplots()
for i, kind in enumerate(("linear", "slerp", "circle", "spiral", "wander")):
    line = path([a, b], 200, PathConfig(kind=kind), generator=torch.Generator().manual_seed(1))
    axis.plot(line[0], line[1], color=COLOURS[i], linewidth=1.2, label=kind)
axis.plot(*zip(a.tolist(), b.tolist(), strict=True), "ko")
axis.plot(0, 0, "k+")
axis.set(xlabel="first number of the latent", ylabel="second number", aspect="equal")
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 3. Five ways from one point to another in a latent space of two numbers (no unit). The cross is the "
    "origin.",
)

# %%
ways = {
    kind: report(MODELS["textures-noiseband"], kind=kind, endpoints="mean")
    for kind in ("linear", "slerp", "spiral", "wander")
}
table({kind: numbers(each) for kind, each in ways.items()}, "textures-noiseband")
play({kind: (each.interpolation.audio, each.interpolation.sample_rate) for kind, each in ways.items()})

# %% [markdown]
# The direct ways, linear and slerp, hardly differ here. Spiral and wander have much less of a trend, or none, and they
# are not meant to: they are for *wandering about* in a texture, with an end that is agreed on.


# %%
def listen(model, kind, seconds):
    each = report(MODELS[model], kind=kind, seconds=seconds, endpoints="mean")
    table({kind: numbers(each)}, model)
    play_at_once(each.interpolation.audio, each.interpolation.sample_rate)


# Your own journey, while the notebook runs; the players above are the static fallback.
_ = ipywidgets.interact_manual(
    listen,
    model=ipywidgets.Dropdown(options=list(MODELS)),
    kind=ipywidgets.Dropdown(options=["linear", "slerp", "circle", "spiral", "loop", "wander"]),
    seconds=ipywidgets.FloatSlider(value=1, min=0.5, max=5, step=0.5),
)

# %% [markdown]
# ## Exercises
#
# **1.** A spectrum has magnitude 2 at 100 Hz, 1 at 1,000 Hz, and nothing else. Its centroid? Now all magnitudes double.
#
# <details><summary>Solution</summary>
#
# $(2 \cdot 100 + 1 \cdot 1000) / 3 = 400$ Hz. Doubling everything changes nothing: the centroid does not know loudness.
#
# ```python
# print((2 * 100 + 1 * 1000) / (2 + 1))
# ```
# </details>
#
# **2.** What is the plain cross-fade's centroid like? Mix half rain and half sea and compare its mean centroid with the
# means of the two.
#
# <details><summary>Solution</summary>
#
# ```python
# (x, rate), (y, _) = sounds.values()
# samples = min(x.shape[1], y.shape[1])
# mixed = (x[:, :samples] + y[:, :samples]) / 2
# for name, audio in (("rain", x), ("sea", y), ("both at once", mixed)):
#     print(f"{name}: {spectrum(audio, rate).centroid_hz.mean():.0f} Hz")
# ```
#
# The mixture lies between, nearer to the louder one. So a centroid in the middle does not prove that *one* sound is
# heard there: a number can agree where ears do not.
# </details>
#
# **3.** Make the straight path of `bundled` ten times shorter than the shortest that sounds like a journey to you. Is
# there a length below which nobody could tell it from a cut? (The measurement itself needs 0.3 s.)
#
# <details><summary>Solution</summary>
#
# ```python
# for seconds in (0.3, 0.6, 1.2):
#     each = report(MODELS["bundled"], seconds=seconds)
#     print(seconds, numbers(each))
#     play({f"{seconds} s": (each.interpolation.audio, each.interpolation.sample_rate)})
# ```
# </details>
#
# **Next:** [8. Train a grain VAE](08_train_a_grain_vae.ipynb)
