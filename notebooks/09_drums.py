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
# # 9. Sampling and morphing drums
#
# **Goal.** Draw drum one-shots that were never recorded, turn a kick into a snare step by step, measure whether the
# steps are even, and make a beat of it.
#
# **Time.** About 45 minutes.
#
# Until now a target told the grains when to come. `drums-granular` can also work without one. It is a VAE of *grains*
# with a second VAE on top of it, which turns a whole series of 96 grains (one second) into a single point, the
# **embedding**. Draw a point, and the series unfolds from it: attack, body, decay. (After *Neural granular sound
# synthesis*.)

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.evaluation import evaluate
from lgr.latents.path import morph
from lgr.measures.transition import spectrum
from lgr.plots import COLOURS, plot_spectrograms

codec = lgr.load_codec("drums-granular")
rate = codec.info.sample_rate
print("classes:", ", ".join(codec.labels))


def one_shots(label, n, seed):
    """New latents of one class, (n, latent_dim, frames)."""
    return codec.sample(label, n, seed)


def sound(latents):
    """The audio of a one-shot, (1, samples), from its latents (latent_dim, frames)."""
    return codec.decode(latents[None])[0]


# %% [markdown]
# ## One of each
#
# A class is chosen by its label, the rest by chance from a seed.

# %%
SEED = 3
one_of_each = {label: sound(one_shots(label, 1, SEED)[0]) for label in codec.labels}
play({label: (audio, rate) for label, audio in one_of_each.items()})
picture(
    plot_spectrograms([(label, audio[0].numpy(), rate) for label, audio in one_of_each.items()], columns=4),
    "Figure 1. A one-shot of each class: time in seconds, frequency in Hz, level in dB below the loudest spot.",
)

# %% [markdown]
# Do they sound like what their label says? Judge for yourself before you read on. The model's card (in
# `assets/models/drums-granular/`) says: a simple classifier taught with real ones names the right class for 58 % of the
# model's one-shots, for 76 % of *real* ones of other recordings, and for 12.5 % by guessing. Kicks and toms are taken
# for each other, so are rides and crashes, and the cowbell was learned from seven recordings. It had 22 minutes of
# training.
#
# ## Many of one
#
# Eight snares. They should differ, or the model would have learned *one* snare by heart, and yet all be snares.

