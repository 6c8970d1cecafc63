"""The picture of an analysis: box plots of the ratings, and how often pairs were told apart."""

import textwrap
from typing import TYPE_CHECKING, Any

from lgr.listening.analysis import Analysis
from lgr.listening.key import QUESTIONS
from lgr.plots.base import COLOURS, NORMAL, SMALL, finish, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_analysis(analysis: Analysis, *, title: str = "") -> "Figure":
    """Ratings as box plots, and below them the shares of right answers in comparisons, beside guessing.

    Boxes hold median and quartiles, whiskers reach to 1.5 times their distance, rings are ratings beyond; a diamond is
    the mean with its 95 % interval.
    """
    heights = [0.9 + 0.34 * len(analysis.conditions)]
    if analysis.comparisons:
        heights.append(0.7 + 0.25 * len(analysis.comparisons))
    figure = new_figure(7.0, 0.4 + sum(heights))
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    axes = list(parts[0].subplots(1, len(QUESTIONS), sharey=True))
    for q, (axis, question) in enumerate(zip(axes, QUESTIONS, strict=True)):
        _draw_ratings(axis, analysis, q)
        axis.set_title(textwrap.fill(question.text, 36), fontsize=SMALL)
    axes[0].set_yticks(range(len(analysis.conditions)), analysis.conditions)
    axes[0].invert_yaxis()
    if analysis.comparisons:
        axes.append(parts[1].subplots())
        _draw_comparisons(axes[-1], analysis)
    n = len(analysis.listeners) - len(analysis.excluded)
    finish(figure, axes, title or f"{n} listener{'s' if n != 1 else ''}, {len(analysis.excluded)} excluded")
    return figure


def _draw_ratings(axis: Any, analysis: Analysis, q: int) -> None:
    rows = range(len(analysis.conditions))
    axis.boxplot(
        [analysis.scores[:, q, :, c].ravel() for c in rows],
        positions=list(rows),
        orientation="horizontal",
        widths=0.5,
        flierprops={"markersize": 3},
        medianprops={"color": COLOURS[1]},
    )
    name = QUESTIONS[q].name
    for c, rating in enumerate(each for each in analysis.ratings if each.question == name):
        low, high = rating.mean_interval or (rating.mean, rating.mean)
        axis.plot([low, high], [c + 0.36] * 2, color=COLOURS[0], linewidth=1.2)
        axis.plot(rating.mean, c + 0.36, "D", color=COLOURS[0], markersize=3.5)
    axis.set_xlim(-3, 103)
    axis.set_xlabel("rating; ◆ mean, 95 %", fontsize=NORMAL)


def _draw_comparisons(axis: Any, analysis: Analysis) -> None:
    for i, each in enumerate(analysis.comparisons):
        axis.plot(each.interval, [i, i], color=COLOURS[0], linewidth=1.2)
        axis.plot(each.share, i, "o", color=COLOURS[0], markersize=4)
    axis.axvline(0.5, color="0.5", linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(analysis.comparisons)), [f"{each.a} / {each.b}" for each in analysis.comparisons])
    axis.set_ylim(len(analysis.comparisons) - 0.5, -0.5)
    axis.set_xlim(0, 1.02)
    axis.set_xlabel("share told apart, 95 %; dashed: guessing", fontsize=NORMAL)
