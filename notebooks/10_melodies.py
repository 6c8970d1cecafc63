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
# # 10. Melodies
#
# **Goal.** Play a violin's tune with single notes of a piano (the paper's first experiment: one instrument's melody,
# another one's sound), find out how the tune is lost and how it is kept, and let *one* note play all of it.
#
# **Time.** About 45 minutes. You need notebooks 3 and 5.
#
# Until now a grain was chosen by its sound colour. For drums that is enough. But a tune is a tune because of its
# *notes*: whoever plays the right colours with the wrong notes has lost it.

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

from collections import Counter

import ipywidgets
import numpy as np
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.baselines import play_baseline
from lgr.evaluation import Yardstick
from lgr.files import assets_dir
from lgr.latents.joint import pitch_rows
from lgr.measures.retention import pitch_hz
from lgr.plots import COLOURS, MARKERS
from lgr.sound.pitch import CLEAR_HZ, LOWEST_HZ, pitch_frames

CLIPS = assets_dir() / "audio"
codec = lgr.load_codec("bundled")
tune, notes = CLIPS / "violin.flac", CLIPS / "notes_piano.flac"
book = lgr.build_codebook([notes], codec)
play({"target: a violin plays a tune": lgr.load_audio(tune), "source: notes of a piano": lgr.load_audio(notes)})

# %% [markdown]
# The tune is Beethoven's *Ode to Joy*. The piano plays twelve notes, one after the other with gaps, and all that the
# tune needs are among them.
#
# ## By sound colour alone
#
# First as in the notebooks before: `pitch=0` says that the pitch of a grain does not count.

# %%
colour_only = lgr.resynthesise(tune, book, codec=codec, config=lgr.ResynthConfig(pitch=0), seed=1)
play({"the tune, by sound colour alone": (colour_only.audio, colour_only.sample_rate)})

# %% [markdown]
# What became of the tune can be drawn. A pitch tracker (*pYIN*) says fifty times a second which pitch is heard, or that
# there is none. Below, high is a high note, and the violin's line is the tune as one would write it down.

# %%
NOTES = {"C4": 261.6, "D4": 293.7, "E4": 329.6, "F♯4": 370.0, "G4": 392.0, "A4": 440.0, "C5": 523.3}


def pitch_picture(sounds, caption):
    """The pitch of two sounds (audio, rate) over time, the second over the first."""
    figure = Figure(figsize=(7.2, 3), layout="constrained")
    axis = figure.subplots()
    for i, (name, (audio, rate)) in enumerate(sounds.items()):
        hz = pitch_hz(audio.mean(0), rate)
        heard = hz > 0
        colour, size = (("0.75", 7), (COLOURS[0], 2.5))[i]  # the first is a broad band behind the second
        axis.plot(0.02 * np.flatnonzero(heard), hz[heard], "o", color=colour, markersize=size, label=name)
    axis.set(xlabel="time (s)", ylabel="pitch", yscale="log", ylim=(230, 620))
    axis.set_yticks(list(NOTES.values()), list(NOTES), minor=False)
    axis.set_yticks([], minor=True)
    axis.grid(axis="y", color="0.9")
    axis.legend(fontsize=8, loc="lower left")
    picture(figure, caption)


violin = lgr.load_audio(tune)
pitch_picture(
    {"violin": violin, "piano, pitch=0": (colour_only.audio, colour_only.sample_rate)},
    "Figure 1. The pitch of the violin and of its resynthesis by sound colour alone, every 20 ms, where a pitch was "
    "found, between B3 and D5; time in seconds. The lines are notes.",
)

# %% [markdown]
# Much of the tune is there, for high notes are brighter than low ones. But where the violin plays F♯, the piano plays
# G. Why? Grains are compared by 40 bands of their spectrum (notebook 2), and these are wider than a semitone. To them
# F♯ and G are nearly the same sound.
#
# A number for it: **pitch agreement** is the share of the violin's pitched moments in which the result has the same
# pitch, give or take a quarter tone. As always, numbers need neighbours.

