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
# # 11. From one token a frame back to sound
#
# **Goal.** Say a sound by one whole number a frame, hear what is left of it, and bring the rest back: once by the
# *mean* of all that is possible, once by a *draw*. Find out why the mean measures well and sounds dull, and build in
# one dimension the method that draws, a Schrödinger bridge.
#
# **Time.** About 60 minutes. You need notebook 2; notebook 3 helps, for draws.
#
# Neural codecs are made to send sound over a line, and a line carries whole numbers, not latents. The whole numbers of
# a frame are its **codes**; language models call them *tokens*. A model that writes music or speech writes tokens, and
# it is easier to write one a frame than eight. But then somebody has to make up what the other seven would have said.
# (The question, and most answers in this notebook, are those of *Neural codec resynthesis*, paper 002.)

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import time

import torch
from classroom import picture, play, table
from matplotlib.figure import Figure

import lgr
from lgr.bridge.files import load_bridge
from lgr.bridge.polish import coarse_latents
from lgr.bridge.schrodinger import marginal, walked
from lgr.evaluation import Yardstick
from lgr.files import assets_dir
from lgr.measures.reconstruction import lsd
from lgr.plots import COLOURS, MARKERS, plot_spectrograms
from lgr.sound.level import gained, levelling_gain_db

CLIPS = assets_dir() / "audio"
codec = lgr.load_codec("spectral")
rate, frame_rate = codec.info.sample_rate, codec.info.frame_rate
print(f"{frame_rate:g} frames a second of {codec.info.latent_dim} numbers")
print(f"their codes: {codec.n_codebooks} levels, each code one of {codec.code_entries}")


def clip(name):
    """A clip as codec and bridges are used to it: at one level, (1, samples)."""
    audio, _ = lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=rate)
    return gained(audio, levelling_gain_db(audio, rate))


def decoded(latents):
    """The sound of latents (1, latent_dim, frames), for a player."""
    return codec.decode(latents)[0], rate


# %% [markdown]
# ## A frame as whole numbers
#
# Where do the codes come from? From a **residual quantizer**. It has a list of latents, the *entries*. Level 1 looks up
# the entry that is nearest to the latent and writes down its number. Something is missing: the *residual*, the latent
# minus the entry. Level 2 has a list of residuals, looks up the nearest, and so on. The sum of all entries is nearly
# the latent, and each level says less than the one before it.

# %%
speech = clip("speech_reader")
latents = codec.encode(speech[None])
codes = codec.quantize(latents)  # (1, levels, frames)
print("the codes of frame 40:", codes[0, :, 40].tolist())

bits = (codec.code_entries - 1).bit_length()
kept, rows = {"before quantisation": latents}, {}
for levels in (8, 4, 2, 1):
    kept[f"{levels} level{'s' if levels > 1 else ''}"] = coarse_latents(latents, codec, levels)
sounds = {name: decoded(each) for name, each in kept.items()}
for name, (audio, _) in sounds.items():
    levels = 0 if name == "before quantisation" else int(name.split()[0])
    samples = min(speech.shape[1], audio.shape[1])
    rows[name] = {
        "kbit/s": levels * bits * frame_rate / 1000 if levels else None,
        "spectra off by (dB)": lsd(speech[0, :samples], audio[0, :samples]),
    }
table(rows, "kept")
play({"the reader": (speech, rate)} | {name: sounds[name] for name in ("8 levels", "2 levels", "1 level")})

# %%
picture(
    plot_spectrograms(
        [
            (name, sounds[name][0][0, : 2 * rate].numpy(), rate)
            for name in ("before quantisation", "2 levels", "1 level")
        ]
    ),
    "Figure 1. What is left of two seconds of the reader: time in seconds, frequency in Hz, level in dB below the "
    "loudest spot. The fewer the levels, the more of the horizontal lines, a voice's harmonics, dissolve.",
)

