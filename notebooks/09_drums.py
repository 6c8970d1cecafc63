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
# Until now a target told the grains when to come. `drums-spectral` can also work without one. It is a VAE of *spectra*,
# 75 latents a second, with a second VAE on top of it, which turns a whole series of 96 latents (1.28 seconds) into a
# single point, the **embedding**. Draw a point, and the series unfolds from it: attack, body, decay. (The embedding is
# that of *Neural granular sound synthesis*.)
#
# Its latents hold no waveform. They say how strong each frequency is, and how much of it is tone and how much noise;
# phases are made when sound is made. So what is drawn, mixed or held is what is heard, and a held latent does not buzz
# at the frame rate, as that of a codec that copies waveforms does (notebook 7).

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.evaluation import evaluate
from lgr.latents.controls import codec_controls, steer
from lgr.latents.path import morph
from lgr.measures.transition import spectrum
from lgr.one_shots import in_a_row
from lgr.plots import COLOURS, plot_spectrograms

codec = lgr.load_codec("drums-spectral")
rate = codec.info.sample_rate
print("classes:", ", ".join(codec.labels))


def one_shots(label, n, seed):
    """New latents of one class, (n, latent_dim, frames)."""
    return codec.sample(label, n, seed)


def sound(latents):
    """The audio of a one-shot, (1, samples), from its latents (latent_dim, frames); turned down if it would clip."""
    audio = codec.decode(latents[None])[0]
    return audio / audio.abs().max().clamp(min=1.0)


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
# `assets/models/drums-spectral/`) says: a simple classifier taught with real ones names the right class for 79 % of the
# model's one-shots, for 76 % of *real* ones of other recordings, and for 12.5 % by guessing. More than for real ones?
# Be careful: model and classifier learned from the same recordings, so drawn one-shots resemble what the classifier
# knows, and the real ones do not. Most rides are taken for crashes, and the cowbell was learned from seven recordings.
# The model had 30 minutes of training.
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
# snare" is a description the decoder can read. So is the level, in dB: half way
# between -10 and -30 dB is -20 dB.

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
# ## Steering
#
# Some latents have a meaning (notebook 7), and `steer` moves them: 0 changes nothing. The **centroid** here is that of
# the power, about which brightness speaks.


# %%
def centroid_hz(audio):
    """The centroid of a one-shot's power, from (1, samples)."""
    found = spectrum(audio, rate)
    power = torch.from_numpy(found.magnitude).square().sum(1)
    return float(power @ torch.from_numpy(found.frequency_hz) / power.sum())


for name, unit in codec_controls(codec).items():
    print(f"{name}: {unit}")
MOVES = [{}, {"level": -9.0}, {"brightness": 1.0}, {"brightness": -1.0}, {"noisiness": -1.0}, {"intensity": 12.0}]
rows, steered = {}, {}
for move in MOVES:
    title = ", ".join(f"{name} {amount:+g}" for name, amount in move.items()) or "as drawn"
    each = sound(steer(codec, snare[None], move)[0])
    rows[title] = {"level (dB)": float(10 * each.square().mean().log10()), "centroid (kHz)": centroid_hz(each) / 1000}
    steered[title] = (each, rate)
table(rows, "snare")
play(steered)

# %% [markdown]
# The level moves by what was asked, brightness by about an octave up (twice the centroid) and down (half of it), and
# each leaves the other nearly alone. Noisiness shows in neither column: listen. Intensity moves the colour as the
# training recordings changed when they were louder, at the same level: it made this snare brighter.
#
# A control can go along with a morph. Eight hits from the kick to the snare, four a second: the snare is the brighter
# one, so the row gets brighter as it goes. Now turn brightness the other way, from an octave up to an octave down.

# %%
HITS = 8
weights, falling = torch.linspace(0, 1, HITS).tolist(), torch.linspace(1, -1, HITS).tolist()
on_the_way = [morph(kick, snare, torch.full((frames,), weight)) for weight in weights]
darker = [steer(codec, hit[None], {"brightness": amount})[0] for hit, amount in zip(on_the_way, falling, strict=True)]
series = {"as it is": on_the_way, "brightness from +1 to -1": darker}
heard = {name: [sound(hit) for hit in hits] for name, hits in series.items()}

figure = Figure(figsize=(5, 2.6), layout="constrained")
axis = figure.subplots()
for i, (name, hits) in enumerate(heard.items()):
    axis.semilogy(range(1, HITS + 1), [centroid_hz(hit) for hit in hits], "o-", color=COLOURS[i], label=name)
axis.set(xlabel="hit, from kick (1) to snare (8)", ylabel="centroid (Hz)")
axis.legend(fontsize=8)
picture(figure, "Figure 4. The centroid of the power (Hz, logarithmic) of eight hits from a kick to a snare.")
play({name: (in_a_row(torch.cat(hits), rate // 4), rate) for name, hits in heard.items()})

# %% [markdown]
# The lines cross in the middle, where the control is 0; at the ends they are nearly an octave apart. The morph is still
# the stronger of the two: the row ends brighter than it began.
#
# ## A beat
#
# A pattern says which drum is hit on which sixteenth note. Two bars at 120 beats a minute would be four seconds; here
# is one bar, two seconds.

# %%
PATTERN = {"Kick": "x..x....x.x.....", "Snare": "....x.......x..x", "Hat": "x.x.x.x.x.x.x.xx"}
LEVEL = {"Kick": 0.7, "Snare": 1.5, "Hat": 0.5}


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
def listen(kick_to_snare, brightness, seed):
    a, b, hat = (one_shots(name, 1, seed)[0] for name in ("Kick", "Snare", "Hat"))
    kit = {"Kick": morph(a, b, torch.full((frames,), kick_to_snare)), "Snare": b, "Hat": hat}
    move = {"brightness": brightness}
    play_at_once(beat({name: sound(steer(codec, each[None], move)[0]) for name, each in kit.items()}), rate)


# Your own kit, while the notebook runs; the players above are the static fallback.
_ = ipywidgets.interact_manual(
    listen,
    kick_to_snare=ipywidgets.FloatSlider(value=0.3, min=0, max=1, step=0.05),
    brightness=ipywidgets.FloatSlider(value=0, min=-2, max=2, step=0.25),
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
# Compare the number with the table above: if it is near 0, the other 64 numbers decide, and the label only hints.
# </details>
#
# **4.** A course project: record ten sounds of one kind (doors, cups, your own beatboxing), a folder a class, and train
# `lgr train spectral --data my-sounds/ --labels --temporal --out my-model --minutes 20` (with `--width 256
# --latent-dim 64` it is as large as `drums-spectral`). Then open it here in place of `drums-spectral`.
#
# <details><summary>Solution</summary>
#
# There is none: it is yours. Expect a rough copy of your sounds. The card that training writes says how good it is on
# recordings that it did not hear; quote that number when you present it.
# </details>
#
# **Next:** [10. Melodies](10_melodies.ipynb)