# %%
yardstick = Yardstick(tune, [notes], pitch=True)
SHOWN = {"pitch agreement": "pitch_agreement", "adoption": "adoption", "source distance": "source_distance"}


def numbers(made, yardstick=yardstick, shown=SHOWN):
    found = yardstick.measure(made.audio, made.sample_rate, score=made.score).numbers
    return {name: found[key] for name, key in shown.items()}


rows = {"violin, unchanged": numbers(play_baseline("unchanged", tune, [notes], codec=codec))}
rows["by sound colour alone"] = numbers(colour_only)
rows["blind grains"] = numbers(play_baseline("random", tune, [notes], codec=codec, seed=1))
rows["piano, played on"] = numbers(play_baseline("source", tune, [notes], codec=codec))
table(rows, "result")

# %% [markdown]
# *Adoption* compares two distances: is the result nearer to the source's colour (1) or to the target's (0)? A result
# that is far from both can still have a high adoption, as the blind grains show. So **source distance** always stands
# beside it from here on: how far the result's moments are from the nearest ones of the source (smaller is better; 0
# would be the source itself).
#
# ## What a pitch descriptor sees
#
# So `lgr` looks at a second thing beside the bands: a **pitch descriptor**. It is a spectrum whose steps are semitones.
# Three things are done to it. It is flattened, so that only *peaks* are left and not the colour. The overtones of each
# peak are added to the note that they belong to: a note of 200 Hz also sounds at 400, 600 and 800 Hz. And it is
# flattened again. A note is then one strong line, whatever plays it. Noise has no peaks and leaves nearly nothing.

# %%
scale, rate = lgr.load_audio(notes, sample_rate=codec.info.sample_rate)
noise = 0.1 * torch.randn(2 * rate, generator=torch.Generator().manual_seed(0))
hop = codec.info.hop_length
seen = pitch_frames(torch.cat([scale[0], noise]), rate, hop)  # (semitones, frames)

figure = Figure(figsize=(7.2, 3.2), layout="constrained")
axis = figure.subplots()
image = axis.imshow(
    seen.numpy(), origin="lower", aspect="auto", cmap="magma", extent=(0, seen.shape[1] * hop / rate, 0, len(seen))
)
octaves = range(0, len(seen), 12)
axis.set_yticks(octaves, [f"{LOWEST_HZ * 2 ** (i / 12):.0f}" for i in octaves])
axis.set(xlabel="time (s)", ylabel="a semitone a row (Hz)")
figure.colorbar(image, ax=axis).set_label("how much of a note (no unit)")
picture(
    figure,
    "Figure 2. The pitch descriptor of the piano's twelve notes, and then of two seconds of noise. The bright steps "
    "are the notes; the fainter ones above and below them are their octaves and fifths.",
)

# %% [markdown]
# The tallest peak also says *whether* there is a pitch: from 0, as in noise, to 1, a clear note. The mean over the
# grains of some clips:


# %%
def share_of_pitch(audio, rate):
    """How much of a pitch each grain of four frames has, from 0 to 1."""
    frames = pitch_frames(audio.mean(0), rate, hop).T.contiguous()
    return pitch_rows(frames, torch.arange(0, len(frames) - 3, 4), grain_frames=4)[1]


clips = {
    name: lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=rate)
    for name in ("violin", "choir", "speech_reader", "drum_loop", "rain")
}
table({name: {"how much of a pitch": float(share_of_pitch(*each).mean())} for name, each in clips.items()}, "clip")

# %% [markdown]
# ## Turning the knob
#
# A target's grain and a source's grain now have two similarities, one of their colours and one of their pitches. They
# are mixed:
#
# $$s = (1 - w)\, s_{\text{colour}} + w\, s_{\text{pitch}}, \qquad w = \texttt{pitch} \cdot (\text{how much of a pitch
# the target's grain has})$$
#
# The rest is as before, with the distance $1 - s$ in the formula of notebook 3. Where the target has no pitch, $w$ is
# 0, and colours alone decide.