# %% [markdown]
# A telephone takes 64 kbit/s, an MP3 file 128 or more. One level is *less than one*. Can you still follow
# what is said? Is it still the same voice? Note the words "off by": even before quantisation the spectra differ by some
# decibels, for this codec makes its phases anew (notebook 9). So look at differences between rows, not at the numbers
# alone.
#
# ## Why a mean is dull
#
# To bring the sound back is to guess the latent that the codes came from. But many latents have the same first code.
# Rain shows it best, for its moments are all alike and none repeats. Below are the frames of rain that share the
# commonest first code, in the two directions in which they differ most. On the right, what two bridges make of these
# same frames when they are given only the first code:
#
# - **regression**, a network that was trained to be as near as possible, on the mean of squares, to the true latent;
# - the **Schrödinger bridge**, a network of the same size that was trained to draw.

# %%
regression, schrodinger = load_bridge("regression", codec), load_bridge("schrodinger", codec)


def turned(latents):
    """Latents (1, latent_dim, frames) as (frames, latent_dim), turned so that distances are what is heard."""
    return ((latents[0].T - schrodinger.mean) @ schrodinger.turn).float()


def draw(coarse, steps, seed=0):
    """A draw of the Schrödinger bridge in so many evaluations of its network."""
    return schrodinger(coarse, given=1, steps=steps, generator=torch.Generator().manual_seed(seed))


rain = codec.encode(clip("rain")[None])
first = codec.quantize(rain)[0, 0]
same = first == first.mode().values
coarse = coarse_latents(rain, codec, 1)
true = turned(rain)[same]
middle = true.mean(0)
_, _, directions = torch.linalg.svd(true - middle, full_matrices=False)
made = {"as recorded": rain, "regression": regression(coarse), "a draw, 16 evaluations": draw(coarse, 16)}

figure = Figure(figsize=(7.2, 2.8), layout="constrained")
axes = figure.subplots(1, 3, sharex=True, sharey=True)
for axis, (name, each), colour in zip(axes, made.items(), COLOURS, strict=False):
    at = (turned(each)[same] - middle) @ directions[:2].T
    axis.plot(at[:, 0], at[:, 1], ".", color=colour, markersize=4)
    axis.plot(0, 0, "k+", markersize=9)
    axis.set(title=name, xlabel="first direction")
    print(f"{name}: a spread of {float(at.std(0).square().sum().sqrt()):.2f}")
axes[0].set_ylabel("second direction")
picture(
    figure,
    f"Figure 2. {int(same.sum())} frames of rain that have the same first code, in the two directions (no unit) in "
    "which the recorded ones differ most; the cross is their mean.",
)

# %% [markdown]
# The regression draws the frames together, towards a mean. It does not fail: it does what it was trained for. If a
# value is $-1$ or $1$ with equal chance, the guess with the least squared error is $0$, **which never occurs**. With
# latents it is the same: the mean of many rains is no rain, but a steady hiss; the mean of many voices is a dull voice.
# (It is not quite *one* point, for a bridge sees the codes of the frames around, too.)
#
# Draws spread further, if not quite as far as the recorded frames do. Which of them come out is chance; another seed
# gives others, just as likely. Both clouds lie a little beside the cross: of rain in general these networks know
# something, of this rain nothing but its codes.
#
# Can dullness be measured? Sound lives by change, so here is **movement**: how far latents move from one frame to the
# next, on the mean of squares, with the recorded sound's as 1. Beside it the **error**, which the regression was
# trained for, as a share of the recorded latents' variance.


# %%
def numbers(made, latents):
    a, b = turned(latents), turned(made)
    error = (a - b).square().mean() / a.var(0).mean()
    movement = b.diff(dim=0).square().mean() / a.diff(dim=0).square().mean()
    return {"error": float(error), "movement": float(movement)}


