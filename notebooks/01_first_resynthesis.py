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
# # 1. A first resynthesis
#
# **Goal.** Play a drum loop with the sounds of glasses, a door and a till, look at what happened, and learn the five
# words that the rest of the course needs: *target*, *source*, *grain*, *codebook* and *score*.
#
# **Time.** About 30 minutes. You need to be able to run a cell (Shift + Enter); no mathematics is needed yet.
#
# The idea comes from collage. Take a picture, and cut another picture into small pieces; now lay the second picture's
# pieces so that the first one can be recognised. Here the first picture is a sound, the **target** (a drum loop). The
# second one is other sounds, the **sources** (glass, foley). The pieces are called **grains**: stretches of sound of
# about a twentieth of a second.

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
from classroom import picture, play, play_at_once, table

import lgr
from lgr.baselines import play_baseline
from lgr.cli.support.pictures import score_figure
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.plots import plot_spectrograms

CLIPS = assets_dir() / "audio"
target = CLIPS / "drum_loop.flac"
sources = [CLIPS / "glass.flac", CLIPS / "foley.flac"]

# %% [markdown]
# ## Listen first
#
# All players of the course hold two seconds at most. They are written into this page, so they work without running
# anything.

# %%
heard = {"target: drums": lgr.load_audio(target)}
heard |= {f"source: {path.stem}": lgr.load_audio(path) for path in sources}
play(heard)

# %% [markdown]
# ## Three lines
#
# `lgr` does the collage not with the sound wave itself but with a description of it. A **codec** (coder and decoder) is
# a neural network that turns sound into such a description, a list of numbers for every 13 milliseconds, and turns the
# list back into sound. The description is called **latent** ("hidden"), because nobody told the network what its
# numbers should mean. Notebook 2 looks at them closely.

# %%
codec = lgr.load_codec("bundled")
config = lgr.ResynthConfig(grain_frames=4)
result = lgr.resynthesise(target, sources, codec=codec, config=config, seed=1)

play({"drums of glass and foley": (result.audio, result.sample_rate)})

# %% [markdown]
# What happened in the third line:
#
# 1. Sources and target were **encoded**: sound → latents.
# 2. The sources' latents were cut into grains of `grain_frames=4` latent frames (53 ms). All of them together are the
#    **codebook**: the box of pieces.
# 3. For each grain of the target, a similar one was taken from the box. Three knobs, which we left where they stand,
#    say what counts: `temperature`, how strict the choice is (at 0 nothing is left to chance, above 0 grains are drawn
#    at random among the similar ones; notebook 3); `continuity`, how readily a source simply plays on (notebook 5);
#    `pitch`, how much melodies count (notebook 10; drums have none).
# 4. The list of choices is the **score**, as in music: it says what is to be played when.
# 5. The score was played: the chosen grains' latents were put in a row and **decoded** to sound.
#
# ## See it
#
# A *spectrogram* shows time from left to right and pitch from bottom to top; the brighter a spot, the louder the sound
# is at that time and pitch. A drum hit is a bright vertical line; a ringing glass is a horizontal one.

# %%
panels = [(name, audio.mean(0).numpy(), rate) for name, (audio, rate) in heard.items()]
panels.append(("result", result.audio.mean(0).numpy(), result.sample_rate))
figure = plot_spectrograms(panels, columns=2)
picture(
    figure,
    "Figure 1. Spectrograms: time in seconds, frequency in hertz (Hz, vibrations per second), level in decibels "
    "below the loudest spot. The result has the target's vertical lines, when something happens, and inside them the "
    "colours of the sources.",
)

# %% [markdown]
# The score can be drawn too. Each dot is one grain: how far right says *when* it is played, how high says *from where
# in its recording* it was taken. Where dots lie on a rising diagonal, a recording is simply playing on.

# %%
figure = score_figure(result.score)
picture(
    figure,
    "Figure 2. The score. Above, one panel a source: target time and source time in seconds. Below: how similar the "
    "chosen grain is to the target's (1 is the same direction, 0 unrelated), how probable the choice was, and the "
    "entropy of the draw in nats (0 is no choice at all; larger means more candidates).",
)

# %%
first = list(result.score.events())[:5]
table(
    {
        f"{event.target_seconds:.2f} s": {
            "recording": result.score.recordings[event.recording].name,
            "taken from (s)": event.source_seconds,
            "similarity": event.similarity,
            "probability": event.probability,
        }
        for event in first
    },
    "placed at",
)

# %% [markdown]
# ## Is it any good? Numbers need neighbours
#
# Your ears are the judge. But numbers help when there are many results to compare, if we know what they mean:
#
# - **adoption**: is each moment nearer to the source's sound colour (1) or to the target's (0)?
# - **onset F**: do the hits begin when the target's begin? 1 means all of them and no others.
# - **envelope correlation**: do loud and quiet follow the target? 1 is exactly, 0 is not at all.
#
# A number alone says little, so two extreme results stand beside ours: the target merely sent through the codec
# ("unchanged": keeps everything, adopts nothing) and grains drawn **blindly**, without looking at similarity.

