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
# # 3. Temperature
#
# **Goal.** Understand the one formula of the method, turn its knob from "always the best" to "anything goes", and find
# out what is gained and what is lost on the way.
#
# **Time.** About 45 minutes. You need the exponential function and the idea of probability.

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above


import ipywidgets
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.baselines import play_baseline
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.plots import COLOURS, MARKERS, plot_sweep
from lgr.sound.envelope import Envelope

CLIPS = assets_dir() / "audio"
target = CLIPS / "drum_loop.flac"
sources = [CLIPS / "glass.flac", CLIPS / "foley.flac"]
codec = lgr.load_codec("bundled")
box = lgr.build_codebook(sources, codec, lgr.CodebookConfig(grain_frames=4))
ALONE = {"continuity": 0, "pitch": 0}  # each grain drawn for itself, by its sound colour: the formula and nothing else
print(f"{len(box)} grains in the codebook")

# %% [markdown]
# ## The formula
#
# Let $d_j = 1 - \cos$ be the *distance* of codebook grain $j$ from the target's grain: 0 for the same direction, 2 for
# the opposite. Grain $j$ is drawn with the probability
#
# $$p_j = \frac{e^{-d_j/\tau}}{e^{-d_1/\tau} + e^{-d_2/\tau} + \dots + e^{-d_M/\tau}}$$
#
# and $\tau$ ("tau") is the **temperature**. The name is from physics: in a cold gas the atoms sit in the lowest states,
# in a hot one they are everywhere.
#
# - $\tau \to 0$: the nearest grain takes all the probability.
# - $\tau \to \infty$: every $d_j/\tau$ becomes 0, so all grains are equally probable: a lottery.
# - In between, what counts is how $\tau$ compares with *differences* of distance. A grain that is farther by exactly
#   $\tau$ is less probable by the factor $e \approx 2.7$.

# %%
audio, rate = lgr.load_audio(target, sample_rate=codec.info.sample_rate)
features = codec.features(codec.encode(audio[None]))[0]
grain = 40  # of the target
distance = 1 - (box.transform(features, torch.tensor([4 * grain])) @ box.vectors_.T)[0]
nearest_first = distance.sort().values

figure = Figure(figsize=(7.2, 3.2), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(range(1, len(box) + 1), nearest_first, color=COLOURS[0])
left.set(xlabel="codebook grain, nearest first", ylabel="distance d (no unit)", xscale="log")
for i, tau in enumerate((0.01, 0.05, 0.3, 10.0)):
    chances = torch.softmax(-nearest_first / tau, 0)
    right.plot(
        range(1, len(box) + 1), chances, color=COLOURS[i], marker=MARKERS[i], markevery=[0, 9, 99], label=f"τ = {tau}"
    )
right.set(xlabel="codebook grain, nearest first", ylabel="probability", xscale="log", yscale="log", ylim=(1e-6, 1))
right.legend(fontsize=8)
picture(
    figure,
    f"Figure 1. Left: the distances of all codebook grains from grain {grain} of the target, sorted. Right: the "
    "probabilities that the formula makes of them at four temperatures. Both axes on the right are logarithmic.",
)

# %% [markdown]
# Read the right panel: at τ = 0.01 a handful of grains share nearly all the chances; at τ = 10 the line is flat.
#
# How many grains are "really" in play? **Entropy** counts it: if $k$ grains are equally probable, the entropy is $\ln
# k$ (unit: *nat*). So $e^{\text{entropy}}$ is the number of grains that the draw is worth.

# %%
rows = {}
for tau in (0.01, 0.05, 0.3, 10.0):
    entropy = float(torch.distributions.Categorical(logits=-distance / tau).entropy())
    rows[f"{tau}"] = {"entropy (nats)": entropy, "worth how many grains": f"{torch.tensor(entropy).exp():.0f}"}
table(rows, "τ")

# %% [markdown]
# ## The sweep
#
# Now the whole target, at temperatures from 0 to 10. (Paper [2507.19202](https://arxiv.org/abs/2507.19202), from which
# the method comes, speaks of low and high temperatures; 0.01 to 10 covers both.) The sources are encoded once, in
# `box`.
#
# `ALONE` turns off two knobs that `lgr` uses of its own accord: `continuity`, by which a source may play on (notebook
# 5), and `pitch`, by which melodies count (notebook 10). What is left is the paper's method, and every change that you
# see below is the temperature's.

# %%
temperatures = [0, 0.01, 0.05, 0.3, 1, 10]
SHOWN = {
    "onset F (0 to 1)": "onset_f",
    "flux correlation": "flux_correlation",
    "mean entropy (nats)": "entropy",
    "distinct grains": "distinct_grains",
}
swept, measured, adoption = [], [], []
for tau in temperatures:
    config = lgr.ResynthConfig(grain_frames=4, temperature=tau, **ALONE)
    swept.append(lgr.resynthesise(target, box, codec=codec, config=config, seed=1))
    found = evaluate(target, sources, swept[-1].audio, swept[-1].sample_rate, score=swept[-1].score).numbers
    measured.append({name: found[key] for name, key in SHOWN.items()})
    adoption.append(found["adoption"])

figure = plot_sweep(
    temperatures,
    {name: [row[name] for row in measured] for name in SHOWN},
    audio=[each.audio.mean(0).numpy() for each in swept],
    sample_rate=swept[0].sample_rate,
)
picture(
    figure,
    "Figure 2. The same target at six temperatures. Above, spectrograms (time in seconds, frequency in Hz, level in "
    "dB). Below, numbers against temperature (evenly spaced, not to scale): how well onsets and changes of the "
    "spectrum follow the target, and what the choices were like.",
)

# %%
play(
    {
        f"τ = {tau}": (each.audio, each.sample_rate)
        for tau, each in zip(temperatures, swept, strict=True)
        if tau in (0, 0.05, 1, 10)
    }
)

# %% [markdown]
# Typical of such a sweep, and worth checking in the figure:
#
# - *Entropy* rises and levels off near $\ln M$, the lottery among all $M$ grains. Distances are between 0 and 2, so
#   from τ = 1 on most grains are in play, and 10 is as good as infinity.
# - *Distinct grains* rises: at 0 a few favourites are played again and again.
# - *Onset F* and *flux correlation* fall, once it is warm: a drawn grain need not have its attack where the target has
#   its own. Between the coldest temperatures they hardly differ (exercise 2).
#
# ## Adoption against retention
#
# Two wishes pull in different directions: sound like the source (adoption), move like the target (retention, here the
# flux correlation). Put one on each axis, and a result is better the further it is up *and* right. The extremes that
# notebook 1 introduced frame the picture.

# %%
corners = {}
for name in ("unchanged", "source", "random"):
    each = play_baseline(name, target, sources, codec=codec, seed=1)
    found = evaluate(target, sources, each.audio, each.sample_rate).numbers
    corners[name] = (found["adoption"], found["flux_correlation"])

figure = Figure(figsize=(6, 3.8), layout="constrained")
axis = figure.subplots()
x = adoption
y = [row["flux correlation"] for row in measured]
axis.plot(x, y, "o-", color=COLOURS[0], label="temperature sweep", linewidth=1)
for i in (0, 3, 5):
    axis.annotate(f"τ = {temperatures[i]}", (x[i], y[i]), xytext=(6, 4), textcoords="offset points", fontsize=8)
for i, (name, (a, b)) in enumerate(corners.items(), start=1):
    axis.plot(a, b, MARKERS[i], color=COLOURS[i], label=name)
axis.set(xlabel="adoption: sounds like the source (0 to 1)", ylabel="flux correlation with the target")
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 3. What is gained and what is lost. Unchanged: the target through the codec. Source: the sources simply "
    "played on. Random: grains drawn blindly. One seed a point, so small differences are chance.",
)

