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
# **Goal.** Train a small model on recordings of your own (here: percussion, a door and a till, glass and bells),
# understand what the training curve says, and be honest about what half a minute of training gives: between a model
# that was not trained at all and one that had half an hour and more, and 670 recordings.
#
# **Time.** About 60 minutes, of which the computer needs half a minute (and ten minutes for the last exercise).
#
# A **variational autoencoder** (VAE) is a codec that is trained to do two things at once: to return what it was given,
# and to keep its latents *tidy*, so that latents near each other sound alike. The first wish is the reconstruction
# loss, the second one the **KL term**; a weight β says how they are balanced.
#
# The model here, `granular` with the decoder `fi+pp`, takes grains of 1,024 samples (43 ms), each as a vector of 96
# numbers. To play a grain it lets *noise* run through a filter whose shape it reads from the vector, and lays the
# grains over each other by three quarters. (It is the model of *Neural granular sound synthesis*.)

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import csv
import json
import shutil
import tempfile
from pathlib import Path

import ipywidgets
import torch
from classroom import picture, play, play_at_once, table

import lgr
from lgr.codecs.trained import TrainedCodec
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.models.kinds import build_model, model_config
from lgr.plots import plot_spectrograms
from lgr.plots.training import plot_losses
from lgr.train.vae.config import recipe
from lgr.train.vae.train import train_model

CLIPS = assets_dir() / "audio"

# %% [markdown]
# ## A folder of sounds
#
# Training takes a folder of recordings. **To use your own, set `MINE` to your folder's name** (five recordings or more,
# of one kind of sound, are a good start). Otherwise four clips of six to seven seconds are used.
#
# A `manifest.csv` in the folder may say which original recording ("group") each file was cut from. Files of one group
# are never put on both sides of the test below: that would be practising with the exam's questions.

# %%
MINE = ""  # such as "/home/anna/drums"
MINUTES = 0.4  # of training; the last exercise asks for 10

work = Path(tempfile.mkdtemp(prefix="lgr-course-"))
folder = Path(MINE) if MINE else work / "sounds"
if not MINE:
    folder.mkdir()
    with (CLIPS / "credits.csv").open(encoding="utf-8") as lines:
        groups = {row["clip"]: row["group"] for row in csv.DictReader(lines)}
    names = ("percussion", "foley", "glass", "bells")
    rows = ["path,group", *(f"{name}.flac,{groups[name]}" for name in names)]
    for name in names:
        shutil.copy(CLIPS / f"{name}.flac", folder)
    (folder / "manifest.csv").write_text("\n".join(rows))
    print("\n".join(rows))

# %% [markdown]
# ## Train
#
# In each **step** the model hears four crops of half a second, guesses, is told how far off it was, and each of its
# weights is moved a little in the direction that would have been better. Some recordings are **held out**: the model
# never trains on them, so that we can ask whether it learned something about sound or learned *these recordings* by
# heart.

# %%
config = recipe(
    "granular", minutes=MINUTES, batch_size=4, crop_seconds=0.5, warmup_steps=10, log_every=1, validate_every=20
)
sizes = model_config("granular", {"decoder": "fi+pp"})
model = train_model(
    "granular",
    folder,
    work / "model",
    config=config,
    model_config=sizes,
    report=lambda row: print(row["note"]) if "note" in row else None,
)

log = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
steps = max(row.get("step", 0) for row in log)
print(f"{steps} steps in {MINUTES * 60:.0f} seconds")


# %%
def reconstruction(row):
    """A row of the log without the KL term, which is a hundred times as large and would flatten the picture."""
    kept = {name: value for name, value in row.items() if name not in ("kl", "held_out")}
    return kept | ({"held_out": reconstruction(row["held_out"])} if "held_out" in row else {})


picture(
    plot_losses([reconstruction(row) for row in log]),
    "Figure 1. The reconstruction loss (two terms, no unit) over training steps, on a logarithmic axis. Lines: on "
    "the crops of each step. Marks: on the held-out sound, with mSTFT, which is explained below.",
)

