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
# # 8. Train a grain VAE
#
# **Goal.** Train a small model on recordings of your own (here: rain, sea, fire and thunder), understand what the
# training curve says, and be honest about what half a minute of training gives, by comparing with a model that had a
# quarter of an hour.
#
# **Time.** About 60 minutes, of which the computer needs half a minute (and ten minutes for the last exercise).
#
# A **variational autoencoder** (VAE) is a codec that is trained to do two things at once: to return what it was given,
# and to keep its latents *tidy*, so that latents near each other sound alike and latents drawn at random sound like
# *something*. The first wish is the reconstruction loss, the second one the **KL term**; a weight β says how they are
# balanced.
#
# Our model, `noiseband`, makes sound by setting the loudness of 193 bands of noise, 187 times a second. It cannot play
# a melody, but rain *is* noise with a changing colour. So it can be tiny, and learn from seconds of sound. (After Dees
# and O'Leary, *Generative latent spaces for neural synthesis of audio textures*.)

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import csv
import json
import shutil
import tempfile
from pathlib import Path

import ipywidgets
from classroom import picture, play, play_at_once, table

import lgr
from lgr.codecs.weights import assets_dir
from lgr.evaluation import evaluate
from lgr.plots import plot_spectrograms
from lgr.plots_training import plot_losses
from lgr.train.vae import train_model
from lgr.train.vae_config import recipe

CLIPS = assets_dir() / "audio"

# %% [markdown]
# ## A folder of sounds
#
# Training takes a folder of recordings. **To use your own, set `MINE` to your folder's name** (five recordings or more,
# of one kind of sound, are a good start). Otherwise four clips of five seconds are used.
#
# A `manifest.csv` in the folder may say which original recording ("group") each file was cut from. Files of one group
# are never put on both sides of the test below: that would be practising with the exam's questions.

# %%
MINE = ""  # such as "/home/anna/rain"
MINUTES = 0.4  # of training; the last exercise asks for 10

work = Path(tempfile.mkdtemp(prefix="lgr-course-"))
folder = Path(MINE) if MINE else work / "sounds"
if not MINE:
    folder.mkdir()
    with (CLIPS / "credits.csv").open(encoding="utf-8") as lines:
        groups = {row["clip"]: row["group"] for row in csv.DictReader(lines)}
    rows = ["path,group", *(f"{name}.flac,{groups[name]}" for name in ("rain", "sea", "fire", "thunder"))]
    for row in rows[1:]:
        shutil.copy(CLIPS / row.split(",")[0], folder)
    (folder / "manifest.csv").write_text("\n".join(rows))
    print("\n".join(rows))

# %% [markdown]
# ## Train
#
# In each **step** the model hears four crops of half a second, guesses, is told how far off it was, and every one of
# its 300,000 weights is moved a little in the direction that would have been better. Some recordings are **held out**:
# the model never trains on them, so that we can ask whether it learned rain or learned *these recordings* by heart.

# %%
config = recipe(
    "noiseband", minutes=MINUTES, batch_size=4, crop_seconds=0.5, warmup_steps=10, log_every=1, validate_every=25
)
model = train_model(
    "noiseband", folder, work / "model", config=config, report=lambda row: print(row["note"]) if "note" in row else None
)

log = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
steps = max(row.get("step", 0) for row in log)
print(f"{steps} steps in {MINUTES * 60:.0f} seconds")

# %%
picture(
    plot_losses(log),
    "Figure 1. The terms of the loss (no unit) over training steps, on a logarithmic axis. Lines: on the crops of "
    "each step. Marks: on held-out sound.",
)

# %% [markdown]
# **Reading the curve.** The jagged lines are normal: each step hears other crops. Look at the trend. Is the curve still
# falling at its right end? Then more training would help. Do the lines fall while the held-out marks *rise*? Then the
# model has begun to learn its recordings by heart, and more training would do harm.
#
# (The KL term rises at first, which is no failure: for the first part of the training its weight β is 0, and the model
# stuffs as much into the latents as it can. Only then is it asked to tidy up.)
#
# ## What half a minute gives
#
# The trained folder is a codec like any other: `load_codec` opens it. Beside it stands `textures-noiseband`, the same
# kind of model with 15 minutes of training on 89 recordings of rain, sea and thunder. To be fair, both must be tested
# on a recording that *neither* was trained on. Which one did ours hold out?

# %%
print((model / "training_data.csv").read_text())

# %% [markdown]
# With our four clips it is the thunder, and the shipped model did not train on this recording either. Two measures:
#
# - **mel distance**: the mean difference of two mel spectrograms, in decades (powers of ten). It looks at how much
#   there is in each band.
# - **mSTFT**: the relative distance of the exact spectrograms; 0 is the same sound, silence scores 1.
#
# A number alone says nothing, so it gets neighbours: near silence, and *two other seconds of the same recording*, made
# as loud. And beside the thunder there is the rain, which ours did train on.

# %%
mine, shipped = lgr.load_codec(model), lgr.load_codec("textures-noiseband")
rate = shipped.info.sample_rate


def through(codec, audio):
    """Encoded and decoded, as long as it was."""
    return codec.decode(codec.encode(audio[None]))[0][:, : audio.shape[1]]