rows, heard = {}, {}
for name in ("speech_reader", "foley", "rain"):
    true = codec.encode(clip(name)[None])
    coarse = coarse_latents(true, codec, 1)
    made = {"first code alone": coarse, "regression": regression(coarse), "a draw": draw(coarse, 16)}
    rows |= {f"{name}, {way}": numbers(each, true) for way, each in made.items()}
    heard[name] = {way: decoded(each) for way, each in made.items()}
table(rows, "brought back")
play({f"speech_reader, {way}": sound for way, sound in heard["speech_reader"].items()})
play({f"rain, {way}": heard["rain"][way] for way in ("regression", "a draw")})

# %% [markdown]
# Read the table twice. By *error* the regression is best, each time, and the draw is worst. By *movement* the
# regression has lost a good part of the life, and the draw has it back, or a little too much of it. And the first code
# alone moves as much as the recording, but listen: that is rattling from entry to entry, not life. **No single number
# here says what is good.** The paper asked listeners: the way back whose words a machine understood best was the one
# they liked least, and it was a regression.
#
# (In rain errors are above 1. Its moments differ so little that a single latent, held, would have been nearer, and
# that would be a hiss without drops.)
#
# Be fair to the mean, too. These bridges are small, they learned from about an hour of sound, and one code says little.
# Judge with your ears whether the draw of the reader is a better reader, or only a livelier one.
#
# Another seed says the same codes in another way:

# %%
coarse = coarse_latents(latents, codec, 1)
play({f"the reader, seed {seed}": decoded(draw(coarse, 16, seed)) for seed in (1, 2)})

# %% [markdown]
# ## A bridge in one dimension
#
# How can a network draw? A **bridge** is a random walk of which both ends are known. Take a coarse value $x_1$ and the
# fine value $x_0$ that belongs to it, and let a particle wander from one to the other while *time* goes from 1 to 0. It
# wanders freely on the way, but it must arrive. Where it is at time $t$ is a Gaussian:
#
# $$x_t \sim \mathcal N\big(a_t\, x_0 + b_t\, x_1,\; d_t^2\big), \qquad a_t + b_t = 1$$
#
# At $t = 1$ it is on $x_1$ for certain ($a = 0, d = 0$), at $t = 0$ on $x_0$, and in the middle $d_t$ is largest.
# `lgr.bridge.schrodinger.marginal` says the three.
#
# Now the trick. When we bring sound back, $x_0$ is not known. So somebody must *guess* it from where the particle is:
# given $x_t$ and $x_1$, what is $x_0$ on the mean? Walk a small step as if the guess were true, draw a little noise,
# guess again. At the beginning the guess is the dull mean. But the noise pushes the particle to one side, and from
# there the mean of what is still possible is another one. **Each guess is a mean, and the walk ends on a draw.**
#
# In the codec the guess is a network. In one dimension we can write it down. Let the fine value be a hump, or one of
# two: Gaussians of spread $c$ around $m_k$. Each hump alone gives a guess between its middle and what the particle
# says, weighted by how sure each is:
#
# $$m_k + \frac{a_t\, c^2}{a_t^2 c^2 + d_t^2}\,\big(x_t - b_t x_1 - a_t m_k\big)$$
#
# and with two humps the guesses are mixed by how likely each is, given the particle.

# %%
SPREAD, NOISE = 0.15, schrodinger.config.noise


def guess_of(humps, coarse, path=None):
    """The mean of the fine end, seen from x at a time; what is asked is noted in ``path``."""
    m = torch.tensor(humps, dtype=torch.float64)[:, None]

    def guess(x, time):
        if path is not None:
            path.append((time, x[0].clone()))
        a, b, d = (float(v) for v in marginal(torch.tensor(time, dtype=torch.float64), NOISE))
        if a == 0:  # at the coarse end the particle says nothing yet
            return m.mean().expand_as(x)
        off, variance = x - b * coarse - a * m, (a * SPREAD) ** 2 + d**2  # a row a hump
        likely = torch.softmax(-off.square() / (2 * variance), 0)
        return (likely * (m + a * SPREAD**2 / variance * off)).sum(0, keepdim=True)

    return guess


