"""DNSMOS P.835 (Reddy et al. 2022, arXiv:2110.01763): marks for speech, from the result alone.

Three marks from 1 to 5 that listeners would give after ITU-T P.835: the signal (how undistorted the speech is), the
background (how little it intrudes), and overall. The bundled clips of speech have 2.8 to 3.3 overall, those of rain and
drums 1.1. A network hears 9.01 s, and the mean over such windows, one a second, is given; a shorter sound is repeated.

The package `speechmos` is Microsoft's, with the weights as ONNX. It names no requirements; the extra `judges` does. Its
own ``run`` gives the same marks, and a fourth (P.808) by a second network, for twice the time; its threads also wait
by spinning, which on a busy machine takes many times as long.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lgr.errors import WeightsError
from lgr.judges.base import Judge

SAMPLE_RATE = 16000
LEAST_SECONDS = 1.0
WINDOW = int(9.01 * SAMPLE_RATE)  # samples
NUMBERS = ("dnsmos_overall", "dnsmos_signal", "dnsmos_background")


def load_dnsmos() -> Judge:
    """The network: ``{"dnsmos_overall": ..., "dnsmos_signal": ..., "dnsmos_background": 1 to 5}`` of 16 kHz."""
    import onnxruntime
    from speechmos.dnsmos import DNSMOS

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(_weights(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime, whose errors have no common kind
        raise WeightsError(f"the weights of DNSMOS cannot be read: {error}") from error

    def judge(reference: Tensor | None, result: Tensor) -> dict[str, float]:
        marks = []
        for window in windows(result.clamp(-1, 1)):
            signal, background, overall = session.run(None, {"input_1": window[None].numpy()})[0][0]
            # what the network says, bent to listeners' marks by the package's polynomials
            marks.append(DNSMOS.get_polyfit_val(None, signal, background, overall, False))
        signal, background, overall = np.mean(marks, axis=0)
        return dict(zip(NUMBERS, (float(overall), float(signal), float(background)), strict=True))

    return judge


def windows(audio: Tensor) -> Tensor:
    """Windows ``(n, 144160)`` of ``(samples,)``, one a second; a shorter sound is doubled until it fills one.

    As many as the package has, which counts whole seconds: the last that would fit may be missing.
    """
    while audio.shape[0] < WINDOW:
        audio = audio.repeat(2)
    return audio.unfold(0, WINDOW, SAMPLE_RATE)[: max(1, audio.shape[0] // SAMPLE_RATE - WINDOW // SAMPLE_RATE)]


def _weights() -> str:
    """The file with the weights, found without importing the package."""
    spec = find_spec("speechmos")
    places = spec.submodule_search_locations if spec else None
    return str(Path(next(iter(places or ["."]))) / "dnsmos_models" / "sig_bak_ovr.onnx")
