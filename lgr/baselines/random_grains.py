"""Random grains: ``resynthesise`` without the matching. What is heard beyond this was chosen."""

import math

import torch
from torch import Tensor

from lgr.baselines.base import Task
from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.latents.grains import grain_starts
from lgr.rendering import render_latents, target_frames
from lgr.score import Score
from lgr.score.render_config import RenderConfig
from lgr.sounds import encode_levelled


def random_grains(task: Task) -> tuple[Tensor, Score]:
    """Draw a grain for each of the target's, every grain of every source with the same probability.

    Grains are the codec's latents, end to end, and the score is played as ``resynthesise`` plays its own, so
    ``lgr render`` plays it again.
    """
    info = task.codec.info
    latents = []
    for i, audio in enumerate(task.source_audio):
        task.report("encoding sources", i, len(task.source_audio))
        latents.append(encode_levelled(audio, task.recordings[i], task.codec))
    config = CodebookConfig(grain_frames=task.grain_frames)
    codebook = GrainCodebook(config).fit(latents, task.recordings, codec=info)
    starts = grain_starts(target_frames(task.target, info), task.grain_frames, task.grain_frames, "pad")
    drawn = torch.randint(len(codebook), starts.shape, generator=task.generator())
    score = Score(
        codec=info.name,
        sample_rate=info.sample_rate,
        hop_length=info.hop_length,
        grain_frames=task.grain_frames,
        hop_frames=task.grain_frames,
        seed=task.seed,
        target=task.target,
        recordings=task.recordings,
        made_by={"baseline": {"name": "random"}},
        render=RenderConfig(match_loudness=task.match_loudness, codec_version=info.version),
        target_frame=starts.numpy(),
        recording=codebook.recording_[drawn].numpy(),
        source_frame=codebook.source_frame_[drawn].numpy(),
        probability=torch.full(starts.shape, 1 / len(codebook)).numpy(),
        similarity=torch.full(starts.shape, math.nan).numpy(),  # nothing was compared
        entropy=torch.full(starts.shape, math.log(len(codebook))).numpy(),
    )
    task.report("decoding", 0, 1)
    return render_latents(score, task.codec, latents, task.target_audio, None), score