def toy(humps, steps, particles=20000, stochastic=1.0, path=None):
    """Fine ends of many particles, (particles,), and the coarse ones that they began at."""
    generator = torch.Generator().manual_seed(0)
    coarse = 0.2 * torch.randn(1, particles, generator=generator, dtype=torch.float64)
    fine = walked(guess_of(humps, coarse, path), coarse, steps, NOISE, stochastic, generator)
    return fine[0], coarse[0]


ONE, TWO = (0.5,), (-1.0, 1.0)
figure = Figure(figsize=(7.2, 3), layout="constrained")
for axis, humps in zip(figure.subplots(1, 2, sharey=True), (ONE, TWO), strict=True):
    path = []
    fine, _ = toy(humps, 64, particles=24, path=path)
    times = [at for at, _ in path] + [0.0]
    places = torch.stack([x for _, x in path] + [fine])
    axis.plot(times, places, color=COLOURS[0], linewidth=0.7, alpha=0.7)
    axis.plot([0] * len(fine), fine, "k.", markersize=4)
    axis.set(xlim=(1.02, -0.05), xlabel="time (1: coarse, 0: fine)", title="one hump" if humps == ONE else "two humps")
figure.axes[0].set_ylabel("value (no unit)")
picture(
    figure,
    "Figure 3. Twenty-four particles on their way from coarse values, left, to fine ones, right, in 64 steps. With two "
    "humps each particle is undecided first, and then goes to one of them.",
)

# %% [markdown]
# What does a walk of few steps do? One step is the first guess itself, the mean: the regression. With two humps it ends
# where nothing is. The more steps, the more the ends look as they should.

# %%
figure = Figure(figsize=(7.2, 2.4), layout="constrained")
rows = {}
for axis, steps in zip(figure.subplots(1, 4, sharey=True), (1, 2, 4, 16), strict=True):
    ends = toy(TWO, steps)[0]
    axis.hist(ends, bins=60, range=(-1.6, 1.6), color=COLOURS[0])
    axis.set(title=f"{steps} step{'s' if steps > 1 else ''}", xlabel="fine value", yscale="log", ylim=(1, 3e4))
figure.axes[0].set_ylabel("particles (of 20000)")
picture(
    figure,
    "Figure 4. Where 20000 particles end that should be in one of two humps, around -1 and 1, by the number of steps. "
    "The axis of counts is logarithmic.",
)
for steps in (1, 2, 4, 16, 64):
    ends = toy(TWO, steps)[0]
    nearest = (ends.abs() - 1).abs()
    rows[str(steps)] = {
        "between the humps": float((nearest > 4 * SPREAD).double().mean()),
        "in the upper one": float((ends > 0).double().mean()),
        "spread of one hump": float(toy(ONE, steps)[0].std()),
    }
rows["should be"] = {"between the humps": 0.0, "in the upper one": 0.5, "spread of one hump": SPREAD}
table(rows, "steps")

# %% [markdown]
# The coarse choice, *which* hump, is made in a few steps. The fine spread *within* a hump comes with many: every step
# is taken as if the guess were true, and what is still open within the last steps is averaged away.
#
# ## Evaluations against quality
#
# A step is an **evaluation** of the network, and costs time. So how many does a sound need?

# %%
rows, heard = {}, {}
everything = {name: [] for name in ("error", "movement")}
STEPS = (1, 2, 4, 8, 16, 32)
for steps in STEPS:
    began = time.perf_counter()
    made = draw(coarse, steps)
    seconds = time.perf_counter() - began
    found = numbers(made, latents)
    for name, values in everything.items():
        values.append(found[name])
    rows[str(steps)] = found | {"work for 1 s of sound (s)": seconds / (speech.shape[1] / rate)}
    heard[f"{steps} evaluation{'s' if steps > 1 else ''}"] = decoded(made)
table(rows, "evaluations")
play({name: each for name, each in heard.items() if name.split()[0] in ("1", "4", "32")})

