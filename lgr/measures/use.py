"""Use: what a score takes from its sources, under the names that ``lgr.evaluation`` gives these numbers."""

import numpy as np

from lgr.score import Score


def use_numbers(score: Score) -> dict[str, float | None]:
    """The numbers of a score.

    Returns
    -------
    ``distinct_grains``: how many different grains are played;
    ``reuse_max``, ``reuse_mean``: how often the most played grain is, and a grain that is played at all, on average;
    ``mean_run_length``: grains played on end until a jump;
    ``entropy``: mean in nats of the distributions that grains were drawn from, None where no grain was drawn;
    ``recordings_used``: how many recordings are played.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.measures.use import use_numbers
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "bells.flac", [clips / "glass.flac", clips / "fire.flac"], codec="toy").score
    >>> list(use_numbers(score))
    ['distinct_grains', 'reuse_max', 'reuse_mean', 'mean_run_length', 'entropy', 'recordings_used']
    """
    reuse = score.reuse()
    drawn = score.entropy[np.isfinite(score.entropy)]
    return {
        "distinct_grains": float(reuse.size),
        "reuse_max": float(reuse.max()),
        "reuse_mean": float(reuse.mean()),
        "mean_run_length": score.mean_run_length,
        "entropy": float(drawn.mean()) if drawn.size else None,
        "recordings_used": float(np.unique(score.recording).size),
    }
