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
# # 4. Grain size
#
# **Goal.** Repeat an experiment of the paper (its second: percussion at grain sizes of 1, 3 and 5 frames), measure it,
# and learn to tell an effect from chance.
#
# **Time.** About 40 minutes.
#
# The question: with *short* grains a result can follow every detail of the target, but each grain is a crumb that says
# little about the source. With *long* grains one hears whole gestures of the source, but their own attacks sit where
# they happen to be. Percussion is the hard case, because attacks are all there is.
#
# Before you go on, write down your guess: for grains of 1, 3, 5 and 9 frames, which way will **onset F** go (hits where
# the target's are)? Which way **adoption** (sounds like the source)? Where will seams be heard most?

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.plots import COLOURS, plot_spectrograms

CLIPS = assets_dir() / "audio"
target = CLIPS / "drum_loop.flac"
sources = [CLIPS / "percussion.flac"]  # tabla strokes and finger snaps
codec = lgr.load_codec("bundled")
milliseconds = 1000 / codec.info.frame_rate
ALONE = {"continuity": 0, "pitch": 0}  # each grain drawn for itself, by its sound colour
play({"target": lgr.load_audio(target), "source": lgr.load_audio(sources[0])})

# %% [markdown]
# ## The experiment
#
# Everything is held fixed but the grain size: target, source, temperature. Continuity is turned off, as in the paper:
# it lets a source play on from grain to grain (notebook 5), and short grains that play on are long grains again. The
# draws are random, so each size is run with three seeds; what differs between the seeds of one size is chance.

# %%
SIZES, SEEDS = (1, 3, 5, 9), (0, 1, 2)
KEYS = {
    "onset F": "onset_f",
    "flux correlation": "flux_correlation",
    "adoption": "adoption",
    "seam ratio": "seam_ratio",
}
results, found = {}, {}
for size in SIZES:
    config = lgr.ResynthConfig(grain_frames=size, **ALONE)
    book = lgr.build_codebook(sources, codec, config.codebook_config())
    for seed in SEEDS:
        made = lgr.resynthesise(target, book, codec=codec, config=config, seed=seed)
        results[size, seed] = made
        found[size, seed] = evaluate(target, sources, made.audio, made.sample_rate, score=made.score).numbers

play(
    {
        f"{size} frame{'s' * (size > 1)} = {size * milliseconds:.0f} ms": (
            results[size, 0].audio,
            results[size, 0].sample_rate,
        )
        for size in SIZES
    }
)

# %%
figure = Figure(figsize=(7.4, 2.6), layout="constrained")
for axis, (title, key) in zip(figure.subplots(1, 4), KEYS.items(), strict=True):
    for seed in SEEDS:
        axis.plot(range(len(SIZES)), [found[size, seed][key] for size in SIZES], "o", color=COLOURS[0], markersize=4)
    means = [sum(found[size, seed][key] for seed in SEEDS) / len(SEEDS) for size in SIZES]
    axis.plot(range(len(SIZES)), means, "-", color=COLOURS[1])
    axis.set_xticks(range(len(SIZES)), SIZES)
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("grain size (frames)", fontsize=8)
    axis.tick_params(labelsize=8)
picture(
    figure,
    "Figure 1. Four numbers (none has a unit) against grain size in frames of 13.3 ms. Dots: three seeds. Line: "
    "their mean.",
)

# %% [markdown]
# ## What it says
#
# Is one dot higher than another by chance? Look at the scatter of the three dots of one size: a difference between
# sizes counts only if it is clearly larger than that. (The axes do not begin at 0, so look at the numbers, too.)
#
# - **Adoption** rises with size, and the dots of the shortest grains lie clear of all others: an effect. A longer grain
#   brings more of the source's own course along.
# - **Flux correlation** is lowest at 1 frame. There the sound changes every 13 ms because a new grain was drawn, and
#   not because the target changes. From 3 frames on the dots overlap: three seeds do not tell these sizes apart.
# - **Onset F** shows nothing: its dots scatter as far as its line moves. Did you guess that long grains would lose
#   hits? So did the question above. But a long grain is compared *as a whole*, attack and all, so a grain is found
#   whose attack is where the target's is. What one expected and did not find is a result, too.
# - The **seam ratio** compares how much the sound changes *at* the joins with how much it changes *elsewhere*. At 1,
#   one cannot tell where the joins are. Here, too, one size has dots far apart.
#
# Seams have a trap of their own. Onsets of a drum loop may fall on the joins by themselves. So the same measure of the
# *untouched target* at the same places belongs beside it:

# %%
table(
    {
        f"{size} frames": {
            "seam ratio": found[size, 0]["seam_ratio"],
            "of the target at the same places": found[size, 0]["seam_ratio_of_target"],
            "distinct grains": found[size, 0]["distinct_grains"],
            "grains in all": str(len(results[size, 0].score)),
        }
        for size in SIZES
    },
    "grain size",
)

# %% [markdown]
# ## Look at one attack
#
# What grains make of an attack can be seen. Here is the first half second, once more as spectrograms.

# %%
original, rate = lgr.load_audio(target)
panels = [("target", original[0, : rate // 2].numpy(), rate)]
for size in SIZES:
    made = results[size, 0]
    panels.append((f"{size} frames", made.audio[0, : made.sample_rate // 2].numpy(), made.sample_rate))
picture(
    plot_spectrograms(panels, columns=5),
    "Figure 2. Half a second of the target and of four results: time in seconds, frequency in Hz, level in dB below "
    "the loudest spot. Compare where the bright edges begin, and what stands between them.",
)

# %% [markdown]
# ## Overlap
#
# Grains need not be laid end to end. With `hop_frames` smaller than `grain_frames` they overlap and are cross-faded, in
# the latents. Each moment is then a mixture of several choices: smoother, and blunter.


# %%
def listen(grain_frames, hop_frames, temperature):
    hop_frames = min(hop_frames, grain_frames)
    config = lgr.ResynthConfig(grain_frames=grain_frames, hop_frames=hop_frames, temperature=temperature, **ALONE)
    made = lgr.resynthesise(target, sources, codec=codec, config=config, seed=0)
    numbers = evaluate(target, sources, made.audio, made.sample_rate, score=made.score).numbers
    print(", ".join(f"{title} {numbers[key]:.2f}" for title, key in KEYS.items()))
    play_at_once(made.audio, made.sample_rate)


_ = ipywidgets.interact_manual(
    listen,
    grain_frames=ipywidgets.IntSlider(value=8, min=1, max=24),
    hop_frames=ipywidgets.IntSlider(value=4, min=1, max=24),
    temperature=ipywidgets.FloatSlider(value=config.temperature.constant, min=0, max=0.3, step=0.01),
)
# %%
overlapping = {}
for hop in (8, 4, 2):
    config = lgr.ResynthConfig(grain_frames=8, hop_frames=hop, **ALONE)
    made = lgr.resynthesise(target, sources, codec=codec, config=config, seed=0)
    overlapping[f"8 frames, one every {hop}"] = (made.audio, made.sample_rate)
play(overlapping)

# %% [markdown]
# ## Exercises
#
# **1.** The codec has 75 frames a second, and the drums last 6.5 seconds. How many grains is that at sizes 1, 3 and 5?
# Compare with the table.
#
# <details><summary>Solution</summary>
#
# 6.5 · 75 = 487.5 frames, so about 488, 163 and 98 grains: the last one may run over the end.
#
# ```python
# print(original.shape[1] / rate * codec.info.frame_rate, [len(results[size, 0].score) for size in SIZES])
# ```
# </details>
#
# **2.** Is the effect a matter of percussion? Repeat the experiment with `violin.flac` as the target and `flute.flac`
# as the source. (Adoption is enough; why would onset F say little here?)
#
# <details><summary>Solution</summary>
#
# ```python
# violin, flute = CLIPS / "violin.flac", [CLIPS / "flute.flac"]
# for size in SIZES:
#     config = lgr.ResynthConfig(grain_frames=size, **ALONE)
#     made = lgr.resynthesise(violin, flute, codec=codec, config=config, seed=0)
#     numbers = evaluate(violin, flute, made.audio, made.sample_rate).numbers
#     print(size, f"adoption {numbers['adoption']:.2f}, flux correlation {numbers['flux_correlation']:.2f}")
# ```
#
# A violin's notes begin softly and run into each other: a measure that counts onsets then hangs on a handful of
# decisions.
# </details>
#
# **3.** You want the finger snaps to be recognisable *and* in time. Which size do you take, and which other knob could
# help? Try it.
#
# <details><summary>Solution</summary>
#
# Long enough to hold a snap's attack and body (5 to 9 frames) at temperature 0, with `hop_frames` about half of it, so
# that a grain can begin closer to where an onset is. There is no single right answer: use your ears, then the numbers.
#
# ```python
# config = lgr.ResynthConfig(grain_frames=6, hop_frames=3, temperature=0, **ALONE)
# made = lgr.resynthesise(target, sources, codec=codec, config=config, seed=0)
# play({"6 frames, one every 3, τ = 0": (made.audio, made.sample_rate)})
# ```
# </details>
#
# **Next:** [5. Continuity](05_continuity.ipynb)