alone = numbers(regression(coarse), latents)
figure = Figure(figsize=(6.4, 3), layout="constrained")
axis = figure.subplots()
for i, (name, values) in enumerate(everything.items()):
    axis.plot(STEPS, values, MARKERS[i] + "-", color=COLOURS[i], markersize=4, label=name)
    axis.axhline(alone[name], color=COLOURS[i], linewidth=0.8, linestyle=":")
axis.set(xscale="log", xlabel="evaluations", ylabel="of the recorded sound's (no unit)", ylim=(0, None))
axis.set_xticks(STEPS, [str(steps) for steps in STEPS])
axis.minorticks_off()
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 5. The reader from one code a frame: error and movement against evaluations of the Schrödinger bridge. The "
    "dotted lines are the regression's. Movement should be 1.",
)

# %% [markdown]
# With one evaluation the bridge *is* a regression, and has about its numbers. From there on movement grows with every
# doubling, and so does the error. Where movement reaches 1, the latents change as much as they should. Beyond that they
# change too much: this network is no perfect guess, and its mistakes add up along the walk. A few evaluations, 4 to 16,
# are where both can be had, and they are faster than the sound lasts.
#
# ## Polish
#
# Now to resynthesis. Its latents are put together of grains, and between two grains they jump. A bridge has only ever
# heard whole sounds. So: throw away all but the first codes of a *resynthesis*, and let the bridge make up the rest. Do
# the seams go with the codes that were thrown away?

# %%
target, source = CLIPS / "drum_loop.flac", CLIPS / "glass.flac"
book = lgr.build_codebook([source], codec)
yardstick = Yardstick(target, [source])
rows, heard = {}, {}
WAYS = {
    "not polished": {},
    "regression, 1 level": {"bridge": "regression", "bridge_levels": 1},
    "Schrödinger, 1 level": {"bridge": "schrodinger", "bridge_levels": 1},
    "Schrödinger, 4 levels": {"bridge": "schrodinger", "bridge_levels": 4},
}
for name, settings in WAYS.items():
    one = lgr.resynthesise(target, book, codec=codec, config=lgr.ResynthConfig(**settings), seed=1)
    found = yardstick.measure(one.audio, one.sample_rate, score=one.score).numbers
    rows[name] = {
        "adoption": found["adoption"],
        "source distance": found["source_distance"],
        "onset F": found["onset_f"],
        "seam ratio": found["seam_ratio"],
    }
    heard[name] = (one.audio, one.sample_rate)
table(rows, "drums of glass")
play({name: each for name, each in heard.items() if "regression" not in name})