# %%
unchanged = play_baseline("unchanged", target, sources, codec=codec)
blind = play_baseline("random", target, sources, codec=codec, seed=1)
results = {"unchanged": unchanged, "ours": result, "blind grains": blind}

rows = {}
for name, each in results.items():
    found = evaluate(target, sources, each.audio, each.sample_rate, score=each.score).numbers
    rows[name] = {key: found[key] for key in ("adoption", "onset_f", "envelope_correlation")}
table(rows, "result")
play({name: (each.audio, each.sample_rate) for name, each in results.items()})

# %% [markdown]
# Look at the last row. Even blind grains follow the target's loudness, because `lgr` turns the volume of every result
# to match the target (`match_loudness`). So a high envelope correlation proves little here. What matching adds shows in
# the onsets, and in what you hear: the *right* kind of sound on each hit. **Always ask what a number would be for a
# method that does nothing clever.**
#
# ## The same again
#
# Choices are drawn at random, but from a **seed**: the same seed gives the same draws. So a sound you liked is never
# lost.

# %%
again = lgr.resynthesise(target, sources, codec=codec, config=config, seed=1)
other = lgr.resynthesise(target, sources, codec=codec, config=config, seed=2)
print("same seed, same score:   ", again.score == result.score)
same = (other.score.recording == result.score.recording) & (other.score.source_frame == result.score.source_frame)
print(f"another seed: {same.mean():.0%} of the grains are the same")

# %% [markdown]
# ## Your turn
#
# Run the cell below, choose, and press the button. (The widget only lives while the notebook runs. Without it, use the
# players under it.)


# %%
def listen(target, source, temperature, seed):
    config = lgr.ResynthConfig(temperature=temperature)
    made = lgr.resynthesise(CLIPS / f"{target}.flac", [CLIPS / f"{source}.flac"], codec=codec, config=config, seed=seed)
    play_at_once(made.audio, made.sample_rate)


names = sorted(path.stem for path in CLIPS.glob("*.flac"))
_ = ipywidgets.interact_manual(
    listen,
    target=ipywidgets.Dropdown(options=names, value="speech_reader"),
    source=ipywidgets.Dropdown(options=names, value="rain"),
    temperature=ipywidgets.FloatSlider(value=config.temperature.constant, min=0, max=0.5, step=0.01),
    seed=ipywidgets.IntSlider(value=1, min=0, max=20),
)
# %%
made = {}
for a, b in (("speech_reader", "rain"), ("violin", "steel_pan")):
    one = lgr.resynthesise(CLIPS / f"{a}.flac", [CLIPS / f"{b}.flac"], codec=codec, config=config, seed=1)
    made[f"{a} played with {b}"] = (one.audio, one.sample_rate)
play(made)

# %% [markdown]
# ## Exercises
#
# **1.** How many grains does the result have, how many *different* ones, and how often was the favourite played? (Hint:
# `len(result.score)`, `result.score.distinct`, `result.score.reuse()`.)
#
# <details><summary>Solution</summary>
#
# ```python
# score = result.score
# print(len(score), "grains,", score.distinct, "different ones; the favourite is played", score.reuse()[0], "times")
# ```
#
# There are more grains than different ones: some fit so well that they are taken more than once. Where that happens
# often it sounds mechanical; notebooks 3 and 5 are about what helps.
# </details>
#
# **2.** What if the target itself is among the sources, and `temperature=0`? Say what you expect before you run it.
#
# <details><summary>Solution</summary>
#
# ```python
# strict = lgr.ResynthConfig(temperature=0)
# itself = lgr.resynthesise(target, [target, *sources], codec=codec, config=strict, seed=1)
# print("grains from the target:", (itself.score.recording == 0).mean())
# print("at their own place:    ", (itself.score.source_frame == itself.score.target_frame).mean())
# ```
#
# Every grain finds itself (the very last one may be cut off by the end of the file): the most similar piece is the same
# piece. It is a good test of any matching program.
# </details>
#
# **3.** `wet=0.5` mixes the target's latents and the chosen ones half and half. Listen to 0, 0.5 and 1.
#
# <details><summary>Solution</summary>
#
# ```python
# mixes = {}
# for wet in (0, 0.5, 1):
#     mixed = lgr.ResynthConfig(wet=wet)
#     one = lgr.resynthesise(target, sources, codec=codec, config=mixed, seed=1)
#     mixes[f"wet {wet}"] = (one.audio, one.sample_rate)
# play(mixes)
# ```
#
# 0 is the target through the codec, 1 is the collage. In between the *descriptions* are mixed, which is not quite the
# same as playing both at once.
# </details>
#
# **Next:** [2. What a latent grain is](02_what_a_latent_grain_is.ipynb)
