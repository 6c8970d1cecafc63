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
# # 5. Continuity
#
# **Goal.** See why drawing each grain for itself makes choppy results, replace the draw by a Markov chain that likes to
# play on, check it on an example small enough to list *every* possibility, and hear the difference.
#
# **Time.** About 60 minutes. You need conditional probability ("the probability of B, given A").

# %%
import sys

sys.path.insert(0, "notebooks")  # where this notebook is, should it be run from the folder above

import itertools

import ipywidgets
import torch
from classroom import picture, play, play_at_once, table
from matplotlib.figure import Figure

import lgr
from lgr.cli.support.pictures import score_figure
from lgr.evaluation import evaluate
from lgr.files import assets_dir
from lgr.matching import MatchConfig, match
from lgr.plots import COLOURS

CLIPS = assets_dir() / "audio"

# %% [markdown]
# ## The problem
#
# The paper's sampler draws each grain on its own (notebook 3). Suppose the target's grains 1, 2, 3 are alike, and two
# recordings fit equally well. Then each grain is a coin toss, and the result jumps back and forth between the
# recordings although staying in one would fit just as well. What is missing is *memory*.
#
# ## A chain that likes to play on
#
# A **Markov chain** is a random walk whose next step depends only on where it is now. Ours goes from grain to grain:
#
# - with probability $c$, the **continuity**, it *plays on*: to the grain that comes next in the same recording;
# - otherwise it *jumps* to any of the $M$ grains, all equally likely (it may hit the next one by luck).
#
# $$P(j \mid i) = c \cdot [\,j \text{ comes after } i\,] + (1 - c) \cdot \frac{1}{M}$$
#
# At the end of a recording there is nothing to play on to, and it always jumps. What the target wants comes in as a
# factor, the **emission** $e_t(j) = e^{-d(t, j)/\tau}$ of notebook 3. A whole path $j_1, j_2, \dots, j_T$ of grains
# then has the probability
#
# $$p(j_1, \dots, j_T) \;\propto\; e_1(j_1) \cdot P(j_2 \mid j_1)\, e_2(j_2) \cdots P(j_T \mid j_{T-1})\, e_T(j_T).$$
#
# "$\propto$" means: divide by the sum over all paths, so that they add up to 1. For $c = 0$ the factors $P$ are all
# equal and drop out: that is exactly the paper's sampler.
#
# ## Small enough to list everything
#
# Four target grains, five codebook grains from two recordings: grains 0, 1, 2 are recording A, grains 3, 4 are
# recording B. There are $5^4 = 625$ paths. We can list them all.

# %%
STEPS, GRAINS = 4, 5
next_grain = torch.tensor([1, 2, -1, 4, -1])  # -1: the end of a recording
generator = torch.Generator().manual_seed(5)
codebook = torch.nn.functional.normalize(torch.randn(GRAINS, 3, generator=generator), dim=1)
target = torch.nn.functional.normalize(torch.randn(STEPS, 3, generator=generator), dim=1)
tau, c = 0.5, 0.6

emission = torch.exp(-(1 - target @ codebook.T) / tau).double()  # (STEPS, GRAINS)
table(
    {f"target grain {t}": {f"grain {j}": float(e) for j, e in enumerate(row)} for t, row in enumerate(emission)},
    "emission",
)


# %%
def move(i, j, c):
    """P(j | i), word for word as above."""
    following = int(next_grain[i])
    stays = c if following >= 0 else 0.0
    return stays * (j == following) + (1 - stays) / GRAINS


paths = list(itertools.product(range(GRAINS), repeat=STEPS))
weights = []
for path in paths:
    weight = float(emission[0, path[0]])
    for t in range(1, STEPS):
        weight *= move(path[t - 1], path[t], c) * float(emission[t, path[t]])
    weights.append(weight)
exact = torch.tensor(weights, dtype=torch.float64)
exact /= exact.sum()
best = exact.argsort(descending=True)[:5]
table({str(paths[i]): {"probability": float(exact[i])} for i in best}, "the five most probable of 625 paths")

# %% [markdown]
# For a real target (600 grains, 1,000 to choose from) there are $1000^{600}$ paths, and no computer lists them. But
# they need not be listed. Going through the target once, keep for every grain $j$ the total weight $\alpha_t(j)$ of
# *all paths that end in it*:
#
# $$\alpha_t(j) = e_t(j) \Big( c \cdot \alpha_{t-1}(\text{the grain before } j)
# + \frac{1 - c}{M} \sum_i \alpha_{t-1}(i) + \dots \Big)$$
#
# (the dots: grains at the end of a recording jump with probability 1). One sum serves all $j$, so a step costs $M$
# operations, not $M^2$. Then draw the *last* grain in proportion to $\alpha_T$, and go backwards. The result is an
# exact draw of the whole path: not an approximation that gets better with time. `lgr.match` does this
# (`sampler="chain"`).
#
# Exact is a claim that can be tested: draw 4,000 paths and compare.