# %% [markdown]
# **Reading the curve.** The jagged lines are normal: each step hears other crops, and some are harder. Look at the
# trend. Is it still falling at the right end? Then more training would help. Do the lines fall while the held-out marks
# *rise*? Then the model has begun to learn its recordings by heart, and more training would do harm. Marks that lie
# higher or lower than the lines only say that the held-out recording is harder or easier.
#
# ## What half a minute gives
#
# The trained folder is a codec like any other: `load_codec` opens it. We send two seconds of a drum loop through it
# that no model here was trained on. A number alone says nothing, so ours gets neighbours on both sides: the same model
# **untrained**, with random weights, and `drums-spectral`, which comes with `lgr` (half an hour of training and more,
# 670 recordings of drums). That one is of another kind, `spectral`, which knows tones from noise; we come to it below.
#
# - **mel distance**: the mean difference of two mel spectrograms, in decades (powers of ten).
# - **mSTFT**: the relative distance of the spectrograms; 0 is the same sound, silence scores 1.

# %%
torch.manual_seed(0)
untrained = TrainedCodec(build_model("granular", sizes), None, name="untrained", version="0")
mine, shipped = lgr.load_codec(model), lgr.load_codec("drums-spectral")
rate = shipped.info.sample_rate
drums, _ = lgr.load_audio(CLIPS / "drum_loop.flac", sample_rate=rate)
drums = drums[:, : 2 * rate]


def through(codec, audio):
    """Encoded and decoded, as long as it was."""
    return codec.decode(codec.encode(audio[None]))[0][:, : audio.shape[1]]


heard = {
    "drums": drums,
    "untrained": through(untrained, drums),
    "mine, half a minute": through(mine, drums),
    "shipped, half an hour": through(shipped, drums),
}
play({name: (each, rate) for name, each in heard.items()})

rows = {}
for name, each in heard.items():
    found = evaluate((drums, rate), [(drums, rate)], each, rate).numbers
    rows[name] = {"mel distance (decades)": found["mel"], "mSTFT": found["mstft"], "onset F": found["onset_f"]}
table(rows, "compared with the drums")

# %%
picture(
    plot_spectrograms([(name, each[0].numpy(), rate) for name, each in heard.items()], columns=4),
    "Figure 2. Two seconds of drums and what three models make of them: time in seconds, frequency in Hz, level in "
    "dB below the loudest spot.",
)

# %% [markdown]
# **An honest summary.** Perhaps the surprise is the *untrained* model: one hears drums! A good part of what such a
# model does is in its *design*: it hands the loudness of each grain through, and noise with the right loudness already
# has the rhythm. So the question "does it work?" is the wrong one; the question is what training *added*. Half a minute
# on four clips brings the colour of the noise nearer: in the first two columns our row lies between its neighbours (how
# far along depends on how many steps your computer made of the half minute). The shipped model had sixty times the
# time, a hundred times the sounds, and another design. Had we shown only our own row, all of it might have looked like
# a success of training.
#
# ## One moment, held
#
# In notebook 7 we held one latent and listened. What does a latent of ours hold? We train a second model on the same
# folder, for a few seconds: a small one of the shipped model's kind, `spectral`. Its latents say how strong each
# frequency is and how well that is *known* (a tone) or not (noise). Before its first step, the main directions in which
# spectra differ are computed from the folder (principal components); the steps then teach it, above all, what is noise.
#
# Both hold a moment of a steel pan, and of rain, which neither has ever heard. **Flicker** says by how much each
# frequency's level goes up and down around its mean, the strong ones counting most. Noise flickers by about 5.6 dB,
# whatever its colour; a steady tone hardly at all.

# %%
little = {"width": 64, "encoder_blocks": 1, "decoder_blocks": 2, "latent_dim": 64, "n_bands": 40, "band_width": 64}
few = recipe("spectral", steps=100, batch_size=4, warmup_steps=10, learning_rate=2e-3, ema=0.95, augment=False)
small = train_model("spectral", folder, work / "spectral", config=few, model_config=model_config("spectral", little))
holders = {
    "granular, mine": mine,
    "spectral, mine": lgr.load_codec(small),
    "spectral, shipped": lgr.load_codec("spectral"),
}