# %% [markdown]
# The sweep goes straight down. *Adoption* hardly moves, and that is no mistake: every grain comes from the sources,
# whatever the temperature, so the sound's colour is theirs. Temperature decides about *time*, not about *colour*. And
# in the limit of heat we arrive, nearly, at the blind draw.
#
# ## A knob that moves
#
# In `lgr` temperature can be a **curve** over the target's time, written `"seconds:value"`. So a piece can begin strict
# and dissolve.

# %%
dissolving = lgr.ResynthConfig(temperature=Envelope.of("0:0,2:1"), **ALONE)
piece = lgr.resynthesise(target, box, codec=codec, config=dissolving, seed=1)
play({"τ rises from 0 to 1 in two seconds": (piece.audio, piece.sample_rate)})

# %% [markdown]
# **Your hand on it** (while the notebook runs; the players above are its static fallback):


# %%
def listen(temperature, seed):
    config = lgr.ResynthConfig(temperature=temperature, **ALONE)
    made = lgr.resynthesise(target, box, codec=codec, config=config, seed=seed)
    print(
        f"{made.score.distinct} different grains of {len(made.score)}, mean entropy {made.score.entropy.mean():.2f} "
        "nats"
    )
    play_at_once(made.audio, made.sample_rate)


_ = ipywidgets.interact_manual(
    listen,
    temperature=ipywidgets.FloatLogSlider(value=0.05, base=10, min=-2, max=1, step=0.1),
    seed=ipywidgets.IntSlider(value=1, min=0, max=20),
)

# %% [markdown]
# ## Exercises
#
# **1.** Two grains have the distances 0.20 and 0.30. How probable is the nearer one at τ = 0.1? At τ = 1?
#
# <details><summary>Solution</summary>
#
# Only the difference 0.1 matters: $p = 1 / (1 + e^{-0.1/\tau})$, so 0.73 at τ = 0.1 and 0.525 at τ = 1.
#
# ```python
# for tau in (0.1, 1.0):
#     print(tau, torch.softmax(-torch.tensor([0.20, 0.30]) / tau, 0))
# ```
# </details>
#
# **2.** Is the difference between τ = 0 and τ = 0.05 in Figure 2 real or luck? Try three seeds.
#
# <details><summary>Solution</summary>
#
# ```python
# for tau in (0, 0.05):
#     values = []
#     for seed in range(3):
#         config = lgr.ResynthConfig(temperature=tau, **ALONE)
#         made = lgr.resynthesise(target, box, codec=codec, config=config, seed=seed)
#         found = evaluate(target, sources, made.audio, made.sample_rate).numbers
#         values.append(round(found["flux_correlation"], 3))
#     print(tau, values)
# ```
#
# At 0 nothing is drawn, so all seeds agree. At 0.05 they scatter; only a difference larger than that scatter counts.
# </details>
#
# **3.** Let the temperature fall instead of rise, and let `wet` rise from 0 to 1 at the same time: the target,
# dissolving into a cloud that then takes shape as the sources.
#
# <details><summary>Solution</summary>
#
# ```python
# config = lgr.ResynthConfig(temperature=Envelope.of("0:1,2:0"), wet=Envelope.of("0:0,2:1"), **ALONE)
# piece = lgr.resynthesise(target, box, codec=codec, config=config, seed=1)
# play({"from the target into the sources": (piece.audio, piece.sample_rate)})
# ```
# </details>
#
# **Next:** [4. Grain size](04_grain_size.ipynb)