# %%
DRAWS = 4000
# One long target, the example 4,000 times in a row; continuity 0 at each beginning cuts the chain there.
continuity = torch.tensor([0.0, c, c, c]).repeat(DRAWS)
drawn = match(
    target.repeat(DRAWS, 1),
    codebook,
    temperature=tau,
    continuity=continuity,
    next_grain=next_grain,
    config=MatchConfig(sampler="chain"),
    generator=torch.Generator().manual_seed(0),
).index.view(DRAWS, STEPS)
place = GRAINS ** torch.arange(STEPS - 1, -1, -1)  # a path as a number in base 5: its place in the list
observed = torch.bincount((drawn * place).sum(1), minlength=len(paths)) / DRAWS

figure = Figure(figsize=(5, 3.6), layout="constrained")
axis = figure.subplots()
axis.plot([0, float(exact.max())], [0, float(exact.max())], color="0.7", linewidth=1, label="equal")
spread = (exact * (1 - exact) / DRAWS).sqrt()
order = exact.argsort()
axis.fill_between(
    exact[order],
    (exact - 2 * spread)[order],
    (exact + 2 * spread)[order],
    color="0.88",
    label="± 2 standard deviations",
)
axis.plot(exact, observed, ".", color=COLOURS[0], markersize=4, label="a path")
axis.set(xlabel="exact probability, by listing all paths", ylabel="share of 4,000 drawn paths")
axis.legend(fontsize=8)
picture(
    figure,
    "Figure 1. Each dot is one of the 625 paths. Exact draws scatter about the diagonal by chance alone, nearly all "
    "within the grey band.",
)
often = exact * DRAWS >= 5  # rarer paths are drawn a few times or never, and have no useful standard deviation
inside = ((observed - exact).abs() <= 2 * spread)[often].double().mean()
print(f"{float(inside):.0%} of {int(often.sum())} paths are within two standard deviations (about 95 % are expected)")

# %% [markdown]
# Finally the *single most probable* path. It comes from the same recursion with "sum" replaced by "largest of", known
# as the **Viterbi** algorithm (`sampler="viterbi"`):

# %%
viterbi = match(
    target,
    codebook,
    temperature=tau,
    continuity=c,
    next_grain=next_grain,
    config=MatchConfig(sampler="viterbi"),
    generator=torch.Generator(),
)
print("Viterbi:", tuple(viterbi.index.tolist()), "  top of the list:", paths[int(best[0])])

# %% [markdown]
# ## Now with sound
#
# A voice played with a flute, bells and a choir. Continuity 0 is the paper's sampler. (`pitch=0`: grains are compared
# by their sound colour alone, as in the formulas above; notebook 10 is about pitch.)

# %%
codec = lgr.load_codec("bundled")
voice = CLIPS / "speech_reader.flac"
sources = [CLIPS / f"{name}.flac" for name in ("flute", "bells", "choir")]
book = lgr.build_codebook(sources, codec)
KEYS = {
    "mean run (grains)": "mean_run_length",
    "distinct grains": "distinct_grains",
    "seam ratio": "seam_ratio",
    "flux correlation": "flux_correlation",
    "adoption": "adoption",
}
made, rows = {}, {}
for continuity in (0.0, 0.5, 0.9, 0.99):
    config = lgr.ResynthConfig(continuity=continuity, pitch=0)
    made[continuity] = lgr.resynthesise(voice, book, codec=codec, config=config, seed=2)
    each = made[continuity]
    found = evaluate(voice, sources, each.audio, each.sample_rate, score=each.score).numbers
    rows[f"{continuity}"] = {name: found[key] for name, key in KEYS.items()}
table(rows, "continuity")
play({"target: voice": lgr.load_audio(voice)} | {f"continuity {k}": (v.audio, v.sample_rate) for k, v in made.items()})

# %% [markdown]
# The runs get longer: stretches of the flute, the bells or the choir are heard as they were played. *Adoption* rises
# with them, and *flux correlation*, how well the changes of the target are followed, hardly moves: among the many
# grains that fit about equally well, there is usually one that also plays on. Continuity is nearly free here. (One
# voice and one seed; exercise 4 looks further.)
#
# A warning about the *seam ratio*, which even rises: it is taken only where the chain *jumped*. With high continuity
# few jumps are left, and these are where the target itself changes most. The ratio tells how much the remaining jumps
# stand out, not how smooth the whole is.