# %%
kept, rows = {}, {}
for pitch in (0, 0.3, 0.6, 0.9):
    kept[pitch] = lgr.resynthesise(tune, book, codec=codec, config=lgr.ResynthConfig(pitch=pitch), seed=1)
    rows[f"{pitch}"] = numbers(kept[pitch])
table(rows, "pitch")
print("what lgr takes unless told otherwise:", lgr.ResynthConfig().pitch)
play({"violin": violin} | {f"pitch {pitch}": (each.audio, each.sample_rate) for pitch, each in kept.items()})

# %%
pitch_picture(
    {"violin": violin, "piano, pitch=0.9": (kept[0.9].audio, kept[0.9].sample_rate)},
    "Figure 3. As Figure 1, with pitch=0.9: the piano follows. Time in seconds; the lines are notes.",
)

# %% [markdown]
# The tune is back, and most of it comes with the first turn of the knob. What does it cost? Hardly anything that the
# table shows: *adoption* stays where it was, and *source distance* stays far below that of blind grains. Every grain
# still comes from the piano, only from another key. That is so because the piano *has* the notes. (One tune and one
# seed; exercise 3 looks further.)
#
# ## One note is enough
#
# What if it has not? Cut a single note out of the clip. It can play one note of the tune and no other. Samplers have an
# answer: play the recording faster, and it is higher; slower, and it is lower. `transpose=(-12, 12)` puts such copies
# of the source into the codebook, for every semitone from an octave below to an octave above.

# %%
BEAT = 60 / 128  # seconds; a note of the clip lasts one beat, and the next one begins 1.2 beats after it
start = round(3 * 1.2 * BEAT * rate)
note = (scale[:, start : start + round(1.1 * BEAT * rate)], rate)  # F♯4
of_one_note = Yardstick(tune, [note], pitch=True)
one_note, rows = {}, {}
for name, transpose in {"as it is": (0, 0), "transposed": (-12, 12)}.items():
    config = lgr.ResynthConfig(transpose=transpose)
    one_note[name] = lgr.resynthesise(tune, [note], codec=codec, config=config, seed=1)
    rows[f"one note, {name}"] = numbers(one_note[name], of_one_note)
table(rows, "source")
play({"one note": note} | {f"the tune, {name}": (each.audio, each.sample_rate) for name, each in one_note.items()})

# %%
score = one_note["transposed"].score
copies = Counter(score.recordings[i].augmentation or "as it is" for i in score.recording.tolist())
table({name: {"grains": str(n)} for name, n in copies.most_common(6)}, "copy of the note")

# %% [markdown]
# Now see why *source distance* belongs beside adoption. The tune is there, but adoption is lower, and the distance from
# the source is many times what it was. It is no mistake: a note that is played faster is not only higher. Everything in
# it moves up, the body of the instrument too, and it decays sooner. The further it is transposed, the less it is the
# piano that was recorded. That is why samplers have a recording for every few keys, and why a source with many notes is
# better than one with one.
#
# ## Where there is no tune
#
# Must `pitch` be turned down for other targets? Here are rain and drums, played with a door and a till.

# %%
other, rows = {}, {}
RHYTHM = {"onset F": "onset_f", "flux correlation": "flux_correlation"} | dict(list(SHOWN.items())[1:])
foley = CLIPS / "foley.flac"
objects = lgr.build_codebook([foley], codec)
for name in ("rain", "drum_loop"):
    target = CLIPS / f"{name}.flac"
    measure = Yardstick(target, [foley])
    for pitch in (0, 0.9):
        config = lgr.ResynthConfig(pitch=pitch)
        other[name, pitch] = lgr.resynthesise(target, objects, codec=codec, config=config, seed=1)
        rows[f"{name}, pitch {pitch}"] = numbers(other[name, pitch], measure, RHYTHM)
table(rows, "target")
for name in ("rain", "drum_loop"):
    a, b = (other[name, pitch].score.source_frame for pitch in (0, 0.9))
    print(f"{name}: {(a == b).mean():.0%} of the grains are the same")

