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
# # 2. What a latent grain is
#
# **Goal.** Follow a sound into the codec's numbers and out again, cut grains from it, measure how alike two grains are,
# and see all grains of four recordings as points on a map that you can play.
#
# **Time.** About 45 minutes. You need to know what a vector is: a list of numbers, or an arrow.

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import ipywidgets
import torch
from classroom import clickable_map, picture, play, play_at_once, table
from IPython.display import display
from matplotlib.figure import Figure

import lgr
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.latents.grains import cut, join
from lgr.latents.projection import fit_projection
from lgr.plots import COLOURS, MARKERS, plot_similarity

CLIPS = assets_dir() / "audio"
codec = lgr.load_codec("bundled")
rate, hop = codec.info.sample_rate, codec.info.hop_length
print(f"{codec.info.name}: {rate} samples a second, a latent frame every {hop} samples, ", end="")
print(f"so {codec.info.frame_rate:g} frames a second, {codec.info.latent_dim} numbers a frame")

# %% [markdown]
# ## From sound to numbers
#
# A recording is a list of samples: how far the air was pushed, 24,000 times a second. `encode` turns every 320 of them
# into one **latent frame**, a vector of 280 numbers. `decode` goes back.

# %%
audio, _ = lgr.load_audio(CLIPS / "drum_loop.flac", sample_rate=rate)
latents = codec.encode(audio[None])  # a batch of one: (1, channels, samples) -> (1, latent_dim, frames)
back = codec.decode(latents)[0]

print("samples", tuple(audio.shape), "-> latents", tuple(latents.shape), "-> samples", tuple(back.shape))
play({"recording": (audio, rate), "encoded and decoded": (back, rate)})

# %% [markdown]
# How much was lost? Two of the numbers that `evaluate` gives: **SI-SDR**, how much louder the signal is than the error,
# in decibels (20 dB: the error's amplitude is a tenth; larger is better), and the **log-spectral distance**, the
# typical difference between the two spectrograms in decibels (smaller is better).

# %%
found = evaluate((audio, rate), [(audio, rate)], back, rate).numbers
print(f"SI-SDR {found['si_sdr']:.1f} dB, log-spectral distance {found['lsd']:.2f} dB")

# %% [markdown]
# Note what this codec is *not*: it does not make files smaller. 280 numbers stand for 320 samples. The numbers are
# useful because of how they are arranged. The first 40 describe the **spectral envelope**: how loud each of 40 bands
# from low to high is. The other 240 are the detail.

# %%
figure = Figure(figsize=(7, 3.2), layout="constrained")
axis = figure.subplots()
shown = latents[0, :40, :150].numpy()
image = axis.imshow(shown, origin="lower", aspect="auto", cmap="magma", extent=(0, 150 / codec.info.frame_rate, 0, 40))
axis.set(xlabel="time (s)", ylabel="envelope number (low bands below)")
figure.colorbar(image, ax=axis).set_label("level (decades of power above -120 dB)")
picture(
    figure,
    "Figure 1. The first 40 of 280 latent numbers during two seconds of drums. They look like a coarse spectrogram, "
    "because that is what they are.",
)

# %% [markdown]
# ## Cutting grains
#
# A **latent grain** is a few frames in a row. Here four of them, so 4 · 320 = 1,280 samples or 53 ms. (The last grain
# runs over the end; `tail="pad"` fills it up.)

# %%
grains = cut(latents[0], grain_frames=4, tail="pad")  # (n_grains, latent_dim, grain_frames)
whole = join(grains, hop_frames=4, frames=latents.shape[2])
print(f"{len(grains)} grains of {tuple(grains.shape[1:])} numbers; joined again they are the latents:", end=" ")
print(bool(torch.equal(whole, latents[0])))

backwards = join(grains.flip(0), hop_frames=4, frames=latents.shape[2])
play({"grains in order": (back, rate), "grains in reverse order": (codec.decode(backwards[None])[0], rate)})