rows, shown = {}, []
for name in ("thunder", "rain"):
    whole, _ = lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=rate)
    last, before = whole[:, -2 * rate :], whole[:, -4 * rate : -2 * rate]
    compared = {
        "mine, half a minute": through(mine, last),
        "shipped, 15 minutes": through(shipped, last),
        "two other seconds": before * last.norm() / before.norm(),
        "near silence": last * 1e-3,
    }
    for what, each in compared.items():
        found = evaluate((last, rate), [(last, rate)], each, rate).numbers
        rows.setdefault(what, {}).update({f"{name}: mel distance": found["mel"], f"{name}: mSTFT": found["mstft"]})
    heard = {name: last} | {f"{name}, {what}": compared[what] for what in list(compared)[:2]}
    play({what: (each, rate) for what, each in heard.items()})
    shown += [(what, each[0].numpy(), rate) for what, each in heard.items()]
table(rows, "compared with two seconds of")

# %%
picture(
    plot_spectrograms(shown),
    "Figure 2. Two seconds of thunder and of rain, and what the two models make of them: time in seconds, frequency "
    "in Hz, level in dB below the loudest spot.",
)

# %% [markdown]
# **An honest summary.** Half a minute already teaches the colour of the noise and how it swells. The longer training
# follows the bands more closely: compare the mel distances, and listen.
#
# Then look at the row *two other seconds* of the rain. Nobody would call that a bad copy of the rain, yet its mSTFT is
# *worse* than that of both models. A model that makes its sound from noise cannot return *this* noise, only noise
# *like* it, and mSTFT counts that against it, however well it was trained: in the rain's column there is hardly a
# difference between half a minute and 15 minutes. **Know what a number cannot see before you believe it.**
#
# What neither model can do: single drops, the clicks of a fire, anything with a pitch. And ours learned from four clips
# of five seconds. Do not judge the method by this notebook; judge by it what training *is*.
#
# ## Play with it
#
# The model is small, but it is a real latent space: grains can be matched in it, paths can go through it.

# %%
paths = {}
for name, codec in {"mine": mine, "shipped": shipped}.items():
    config = lgr.ResynthConfig(grain_frames=10, temperature=0.02)
    one = lgr.resynthesise(CLIPS / "speech_reader.flac", [CLIPS / "rain.flac"], codec=codec, config=config, seed=1)
    paths[f"a voice of rain, {name}"] = (one.audio, one.sample_rate)
play(paths)


# %%
def listen(number, change):
    """The same rain with one of its latent numbers moved."""
    latents = mine.encode(last[None])
    latents[:, number] += change
    play_at_once(mine.decode(latents)[0], rate)


# While the notebook runs: what does each latent number do? (The players below show two of them.)
_ = ipywidgets.interact_manual(
    listen,
    number=ipywidgets.IntSlider(value=0, min=0, max=mine.info.latent_dim - 1),
    change=ipywidgets.FloatSlider(value=2, min=-4, max=4, step=0.5),
)
# %%
latents = mine.encode(last[None])  # the rain
spread = latents.std(dim=2)[0]
busiest = spread.argsort(descending=True)[:2].tolist()
moved = {}
for number in busiest:
    changed = latents.clone()
    changed[:, number] += 3 * spread[number]
    moved[f"number {number} moved up by three standard deviations"] = (mine.decode(changed)[0], rate)
play(moved)

# %% [markdown]
# ## Exercises
#
# **1.** How many latent numbers a second does this model keep, against how many samples a second of sound?
#
# <details><summary>Solution</summary>
#
# ```python
# print(mine.info.frame_rate * mine.info.latent_dim, "numbers for", mine.info.sample_rate, "samples")
# ```
#
# An eighth. What is thrown away is *which* noise it was; the decoder brings noise of its own.
# </details>
#
# **2.** The decoder's noise is not drawn anew each time. Decode the same latents twice and compare. Why would a
# musician want that?
#
# <details><summary>Solution</summary>
#
# ```python
# print(torch.equal(mine.decode(latents), mine.decode(latents)))
# ```
#
# The noise is a function of a seed and the time. So a sound can be found again, and a change that you hear was made by
# *your* change, not by new dice.
# </details>
#
# **3.** How good is the model before any training? (`build_model` makes a model with random weights.)
#
# <details><summary>Solution</summary>
#
# ```python
# from lgr.codecs.trained import TrainedCodec
# from lgr.models.kinds import build_model, config_class
#
# untrained = TrainedCodec(build_model("noiseband", config_class("noiseband")()), None, name="untrained", version="0")
# found = evaluate((last, rate), [(last, rate)], through(untrained, last), rate).numbers
# print(f"mel distance {found['mel']:.2f}, mSTFT {found['mstft']:.2f}")
# ```
# </details>
#
# **4.** Train for ten minutes on a folder of your own: set `MINE` and `MINUTES` above, or use the command line, and
# look at the card that training writes (`README.md` in the model's folder).
#
# <details><summary>Solution</summary>
#
# `lgr train noiseband --data my-rain/ --out my-rain-model --minutes 10`, then `lgr resynth my-rain/ --target voice.wav
# --codec my-rain-model -o out.wav`. If the curve flattens early, the model is too small or the sounds too few; if the
# held-out marks rise, take fewer minutes or more recordings.
# </details>

# %%
shutil.rmtree(work)  # the model of this notebook is not kept; copy the folder first if you like it

# %% [markdown]
# **Next:** [9. Drums](09_drums.ipynb)
