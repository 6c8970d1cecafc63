"""Word error rate: how many of the words that a recogniser hears in the original it no longer hears in the result.

The recogniser is PocketSphinx with the English model that its package brings. It errs, so what it hears in the original
is the yardstick, not what was said: the rate says what was lost on the way, of what this recogniser can hear. It hears
English words in anything, in rain too: of what is no English speech its number means nothing. It is fickle: of a few
words, a little more noise may by chance cost less. Ask it for minutes of speech.

Rate = (substituted + missing + added words) / words of the reference: 0 is none wrong, and above 1 more words are wrong
than the reference has. Both sounds are brought to one level, since the recogniser hears other words at another.
"""

from collections.abc import Sequence

from torch import Tensor

from lgr.errors import CannotJudgeError
from lgr.judges.base import Judge, levelled, reference_of, remembered

SAMPLE_RATE = 16000
LEAST_SECONDS = 0.5


def edit_distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    """The fewest words to substitute, leave out or add that make ``wanted`` into ``found`` (Levenshtein 1966).

    Examples
    --------
    >>> from lgr.judges.words import edit_distance
    >>> edit_distance("the cat sat on the mat".split(), "the cat sat on mat today".split())
    2
    """
    row = list(range(len(found) + 1))  # distances of the words so far to each beginning of ``found``
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def load_words() -> Judge:
    """The recogniser: ``{"wer": rate >= 0}`` of sounds at 16 kHz."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=SAMPLE_RATE, cmn="batch", loglevel="FATAL")

    def hear(audio: Tensor) -> list[str]:
        pcm = (levelled(audio) * 32767).round().short().numpy().tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, no_search=False, full_utt=True)  # the whole, so that nothing is left of sounds before
        decoder.end_utt()
        heard = decoder.hyp()
        return heard.hypstr.split() if heard else []

    words = remembered(hear)

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        wanted = words(reference_of(reference))
        if not wanted:
            raise CannotJudgeError("the recogniser hears no word in the reference")
        return {"wer": edit_distance(wanted, words(result)) / len(wanted)}

    return judge
