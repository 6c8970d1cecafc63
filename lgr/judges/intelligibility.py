"""ESTOI (Jensen and Taal 2016): how well speech can be understood, by `lgr.measures.reconstruction.estoi`.

It has no weights; it stands here because it needs a package and holds for speech only. Up to 64 samples of delay are
undone; more of it costs.
"""

from torch import Tensor

from lgr.errors import CannotJudgeError
from lgr.judges.base import Judge, reference_of
from lgr.measures.reconstruction import align, estoi

SAMPLE_RATE = 10000  # pystoi's own
LEAST_SECONDS = 0.5


def load_estoi() -> Judge:
    """The measure: ``{"estoi": about 0 to 1}`` of sounds at 10 kHz."""
    import pystoi  # noqa: F401  that it is missing is told before sounds are read

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        a, b, _ = align(reference_of(reference), result)
        found = estoi(a, b, SAMPLE_RATE)
        if found is None:
            raise CannotJudgeError("less than 0.4 s of the reference is within 40 dB of its loudest")
        return {"estoi": found}

    return judge