# %% [markdown]
# In rain nothing changes, for no grain of it has a pitch. Drums are not so simple. A drum head rings, and some grains
# of this loop do have something of a pitch. There the sources' pitches count a little, and other grains are chosen. The
# rhythm is kept as well as before. *Adoption* does not gain from it, and *source distance* does not either: what nobody
# asks of a drum is paid for in colour. The default is gentler than 0.9; for drums, `pitch=0` is the clear choice.
#
# ## How low can a tune be?
#
# The descriptor must be quick: it listens to at most 50 ms at a time, else attacks would be smeared. But a low tone
# needs time to be told from its neighbour. So here is how alike the descriptor finds two tones *a semitone apart*, from
# low to high, for pure tones (only a fundamental) and for tones with overtones, as instruments have them.

# %%
hertz = 27.5 * 2 ** (torch.arange(0, 61) / 12)
seconds = torch.arange(round(0.3 * rate)) / rate


def tone(hz, overtones):
    return sum(torch.sin(2 * torch.pi * hz * k * seconds) / k for k in range(1, overtones + 2) if hz * k < rate / 2)


figure = Figure(figsize=(6.4, 3), layout="constrained")
axis = figure.subplots()
for i, overtones in enumerate((0, 9)):
    middle = torch.stack([pitch_frames(tone(hz, overtones), rate, hop)[:, 5:-5].mean(1) for hz in hertz])
    alike = torch.cosine_similarity(middle[1:], middle[:-1])
    axis.plot(hertz[1:], alike, MARKERS[i] + "-", color=COLOURS[i], markersize=3, label=f"{overtones} overtones")
for at, name in ((LOWEST_HZ, "lowest filter"), (CLEAR_HZ, "semitones clear")):
    axis.axvline(at, color="0.6", linewidth=1)
    axis.annotate(f" {name}", (at, 0.02), fontsize=8, color="0.4")
axis.set(xscale="log", xlabel="frequency of the higher tone (Hz)", ylabel="cosine of the descriptors", ylim=(0, 1.05))
axis.set_xticks([30, 55, 110, 220, 440, 880], ["30", "55", "110", "220", "440", "880"])
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 4. How alike the descriptors of two tones a semitone apart are (cosine, no unit). 1: they cannot be told "
    "apart. The grey lines are two numbers of `lgr`, the lowest filter and where a filter is as narrow as a semitone.",
)

# %% [markdown]
# Low *pure* tones are nearly alike: one cannot be told well from its neighbour. It gets better from a few hundred hertz
# on, where a semitone is as wide as a filter. Tones with overtones are told apart much lower, by their overtones: these
# lie higher up, where the filters are narrow enough. Below the lowest filter this fails, too. So a cello, a trombone or
# a low voice may well be the target, but the line of a very dull bass may come out a semitone off, and the lowest
# string of a bass guitar (41 Hz) has its fundamental where the descriptor hears nothing.
#
# ## What a musician chooses
#
# - `pitch=0`: the colours of the source along the curve of the tune, notes as they fall. A cloud, not an instrument.
# - The default: the tune, in the source's voice.
# - `pitch=0.9`: the right note above all; grains of an ill-fitting colour are taken for it.
# - A curve. `"0:0,3:0.9"` lets the tune come out of the cloud within three seconds.
# - `transpose`: where the source has few notes, or where its notes should sound like samples played up and down.

# %%
emerging = lgr.resynthesise(tune, book, codec=codec, config=lgr.ResynthConfig(pitch="0:0,3:0.9"), seed=1)
made = (emerging.audio, emerging.sample_rate)
play({"the first two seconds": made})
play({"from the third second on": made}, start_seconds=3)
pitch_picture(
    {"violin": violin, "piano, pitch from 0 to 0.9": made},
    "Figure 5. The pitch of the violin and of a resynthesis in which pitch counts more and more until three seconds. "
    "Time in seconds; the lines are notes.",
)