# %% [markdown]
# Reversing the order of the *grains* is not playing the tape backwards: inside each grain time still runs forward.
#
# ## How alike are two grains?
#
# A grain is a vector, and vectors have an angle between them. Its **cosine** is
#
# $$\cos(a, b) = \frac{a_1 b_1 + a_2 b_2 + \dots}{|a|\,|b|},$$
#
# which is 1 for the same direction, 0 for a right angle, -1 for opposite directions. It does not care how long the
# arrows are: for sound, roughly, how loud the grains are does not count, only their colour.
#
# Two practical points. First, not all 280 numbers should count: which exact wave it was matters for playing it back but
# not for what it sounds like. So the codec gives **features** for matching, made from the envelope. Second, all sounds
# have much in common (more bass than treble, for one), and a plain cosine mostly measures that. So the average grain is
# subtracted first; `lgr` calls this `metric="centred"`.

# %%
names = ["drum_loop", "glass", "rain", "speech_reader"]
paths = [CLIPS / f"{name}.flac" for name in names]
books = {
    metric: lgr.build_codebook(paths, codec, lgr.CodebookConfig(grain_frames=4, stride=4, metric=metric))
    for metric in ("cosine", "centred")
}
book = books["centred"]
print(f"{len(book)} grains of {len(names)} recordings, each a unit vector of {book.vectors_.shape[1]} numbers")


def mean_similarity(book):
    """The average cosine between grains of two recordings, for every two of them."""
    alike = book.vectors_ @ book.vectors_.T
    belongs = torch.nn.functional.one_hot(book.recording_).float()
    mean = belongs.T @ alike @ belongs / (belongs.sum(0)[:, None] * belongs.sum(0))
    return {a: {b: float(mean[i, j]) for j, b in enumerate(names)} for i, a in enumerate(names)}


for metric, each in books.items():
    table(mean_similarity(each), metric)

# %% [markdown]
# Read the rows. With the plain cosine, the drum loop's grains are on average nearly as much like glass and rain as like
# other drum grains: much of what is measured is what these have in common. With the centred one that is taken away:
# grains of two recordings are near 0 or below, and each recording's grains are by far most like its own. (Drums and
# glass are the least like themselves: a kick and a hi-hat are two very different sounds, so are a ringing glass and a
# broken one. Rain is rain.)
#
# Now the choice that a resynthesis makes: each target grain against each grain in the box.

# %%
target = codec.features(latents)[0]
starts = torch.arange(0, 150, 4)
box = lgr.build_codebook(paths[1:], codec, lgr.CodebookConfig(grain_frames=4, stride=4))
similarity = box.transform(target, starts) @ box.vectors_.T  # (target grains, codebook grains)
first = [int((box.recording_ == i).nonzero()[0]) for i in range(3)]
figure = plot_similarity(
    similarity.numpy(),
    similarity.argmax(1).numpy(),
    hop_seconds=4 * hop / rate,
    boundaries=first,
    recording_names=names[1:],
)
picture(
    figure,
    "Figure 2. Cosine similarity (colour, no unit) between two seconds of drum grains, left to right, and all grains "
    "of the codebook, bottom to top. White dots: the most similar one, which temperature 0 would play.",
)

# %% [markdown]
# ## A map of all grains
#
# A grain's feature vector has far more than two numbers, so it cannot be drawn. A **projection** puts each grain on a
# plane. **PCA** looks at the cloud of points from the side from which it looks widest: it is a shadow, straight lines
# stay straight. **UMAP** lays out the points so that *neighbours stay neighbours*: groups come apart, but how far apart
# two groups lie says little, and the axes have no unit. (The first `import` of UMAP takes about 15 seconds.)

# %%
projections = {method: fit_projection(book.vectors_, method=method, seed=0).points for method in ("pca", "umap")}

figure = Figure(figsize=(7.4, 3.6), layout="constrained")
for axis, (method, points) in zip(figure.subplots(1, 2), projections.items(), strict=True):
    for i, name in enumerate(names):
        mine = points[book.recording_ == i]
        axis.scatter(mine[:, 0], mine[:, 1], 9, COLOURS[i], marker=MARKERS[i], label=name, linewidths=0, alpha=0.8)
    axis.set_title(method.upper(), fontsize=10)
    axis.set(xticks=[], yticks=[])
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 3. The same grains on two maps; a point is a grain of 53 ms, colour and shape say from which recording. "
    "The axes have no unit.",
)