def hold(codec, audio, at_seconds=1.0):
    """The latent at a time, said again for a second and a half, of which the middle second is kept."""
    frame, count = round(at_seconds * codec.info.frame_rate), round(1.5 * codec.info.frame_rate)
    latents = codec.encode(audio[None])[:, :, frame : frame + 1]
    return codec.decode(latents.expand(-1, -1, count))[0][:, rate // 4 : rate * 5 // 4]


def flicker(audio, window=2048):
    seen = torch.stft(audio[0], window, window=torch.hann_window(window), center=False, return_complex=True)
    power = seen.abs().square().clamp(min=1e-12)
    return float(((10 * power.log10()).std(1) * power.mean(1)).sum() / power.mean(1).sum())


# %%
rows, seen = {name: {} for name in ("recording", *holders)}, []
for sound in ("steel_pan", "rain"):
    audio = lgr.load_audio(CLIPS / f"{sound}.flac", sample_rate=rate)[0].mean(0, keepdim=True)
    held = {name: hold(codec, audio) for name, codec in holders.items()}
    for name, each in held.items():
        rows[name][f"{sound}: flicker (dB)"] = flicker(each)
    for name, each in {"recording": audio[:, rate - 1000 : rate + 1000], **held}.items():
        rows[name][f"{sound}: level (dB)"] = 10 * each.square().mean().log10().item()
    play({f"{sound}, {name}": (each, rate) for name, each in held.items()})
    seen += [(f"{sound}: {name}", each[0].numpy(), rate) for name, each in held.items()]
table(rows, "one latent, held")
picture(
    plot_spectrograms(seen, columns=3),
    "Figure 3. One latent, held for a second: a steel pan above, rain below. Time in seconds, frequency in Hz, level "
    "in dB below the loudest spot.",
)

# %% [markdown]
# Nothing hums, for none of the three copies waveforms. Rain is noise to all of them. The steel pan tells them apart:
# `fi+pp` can only colour noise, so it hisses on the pan's pitches; `spectral` keeps more of a tone a tone, the shipped
# one most. And the *level*: both models have it as a latent of its own, but only `spectral` scales what it decodes to
# exactly that. The grains of `fi+pp` are as loud as its networks make them, and those know nothing of steel pans.
#
# ## Play with it
#
# The granular model is small and rough, but it is a real latent space: grains can be matched in it, and its numbers can
# be moved.

# %%
played = {}
for name, codec in {"mine": mine, "shipped": shipped}.items():
    one = lgr.resynthesise(CLIPS / "speech_reader.flac", [CLIPS / "percussion.flac"], codec=codec, seed=1)
    played[f"a voice of tabla and snaps, {name}"] = (one.audio, one.sample_rate)
play(played)


# %%
def listen(number, change):
    """The same drums with one of their latent numbers moved."""
    latents = mine.encode(drums[None])
    latents[:, number] += change
    play_at_once(mine.decode(latents)[0], rate)


# While the notebook runs: what does each latent number do? (The players below show three of them.)
_ = ipywidgets.interact_manual(
    listen,
    number=ipywidgets.IntSlider(value=1, min=0, max=mine.info.latent_dim - 1),
    change=ipywidgets.FloatSlider(value=2, min=-4, max=4, step=0.5),
)

# %%
latents = mine.encode(drums[None])
spread = latents.std(dim=2)[0]
busiest = spread[1:].argsort(descending=True)[:3] + 1  # number 0 is the level
moved = {}
for number in busiest.tolist():
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
# Fewer than half. What is thrown away is *which* noise it was; the decoder brings noise of its own.
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
# **3.** A trap in mSTFT: compare two seconds of rain with *two other seconds of the same rain*, as loud. What do you
# expect, and what follows for models that make sound from noise?
#
# <details><summary>Solution</summary>
#
# ```python
# rain, _ = lgr.load_audio(CLIPS / "rain.flac", sample_rate=rate)
# last, before = rain[:, -2 * rate :], rain[:, -4 * rate : -2 * rate]
# found = evaluate((last, rate), [(last, rate)], before * last.norm() / before.norm(), rate).numbers
# print(f"mel distance {found['mel']:.2f}, mSTFT {found['mstft']:.2f}")
# ```
#
# The mSTFT is more than half of what silence scores, though nobody would call it a bad copy of the rain. *This* noise
# cannot be had from *other* noise, and mSTFT counts that against a model however well it was trained. The mel distance
# is more forgiving. Know what a number cannot see before you believe it.
# </details>
#
# **4.** Train for ten minutes on a folder of your own: set `MINE` and `MINUTES` above, or use the command line, and
# look at the card that training writes (`README.md` in the model's folder).
#
# <details><summary>Solution</summary>
#
# `lgr train granular --data my-drums/ --out my-drums-model --minutes 10`, then `lgr resynth my-drums/ --target
# voice.wav --codec my-drums-model -o out.wav`. If the curve flattens early, the model is too small or the sounds too
# few; if the held-out marks rise, take fewer minutes or more recordings.
# </details>

# %%
shutil.rmtree(work)  # the model of this notebook is not kept; copy the folder first if you like it

# %% [markdown]
# **Next:** [9. Drums](09_drums.ipynb)
