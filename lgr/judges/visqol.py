"""ViSQOL 3 (Chinen et al. 2020, arXiv:2004.09584): the mark from 1 to 5 that listeners would give a result.

Both sounds become spectrograms of a gammatone filter bank; patches of the reference look for the patch of the result
that is most like them, and a model trained on listening tests maps the likenesses of all bands to a mark. The mode for
*audio* hears 48 kHz, patches of 0.6 s, its model a support vector machine; a sound against itself scores 4.73. The mode
for *speech* hears 16 kHz, patches of 0.4 s where there is voice, its model a lattice network; a sound against itself
scores 4.5 to 4.6, and hiss 30 dB under clean speech costs 1.7 to 3.3 marks.

The package `visqol-python` is a port of Google's C++. It needs `libsvm-official`, which is compiled as it is installed
(a C++ compiler must be there). Its speech mode falls back to another mapping, 1 to 2 marks kinder, where
`ai-edge-litert` is missing; here it is an error instead. The first call takes seconds: numba compiles.
"""

import math
from typing import Literal

import numpy as np
from torch import Tensor

from lgr.errors import CannotJudgeError
from lgr.judges.base import Judge, reference_of

AUDIO_RATE, SPEECH_RATE = 48000, 16000
LEAST_SECONDS = 1.0  # a patch of the audio mode, and what surrounds it


def load_visqol_audio() -> Judge:
    """ViSQOL in its audio mode: ``{"visqol_audio": 1 to 4.73}`` of sounds at 48 kHz."""
    return _load("audio", AUDIO_RATE)


def load_visqol_speech() -> Judge:
    """ViSQOL in its speech mode: ``{"visqol_speech": 1 to 5}`` of sounds at 16 kHz."""
    return _load("speech", SPEECH_RATE)


def _load(mode: Literal["audio", "speech"], rate: int) -> Judge:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode=mode, use_lattice_model=mode == "speech")

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        """Marks where both sounds still play: the longer one is cut."""
        wanted = reference_of(reference)
        n = min(len(wanted), len(result))
        a, b = (audio[:n].numpy().astype(np.float64) for audio in (wanted, result))
        try:
            mark = float(api.measure_from_arrays(a, b, rate).moslqo)
        except (ValueError, IndexError) as error:  # the second is what it says of speech without voice
            raise CannotJudgeError("ViSQOL finds no part of the reference that it can compare") from error
        if not math.isfinite(mark):
            raise CannotJudgeError("ViSQOL gives no finite mark")
        return {f"visqol_{mode}": mark}

    return judge