# %%
picture(
    score_figure(made[0.0].score),
    "Figure 2. The score at continuity 0: dots everywhere, as each grain is drawn for itself. Times in seconds, "
    "entropy in nats.",
)
picture(
    score_figure(made[0.9].score),
    "Figure 3. The score at continuity 0.9: rising diagonals, where a recording plays on.",
)


# %%
def listen(temperature, continuity, seed):
    config = lgr.ResynthConfig(temperature=temperature, continuity=continuity, pitch=0)
    one = lgr.resynthesise(voice, book, codec=codec, config=config, seed=seed)
    print(f"mean run {one.score.mean_run_length:.1f} grains")
    play_at_once(one.audio, one.sample_rate)


# A hand on both knobs, while the notebook runs; the players above are the static fallback.
_ = ipywidgets.interact_manual(
    listen,
    temperature=ipywidgets.FloatLogSlider(value=config.temperature.constant, base=10, min=-2, max=0, step=0.1),
    continuity=ipywidgets.FloatSlider(value=0.9, min=0, max=0.99, step=0.01),
    seed=ipywidgets.IntSlider(value=2, min=0, max=20),
)

# %% [markdown]
# ## Exercises
#
# **1.** With no target at all (all emissions equal), how long is a run on average if $c = 0.9$ and recordings are very
# long?
#
# <details><summary>Solution</summary>
#
# A run goes on with probability 0.9 (a jump that hits the next grain by luck is too rare to count). Its length is
# geometric: $1 / (1 - 0.9) = 10$ grains. In the table above they are shorter, because the target has its say: it ends a
# run as soon as the next grain fits badly. (It can also lengthen them, where the next grain happens to fit best.)
#
# ```python
# print({c: 1 / (1 - c) for c in (0.0, 0.5, 0.9, 0.99)})
# ```
# </details>
#
# **2.** Show on the small example that $c = 0$ is the paper's sampler: the probability of a path is then the product of
# four softmax probabilities.
#
# <details><summary>Solution</summary>
#
# ```python
# softmax = emission / emission.sum(1, keepdim=True)
# product = torch.tensor([float(torch.stack([softmax[t, j] for t, j in enumerate(path)]).prod()) for path in paths])
# flat = torch.tensor([float(torch.stack([emission[t, j] for t, j in enumerate(path)]).prod()) for path in paths])
# print(torch.allclose(flat / flat.sum(), product))
# ```
# </details>
#
# **3.** As τ falls, the emissions outweigh every transition: at τ = 0, by the formula, continuity could only decide
# between grains that are equally near. Does `lgr` leave it at that? Compare τ = 0, $c = 0$ with τ = 0, $c = 0.99$.
#
# <details><summary>Solution</summary>
#
# ```python
# for c in (0.0, 0.99):
#     config = lgr.ResynthConfig(temperature=0, continuity=c, pitch=0)
#     one = lgr.resynthesise(voice, book, codec=codec, config=config, seed=0)
#     print(c, one.score.mean_run_length)
# ```
#
# It does not: a knob that does nothing at one end of another knob would be a trap. At τ = 0 nothing is drawn, and
# continuity says *how much nearer* a grain must be to be jumped to. The path is then the one with the least sum of
# distances, where every jump costs a fixed distance that grows with $c$: the Viterbi path at a small temperature.
# </details>
#
# **4.** Is continuity "nearly free" with drums, too? Try `drum_loop.flac` as the target and `foley.flac` as the
# source, with three seeds each.
#
# <details><summary>Solution</summary>
#
# ```python
# drums, foley = CLIPS / "drum_loop.flac", [CLIPS / "foley.flac"]
# for c in (0.0, 0.9):
#     values = []
#     for seed in range(3):
#         config = lgr.ResynthConfig(continuity=c, pitch=0)
#         one = lgr.resynthesise(drums, foley, codec=codec, config=config, seed=seed)
#         found = evaluate(drums, foley, one.audio, one.sample_rate, score=one.score).numbers
#         values.append(f"run {found['mean_run_length']:.1f}, flux correlation {found['flux_correlation']:.2f}")
#     print(c, values)
# ```
#
# Compare the two lines with the scatter inside each of them before you answer.
# </details>
#
# **Next:** [6. Comparing codecs](06_codecs.ipynb)
