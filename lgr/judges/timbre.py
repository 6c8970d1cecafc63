"""Timbre: how alike two sounds are to a network that was trained to tag music (musicnn, see `lgr.judges.musicnn`).

Number: the cosine of the two mean embeddings, over patches of 3 s, one a second: 1 is the same, and sounds that have
nothing in common are about 0. Both are brought to one level: a gain is no timbre. It hears instruments and production
more than pitch, and nothing above 8 kHz; foley and animals are strange to it.

For a distance between sets of sounds, `load_musicnn().embed` is the embedding for `lgr.measures.frechet`.
"""

from torch import Tensor

from lgr.judges import musicnn
from lgr.judges.base import Judge, cosine, levelled, reference_of, remembered

SAMPLE_RATE = musicnn.SAMPLE_RATE
LEAST_SECONDS = 0.5


def load_timbre() -> Judge:
    """The network: ``{"timbre": cosine, -1 to 1}`` of sounds at 16 kHz."""
    network = musicnn.load_musicnn()
    embedding = remembered(lambda audio: network.embed(levelled(audio), SAMPLE_RATE).mean(0))

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        return {"timbre": cosine(embedding(reference_of(reference)), embedding(result))}

    return judge