# %% [markdown]
# Be honest about what you see. *Seam ratio* says how much more happens at seams than elsewhere (1: nothing more); it
# hardly falls. But *source distance* rises by far more, and *adoption* falls: the colour of the glass was in the very
# codes that were thrown away, and what the bridge makes up comes from everything that it has heard, not from this
# glass. The more levels are kept, the more of the glass stays. The rhythm is kept either way.
#
# So polish is off unless it is asked for. It is an *effect*: it blurs whose grains these were, and that may be just
# what a piece wants. What brings a *voice* back does not, by itself, heal a mosaic. (One pair and one seed: exercise
# 4.)
#
# ## Exercises
#
# **1.** By hand: how many bytes is a minute of sound with one level, and with all eight? How many hours of it fit on a
# floppy disk of 1.44 MB, with one level?
#
# <details><summary>Solution</summary>
#
# Ten bits name one of 1024 entries. $75 \cdot 10 = 750$ bits a second are 5.6 kB a minute; eight levels are eight times
# as much, 45 kB. The disk holds more than four hours.
#
# ```python
# second = bits * frame_rate / 8  # bytes
# print(f"{60 * second:.0f} and {8 * 60 * second:.0f} bytes; {1.44e6 / second / 3600:.1f} hours")
# ```
# </details>
#
# **2.** A draw is *expected* to be further from the truth than the mean. How much further, if the draws are perfect?
# Try it with one hump: let the truth be one draw and the guess another.
#
# <details><summary>Solution</summary>
#
# Truth and draw are two independent values around the same mean, each with the variance $c^2$. Their difference has the
# variance $2c^2$; that of truth and mean has $c^2$. A perfect draw has **twice the squared error** of the mean. So the
# rise of the error in Figure 5 is no sign of a bad bridge, as long as it is not much more than twice the regression's.
#
# ```python
# true = ONE[0] + SPREAD * torch.randn(20000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
# for steps in (1, 64):
#     print(steps, float((toy(ONE, steps)[0] - true).square().mean() / SPREAD**2))
# print("the codec's bridge, 16 evaluations:", everything["error"][STEPS.index(16)] / alone["error"])
# ```
# </details>
#
# **3.** With `stochastic=0`, noise is drawn once, at the first step, and the rest of the walk is fixed by it. Draw
# Figure 3 that way. Do the particles still end in both humps? What is the spread of one hump after 16 steps?
#
# <details><summary>Solution</summary>
#
# ```python
# figure = Figure(figsize=(5, 3), layout="constrained")
# axis = figure.subplots()
# path = []
# fine, _ = toy(TWO, 64, particles=24, stochastic=0.0, path=path)
# axis.plot([at for at, _ in path] + [0.0], torch.stack([x for _, x in path] + [fine]), color=COLOURS[0], linewidth=0.7)
# axis.set(xlim=(1.02, -0.05), xlabel="time (1: coarse, 0: fine)", ylabel="value (no unit)")
# picture(figure, "Figure 6. As Figure 3 on the right, with one draw at the beginning.")
# print({noise: float(toy(ONE, 16, stochastic=noise)[0].std()) for noise in (0.0, 1.0)}, "should be", SPREAD)
# ```
#
# The paths are smooth and fan out, and both humps get their half. The first draw alone decides. The spread is even
# nearer to what it should be: where nothing is drawn on the way, fewer steps do.
# </details>
#
# **4.** Polish other pairs, and another setting: with `continuity=0` grains are short and seams are many. Is there a
# pair for which the seam ratio falls more than the source distance rises?
#
# <details><summary>Solution</summary>
#
# ```python
# rows = {}
# for target, source in (("speech_reader", "rain"), ("violin", "choir")):
#     of_pair = CLIPS / f"{target}.flac", [CLIPS / f"{source}.flac"]
#     measure = Yardstick(*of_pair)
#     for bridge in ("", "schrodinger"):
#         config = lgr.ResynthConfig(continuity=0, bridge=bridge, bridge_levels=2 if bridge else None)
#         one = lgr.resynthesise(*of_pair, codec=codec, config=config, seed=1)
#         found = measure.measure(one.audio, one.sample_rate, score=one.score).numbers
#         rows[f"{source} plays {target}, {bridge or 'not polished'}"] = {
#             name: found[name] for name in ("seam_ratio", "source_distance", "adoption")
#         }
# table(rows, "pair")
# ```
#
# With these two there is none. The seam ratio hardly moves, and the source distance rises by a good part of itself, or
# to a multiple.
# </details>
#
# **5.** Bring a sound back and encode it again. Does it still have the first codes that it was made from?
#
# <details><summary>Solution</summary>
#
# ```python
# for name, made in {"first code alone": coarse, "regression": regression(coarse), "a draw": draw(coarse, 16)}.items():
#     again = codec.quantize(codec.encode(decoded(made)[0][None]))[0, 0]
#     frames = min(len(again), codes.shape[2])
#     print(f"{name}: {(again[:frames] == codes[0, 0, :frames]).double().mean():.0%} of the first codes are the same")
# ```
#
# Not all, even where nothing was made up: a decoded frame overlaps with its neighbours, so what is encoded again is a
# little of each. With a bridge there are fewer. Nothing tells it to keep the codes; it was told to sound as things with
# such codes do.
# </details>
