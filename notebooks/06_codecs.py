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
# # 6. Comparing codecs
#
# **Goal.** Play one target with one source through every codec that is on this machine, and find out which differences
# come from the codec itself and which from the matching. (The paper's third experiment.)
#
# **Time.** About 45 minutes.
#
# All operations of `lgr` work with any codec, because they only ask of it to `encode`, to `decode` and to give
# `features` for matching. Some codecs come with `lgr`; others were trained by companies and universities on thousands
# of hours, and their weights are downloaded when you first ask for them. This notebook downloads **nothing**: it takes
# what is here and says of each other one why it is missing.

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
from classroom import picture, play, play_at_once, table

import lgr
from lgr.baselines import play_baseline
from lgr.codecs.registry import codec_card
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.plots import plot_spectrograms

CLIPS = assets_dir() / "audio"
target = CLIPS / "drum_loop.flac"
sources = [CLIPS / "percussion.flac"]

# %%
codecs, rows = {}, {}
for name in lgr.codec_names():
    if name == "toy":  # a codec for tests: it keeps blocks of samples as they are
        continue
    try:
        card = codec_card(name)
        if card.present:
            codecs[name] = lgr.load_codec(name)
            why = "yes"
        else:
            why = "no: its weights are not on this machine (downloaded on first use, or found through LGR_WEIGHTS)"
        frames, size = f"{card.frame_rate:.2f}", str(card.latent_dim)
    except lgr.LgrError as error:  # damaged weights, or a package that is not installed
        frames, size, why = "?", "?", "no: " + str(error).replace(str(assets_dir()), "assets")
    rows[name] = {"frames a second": frames, "numbers a frame": size, "can be used here": why}
table(rows, "codec")

# %% [markdown]
# - `bundled` and `spectral` are this project's own codecs for all kinds of sound.
# - `drums-…`, `notes-…` and `textures-…` are small models, each trained on *one* kind of sound for some minutes
#   (notebook 8 trains one). They are asked to play drums here, so expect strange things of the others; that is part of
#   the experiment.
# - `soundstream`, `encodec-…`, `dac-…` are codecs made to transmit speech and music with few bits.
#
# ## First the ceiling
#
# A codec that cannot even return the target cannot make a faithful resynthesis of it. So first send the target through
# each codec, unchanged. What is measured: **mSTFT**, the relative distance of spectrograms (0: the same, 1: as far as
# silence), **flux correlation** and **onset F** as before. Some codecs keep the waveform; `…spectral` and
# `textures-noiseband` only say what is heard and make the sound anew. Noise that is made anew is never the same noise,
# and mSTFT counts that as distance.

# %%
KEYS = {"onset F": "onset_f", "flux correlation": "flux_correlation", "adoption": "adoption"}


def measured(each, keys):
    found = evaluate(target, sources, each.audio, each.sample_rate, score=each.score).numbers
    return {title: found[key] for title, key in keys.items()}


unchanged = {name: play_baseline("unchanged", target, sources, codec=codec) for name, codec in codecs.items()}
ceiling = {name: measured(each, {"mSTFT": "mstft"} | KEYS) for name, each in unchanged.items()}
table(ceiling, "target, unchanged")

# %% [markdown]
# ## Then the resynthesis
#
# Frames are not equally long in all codecs, so we ask for grains of the same *time*, 53 ms, as near as whole frames
# allow. Seed and all settings are the same everywhere. (mSTFT is left out: it asks for the *same* sound, which a
# resynthesis does not want to be.)

# %%
made = {}
for name, codec in codecs.items():
    grain_frames = max(1, round(0.053 * codec.info.frame_rate))
    config = lgr.ResynthConfig(grain_frames=grain_frames)
    made[name] = lgr.resynthesise(target, sources, codec=codec, config=config, seed=1)
numbers = {name: measured(each, KEYS) for name, each in made.items()}
table(numbers, "resynthesis")

