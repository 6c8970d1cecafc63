"""The two ends of the scale: nothing of the target changed, and nothing of it left but its level."""

import torch
from torch import Tensor

from lgr.baselines.base import Task
from lgr.rendering import extra_samples
from lgr.sound.level import gained
from lgr.sounds import encode_levelled


def unchanged(task: Task) -> tuple[Tensor, None]:
    """The target through the codec and back, at the level at which grains are: no latent method keeps more of it."""
    info = task.codec.info
    task.report("encoding target", 0, 1)
    latents = encode_levelled(task.target_audio, task.target, task.codec, extra=extra_samples(info))
    task.report("decoding", 0, 1)
    audio = task.codec.decode(latents)  # (lanes, 1, samples), or (1, 2, samples) of a stereo codec
    return task.finish(gained(audio.flatten(0, 1), -task.target.level_gain_db)), None


def source(task: Task) -> tuple[Tensor, None]:
    """The sources one after the other, over and over, as they are: no method sounds more like them.

    Only the target's level is followed, where the task asks for it.
    """
    once = torch.cat([audio.expand(task.channels, -1) for audio in task.source_audio], 1)
    samples = task.target_audio.shape[1]
    return task.finish(once.repeat(1, -(-samples // once.shape[1]))), None