# %%
def listen(target, source, pitch, octaves):
    config = lgr.ResynthConfig(pitch=pitch, transpose=(-12 * octaves, 12 * octaves))
    one = lgr.resynthesise(CLIPS / f"{target}.flac", [CLIPS / f"{source}.flac"], codec=codec, config=config, seed=1)
    play_at_once(one.audio, one.sample_rate)


# Your own pair, while the notebook runs; the players above are the static fallback.
names = sorted(path.stem for path in CLIPS.glob("*.flac"))
_ = ipywidgets.interact_manual(
    listen,
    target=ipywidgets.Dropdown(options=names, value="flute"),
    source=ipywidgets.Dropdown(options=names, value="notes_guitar"),
    pitch=ipywidgets.FloatSlider(value=lgr.ResynthConfig().pitch.constant, min=0, max=1, step=0.05),
    octaves=ipywidgets.IntSlider(value=0, min=0, max=1),
)

# %% [markdown]
# ## Exercises
#
# **1.** By hand: how many times faster must a note be played to be an octave higher? A semitone? How long is a note of
# half a second when it is seven semitones higher?
#
# <details><summary>Solution</summary>
#
# Twice as fast; an octave is twelve equal steps, so a semitone is a factor of $2^{1/12} = 1.06$. Seven semitones are
# $2^{7/12} = 1.5$, a fifth, and the note lasts a third of a second.
#
# ```python
# print([round(2 ** (semitones / 12), 3) for semitones in (12, 1, 7)], 0.5 / 2 ** (7 / 12))
# ```
# </details>
#
# **2.** Which of `notes_piano`, `notes_sax` and `notes_guitar` plays the flute's tune (`flute.flac`) most faithfully?
# Listen before you look at the numbers.
#
# <details><summary>Solution</summary>
#
# ```python
# flute, rows, heard = CLIPS / "flute.flac", {}, {}
# for name in ("notes_piano", "notes_sax", "notes_guitar"):
#     source = CLIPS / f"{name}.flac"
#     made = lgr.resynthesise(flute, [source], codec=codec, seed=1)
#     rows[name] = numbers(made, Yardstick(flute, [source], pitch=True))
#     heard[name] = (made.audio, made.sample_rate)
# play(heard)
# table(rows, "source")
# ```
#
# All three keep nearly all of it: each has all the notes. So pitch agreement does not decide between them, nor does
# adoption by much. What differs is what *you* hear: which attacks fit a flute's, and whether a note lasts as long as
# the flute's does.
# </details>
#
# **3.** Draw each grain for itself (`continuity=0`). Does the tune stay? Does the piano? Try three seeds.
#
# <details><summary>Solution</summary>
#
# ```python
# rows = {}
# for continuity in (0, lgr.ResynthConfig().continuity):
#     for seed in range(3):
#         config = lgr.ResynthConfig(continuity=continuity)
#         made = lgr.resynthesise(tune, book, codec=codec, config=config, seed=seed)
#         rows[f"{continuity}, seed {seed}"] = numbers(made)
# table(rows, "continuity")
# ```
#
# The tune stays nearly as well: that is the pitch's work, grain by grain. The piano does not. Adoption falls, and the
# source distance is several times as large: a note of crumbs, each from another moment of the key's sound, is not a
# piano's note. *Playing on* is what makes it one.
# </details>
#
# **4.** Sing or whistle a tune, record it, and play it with an instrument of your choice. What does the pitch tracker
# make of your voice, and what would it say of a choir, in which several notes sound at once?
#
# <details><summary>Solution</summary>
#
# ```python
# choir = lgr.load_audio(CLIPS / "choir.flac")
# hz = pitch_hz(choir[0].mean(0), choir[1])
# print(f"a pitch is found in {(hz > 0).mean():.0%} of the choir")
# ```
#
# pYIN looks for *one* pitch. Of a chord it names one note, another one a moment later, or none; so pitch agreement is a
# number for single lines. Your ears, and the pitch descriptor, in which a chord is several lines, do not have that
# limit.
# </details>