# %%
play({f"{name}: unchanged": (each.audio, each.sample_rate) for name, each in unchanged.items()})
play({f"{name}: resynthesis": (each.audio, each.sample_rate) for name, each in made.items()})

# %%
audio, rate = lgr.load_audio(target)
panels = [("target", audio[0, : 2 * rate].numpy(), rate)]
panels += [(name, each.audio[0, : 2 * each.sample_rate].numpy(), each.sample_rate) for name, each in made.items()]
picture(
    plot_spectrograms(panels, columns=4),
    "Figure 1. Two seconds of the target and of each codec's resynthesis: time in seconds, frequency in Hz, level in "
    "dB below the loudest spot. A codec at 16 kHz has nothing above 8 kHz.",
)

# %% [markdown]
# ## Reading the two tables together
#
# **Trap 1: adoption of the ceiling.** The *unchanged* target should adopt nothing of the source. Where its adoption is
# well above that of `bundled`, the codec itself has coloured the sound, and that colour happens to be nearer to the
# source's. What matching did is the *difference* between a codec's two rows.
#
# **Trap 2: retention has a ceiling too.** If a codec's unchanged target already has an onset F of 0.9, a resynthesis
# with 0.8 lost only 0.1 by matching.

# %%
difference = {name: {title: numbers[name][title] - ceiling[name][title] for title in KEYS} for name in codecs}
table(difference, "resynthesis minus ceiling")

# %% [markdown]
# **What this does not show.** One target, one source and one seed are an anecdote. Which codec sounds *best* is a
# question for ears, and for more than one pair of sounds: `lgr listening build` makes a blind listening test.
#
# While the notebook runs, try other pairs (the players above are the static fallback):


# %%
def listen(target, source, codec):
    one = lgr.resynthesise(CLIPS / f"{target}.flac", [CLIPS / f"{source}.flac"], codec=codecs[codec], seed=1)
    play_at_once(one.audio, one.sample_rate)


names = sorted(path.stem for path in CLIPS.glob("*.flac"))
_ = ipywidgets.interact_manual(
    listen,
    target=ipywidgets.Dropdown(options=names, value="choir"),
    source=ipywidgets.Dropdown(options=names, value="violin"),
    codec=ipywidgets.Dropdown(options=list(codecs)),
)

# %% [markdown]
# ## Exercises
#
# **1.** How many numbers a second does each codec use? Which of them make a sound *smaller* than its 24,000 samples?
#
# <details><summary>Solution</summary>
#
# ```python
# for name, codec in codecs.items():
#     print(f"{name}: {codec.info.frame_rate * codec.info.latent_dim:,.0f} numbers a second")
# ```
#
# Not all of them do. For making music out of latents, few numbers are not the aim; for a telephone they are.
# </details>
#
# **2.** A model trained on drums is asked to carry a violin. Predict, then listen, and look at mSTFT.
#
# <details><summary>Solution</summary>
#
# ```python
# violin = CLIPS / "violin.flac"
# for name in ("bundled", "drums-spectral", "notes-spectral"):
#     one = play_baseline("unchanged", violin, [violin], codec=codecs[name])
#     found = evaluate(violin, [violin], one.audio, one.sample_rate).numbers
#     print(f"{name}: mSTFT {found['mstft']:.2f}")
#     play({name: (one.audio, one.sample_rate)})
# ```
# </details>
#
# **3.** Why was the grain length fixed in milliseconds and not in frames? What would go wrong otherwise?
#
# <details><summary>Solution</summary>
#
# Four frames are 53 ms in one codec, 80 ms in another, 21 ms in a third. Notebook 4 showed that grain size alone moves
# adoption and onsets, so codecs would differ for a reason that is not the codec. In an experiment, only the thing that
# is asked about may change.
#
# ```python
# print({name: f"{4000 / codec.info.frame_rate:.0f} ms" for name, codec in codecs.items()})
# ```
# </details>
#
# **Next:** [7. Paths through latents](07_latent_paths.ipynb)