# %%
snares = one_shots("Snare", 8, SEED)
audio = torch.stack([sound(each)[0] for each in snares])
centroid = [float(torch.tensor(spectrum(each[: rate // 5], rate).centroid_hz).nanmean()) for each in audio]
decay = [float((each.abs() > 0.1 * each.abs().max()).nonzero().max()) / rate for each in audio]

figure = Figure(figsize=(5, 3), layout="constrained")
axis = figure.subplots()
axis.plot(decay, centroid, "o", color=COLOURS[0])
for i, at in enumerate(zip(decay, centroid, strict=True)):
    axis.annotate(str(i + 1), at, xytext=(5, 3), textcoords="offset points", fontsize=8)
axis.set(xlabel="last moment above a tenth of the peak (s)", ylabel="mean spectral centroid (Hz)")
picture(
    figure,
    "Figure 2. Eight drawn snares: how long they last (s) and how bright their first fifth of a second is (Hz).",
)
play({f"snare {i + 1}": (each, rate) for i, each in enumerate(audio[:4])})

# %% [markdown]
# ## Morphing
#
# Two one-shots are two series of latents. `morph` mixes them frame by frame: with weight 0 it is the first, with 1 the
# second, and with 0.5 every frame is half way. The label's weights are part of the latents, so "half a kick and half a
# snare" is a description the decoder can read.

# %%
kick, snare = one_shots("Kick", 1, SEED)[0], one_shots("Snare", 1, SEED)[0]
frames = kick.shape[1]
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
morphed = {weight: sound(morph(kick, snare, torch.full((frames,), weight))) for weight in WEIGHTS}
play({f"{weight:.0%} snare": (each, rate) for weight, each in morphed.items()})
picture(
    plot_spectrograms([(f"{weight:.0%} snare", each[0].numpy(), rate) for weight, each in morphed.items()], columns=5),
    "Figure 3. From a kick to a snare in five steps: time in seconds, frequency in Hz, level in dB below the loudest "
    "spot.",
)

# %% [markdown]
# Are the steps even? Take the kick as "target" and the snare as "source": then **adoption** says for each step where it
# lies between the two. Beside it, what the simplest method would give: **mixing** the two sounds, one turned down and
# the other up.

# %%
rows = {}
ends = [(morphed[0.0], rate), (morphed[1.0], rate)]
for weight in WEIGHTS:
    mixed = (1 - weight) * morphed[0.0] + weight * morphed[1.0]
    rows[f"{weight:.0%}"] = {
        name: evaluate(ends[0], [ends[1]], each, rate).numbers["adoption"]
        for name, each in (("morph of latents", morphed[weight]), ("mix of sounds", mixed))
    }
table(rows, "snare")
play({"morph, half way": (morphed[0.5], rate), "mix, half way": ((morphed[0.0] + morphed[1.0]) / 2, rate)})

# %% [markdown]
# Two things to notice. Both columns go from 0 to 1, but neither need do so evenly: equal steps in latents are not equal
# steps for the ear. And the numbers say nothing about *quality*: in a mix both drums are heard at once, in the morph
# there is one drum, which may sound like neither. Which is better depends on what you want it for.
#
# ## A beat
#
# A pattern says which drum is hit on which sixteenth note. Two bars at 120 beats a minute would be four seconds; here
# is one bar, two seconds.

# %%
PATTERN = {"Kick": "x..x....x.x.....", "Snare": "....x.......x..x", "Hat": "x.x.x.x.x.x.x.xx"}
LEVEL = {"Kick": 0.9, "Snare": 0.6, "Hat": 0.25}


def beat(drums, seconds=2.0):
    """One bar of ``PATTERN``, played with a one-shot a class, (1, samples)."""
    bar = torch.zeros(1, round(seconds * rate))
    for name, steps in PATTERN.items():
        for step, sign in enumerate(steps):
            at = round(step * seconds / len(steps) * rate)
            if sign == "x":
                hit = LEVEL[name] * drums[name][:, : bar.shape[1] - at]
                bar[:, at : at + hit.shape[1]] += hit
    return bar / bar.abs().max().clamp(min=1.0)


kits = {f"kit of seed {seed}": {name: sound(one_shots(name, 1, seed)[0]) for name in PATTERN} for seed in (3, 4)}
bars = {name: (beat(kit), rate) for name, kit in kits.items()}
melted = kits["kit of seed 3"] | {"Kick": morphed[0.5], "Snare": morphed[0.75]}
bars["kick and snare half morphed"] = (beat(melted), rate)
play(bars)


# %%
def listen(kick_to_snare, seed):
    a, b = one_shots("Kick", 1, seed)[0], one_shots("Snare", 1, seed)[0]
    kit = {"Kick": sound(morph(a, b, torch.full((frames,), kick_to_snare))), "Snare": sound(b)}
    play_at_once(beat(kit | {"Hat": sound(one_shots("Hat", 1, seed)[0])}), rate)


# Your own kit, while the notebook runs; the players above are the static fallback.
_ = ipywidgets.interact_manual(
    listen,
    kick_to_snare=ipywidgets.FloatSlider(value=0.3, min=0, max=1, step=0.05),
    seed=ipywidgets.IntSlider(value=5, min=0, max=50),
)

# %% [markdown]
# ## Exercises
#
# **1.** Let the morph happen *within* the one-shot: it begins as a kick and ends as a crash.
#
# <details><summary>Solution</summary>
#
# ```python
# crash = one_shots("Crash", 1, SEED)[0]
# weights = torch.linspace(0, 1, frames)
# play({"kick into crash": (sound(morph(kick, crash, weights)), rate)})
# ```
# </details>
#
# **2.** `sample(None, …)` draws without a class. What do you get?
#
# <details><summary>Solution</summary>
#
# ```python
# anything = one_shots(None, 4, SEED)
# play({f"no class, {i + 1}": (sound(each), rate) for i, each in enumerate(anything)})
# ```
#
# Draws from all training one-shots together: some are clearly of a class, others in between.
# </details>
#
# **3.** Draw a one-shot, then give it another label (`codec.condition`) and listen. Does the label or the rest decide
# what it sounds like?
#
# <details><summary>Solution</summary>
#
# ```python
# relabelled = codec.condition(kick[None], "Snare")[0]
# play({"kick": (sound(kick), rate), "the same latents, called a snare": (sound(relabelled), rate)})
# found = evaluate(ends[0], [ends[1]], sound(relabelled), rate).numbers
# print(f"adoption of the snare: {found['adoption']:.2f}")
# ```
#
# Compare the number with the table above: if it is near 0, the other 96 numbers decide, and the label only hints.
# </details>
#
# **4.** A course project: record ten sounds of one kind (doors, cups, your own beatboxing), a folder a class, and train
# `lgr train granular --data my-sounds/ --labels --temporal --out my-model --minutes 20`. Then open it here in place of
# `drums-granular`.
#
# <details><summary>Solution</summary>
#
# There is none: it is yours. Expect a muffled copy of your sounds. The card that training writes says how good it is on
# recordings that it did not hear; quote that number when you present it.
# </details>
#
# **Next:** [10. Melodies](10_melodies.ipynb)
