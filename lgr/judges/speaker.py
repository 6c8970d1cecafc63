"""Speaker similarity: whether two sounds are of one voice, by the embedding of Resemblyzer.

Its network is the speaker encoder of generalised end-to-end loss (Wan et al. 2018, arXiv:1710.10467): 256 numbers of
length one, none negative, mean over windows of 1.6 s. Number: their cosine, 0 to 1. Of four speakers of VCTK, four
recordings each, two recordings of one speaker have 0.87 to 0.97, of two speakers 0.45 to 0.75. It was trained on
speech: of other sounds it means little. Parts without voice are left out, by WebRTC's detector, which takes much else
for voice.

`resemblyzer` asks for `webrtcvad`, which wants a pkg_resources that the newest setuptools no longer has, and for
`typing`, which Python has itself. The extra `judges` has `webrtcvad-wheels` in their place, the same module built anew,
and the package is installed without what it asks for: pip install --no-deps resemblyzer==0.1.4
"""

import torch
from torch import Tensor

from lgr.errors import CannotJudgeError
from lgr.judges.base import Judge, cosine, levelled, reference_of, remembered

SAMPLE_RATE = 16000
LEAST_SECONDS = 1.0
LEAST_VOICE_SECONDS = 0.5


def load_speaker() -> Judge:
    """The encoder: ``{"speaker": cosine, 0 to 1}`` of sounds at 16 kHz."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    def hear(audio: Tensor) -> Tensor:
        voice = preprocess_wav(levelled(audio).numpy())
        if len(voice) < LEAST_VOICE_SECONDS * SAMPLE_RATE:
            raise CannotJudgeError(f"less than {LEAST_VOICE_SECONDS:g} s of one of the sounds is voice")
        return torch.from_numpy(encoder.embed_utterance(voice))

    embedding = remembered(hear)

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        return {"speaker": cosine(embedding(reference_of(reference)), embedding(result))}

    return judge