# %%
def around(grain, frames_around=6):
    """A grain with a little of what is around it, decoded: 53 ms alone are hardly a sound."""
    recording, frame = int(book.recording_[grain]), int(book.source_frame_[grain])
    source = torch.split(book.latents_, list(book.frames_), -1)[recording]
    first = max(0, frame - frames_around)
    return codec.decode(source[:, :, first : frame + 4 + frames_around])[0]


# %% [markdown]
# **Click a point, hear it.** The map below is alive while the notebook runs; you can also type a grain's number.
# Without a running notebook, listen to the four grains under it.

# %%
seconds = book.source_frame_ / codec.info.frame_rate
labels = [f"{names[r]} {at:.2f} s" for r, at in zip(book.recording_, seconds, strict=True)]
colours = [COLOURS[r] for r in book.recording_]
number = ipywidgets.BoundedIntText(value=0, min=0, max=len(book) - 1, description="grain")
number.add_class("picked-grain")
heard = ipywidgets.Output()


@heard.capture(clear_output=True, wait=True)
def hear(change):
    print(f"grain {change.new}: {labels[change.new]}")
    play_at_once(around(change.new), rate)


number.observe(hear, "value")
drawn = ipywidgets.HTML(clickable_map(projections["umap"], labels, colours, "picked-grain"))
display(ipywidgets.VBox([drawn, number, heard]))

# %%
some = [int((book.recording_ == i).nonzero()[20]) for i in range(len(names))]  # one of each recording
play({f"grain {i}: {labels[i]}": (around(i, frames_around=20), rate) for i in some})

# %% [markdown]
# ## Exercises
#
# **1.** By hand: what is the cosine of $(1, 0)$ and $(1, 1)$? Of $(2, 1)$ and $(-1, 2)$? What does doubling the first
# vector change?
#
# <details><summary>Solution</summary>
#
# $(1 \cdot 1 + 0 \cdot 1) / (1 \cdot \sqrt 2) = 0.707$, an angle of 45°. $(2 \cdot (-1) + 1 \cdot 2) / \dots = 0$, a
# right angle. Doubling a vector changes nothing: its length is divided away.
#
# ```python
# print(torch.cosine_similarity(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0]), dim=0))
# ```
# </details>
#
# **2.** A grain's nearest neighbour *in another recording*: find it for a grain of rain of your choice.
#
# <details><summary>Solution</summary>
#
# ```python
# grain = int((book.recording_ == 2).nonzero()[10])
# alike = book.vectors_ @ book.vectors_[grain]
# alike[book.recording_ == 2] = -1  # not itself, nor its own recording
# nearest = int(alike.argmax())
# print(labels[grain], "->", labels[nearest], f"cosine {float(alike[nearest]):.2f}")
# play({labels[grain]: (around(grain, 20), rate), labels[nearest]: (around(nearest, 20), rate)})
# ```
# </details>
#
# **3.** Shuffle the drum loop's grains into a random order with 1, 4 and 16 frames a grain. From which size on do you
# recognise the drums?
#
# <details><summary>Solution</summary>
#
# ```python
# shuffled = {}
# for size in (1, 4, 16):
#     pieces = cut(latents[0], grain_frames=size)
#     order = torch.randperm(len(pieces), generator=torch.Generator().manual_seed(0))
#     mixed = join(pieces[order], hop_frames=size, frames=size * len(pieces))
#     shuffled[f"{size} frames, {1000 * size / codec.info.frame_rate:.0f} ms"] = (codec.decode(mixed[None])[0], rate)
# play(shuffled)
# ```
#
# Most people hear a rough wash at 13 ms, bits of drums at 53 ms and whole hits at 213 ms.
# </details>
#
# **Next:** [3. Temperature](03_temperature.ipynb)
