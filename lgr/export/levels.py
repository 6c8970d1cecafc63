"""Levels of a stream, scriptable: ``lgr.live.level`` and ``lgr.live.following``, which a test holds these equal to."""

import math

import torch
from torch import Tensor, nn

from lgr.live import following, level
from lgr.live.level import ramped
from lgr.sound.level import COMMON_DB, MAX_BOOST_DB
from lgr.sound.loudness import HeardByBlock, heard_by_block, heard_powers


class InputLevel(nn.Module):
    """``lgr.live.level.levelled``: what comes in, at about the level at which recordings are compared."""

    def __init__(self, block: int, sample_rate: int) -> None:
        super().__init__()
        self.keep = math.exp(-block / (level.HEARD_SECONDS * sample_rate))
        self.fall = level.FORGET_DB * block / sample_rate
        self.silent, self.tiny = level.SILENT_DB, level.TINY
        self.most, self.common = level.MOST_LIFT_DB, COMMON_DB
        self.heard, self.loudest, self.gain = 0.0, -math.inf, 1.0

    @torch.jit.export
    def reset(self) -> None:
        self.heard, self.loudest, self.gain = 0.0, -math.inf, 1.0

    def forward(self, blocks: Tensor) -> Tensor:
        """Blocks (n, samples) times their gains."""
        gains = [self.gain]
        powers: list[float] = blocks.double().square().mean(1).tolist()
        for power in powers:
            self.heard = self.keep * self.heard + (1 - self.keep) * power
            now = 10 * math.log10(max(self.heard, power * (1 - self.keep)) + self.tiny)
            if now > self.silent:
                self.loudest = max(now, self.loudest - self.fall)
                self.gain = math.pow(10.0, min(self.most, self.common - self.loudest) / 20)
            gains.append(self.gain)
        return ramped(blocks, gains)


class OutputLevel(nn.Module):
    """``lgr.live.following.followed`` of one channel: what goes out, as loud as what came in."""

    came: Tensor | None
    made: Tensor | None
    by_block: HeardByBlock

    def __init__(self, block: int, hop: int, sample_rate: int) -> None:
        super().__init__()
        self.block, self.hop_blocks = block, hop // block
        self.memory = max(1, round(following.MEMORY_SECONDS * sample_rate / block))
        self.keep = 1 - 1 / max(1, round(following.BALANCE_SECONDS * sample_rate / block))
        self.glide = min(1.0, block / (following.GLIDE_SECONDS * sample_rate))
        self.edge, self.strength = following.EDGE, following.STRENGTH
        self.jump, self.tiny = following.JUMP, level.TINY
        self.most_balance, self.most_power = following.MOST_BALANCE, 10 ** (MAX_BOOST_DB / 10)
        self.knee, self.room = following.KNEE, following.CEILING - following.KNEE
        self.by_block = heard_by_block(block, sample_rate)
        self.reset()

    @torch.jit.export
    def reset(self) -> None:
        self.wanted, self.present, self.blocks, self.gain = 0.0, 0.0, 0, 0.0
        self.owed, self.paid, self.volume = 0.0, 0.0, -1.0
        self.came, self.made = None, None

    def forward(self, made: Tensor, target: Tensor, volume: float, held: bool) -> Tensor:
        """``made`` (whole hops,) as loud as ``target``, which is at the same place and some blocks longer."""
        count = made.numel() // self.block
        ahead = target.numel() // self.block - count
        self.came, asked = heard_powers(self.by_block, self.came, target.view(1, -1, self.block), count)
        self.made, given = heard_powers(self.by_block, self.made, made.view(1, -1, self.block), count)
        if self.volume < 0:
            self.volume = volume
        gains = [self.gain * self.volume]
        for i in range(count):
            comes = self.wanted if held else asked[i]
            if comes > self.jump * self.wanted + self.tiny:
                self.blocks = 0
            self.blocks = min(self.memory, self.blocks + 1)
            self.wanted += (comes - self.wanted) / self.blocks
            self.present += (given[i] - self.present) / self.blocks
            aim = self.wanted
            if not held:
                span = min(self.blocks, ahead + self.hop_blocks - i % self.hop_blocks)
                later = sum(asked[i : i + span]) / span
                if later < self.wanted:
                    aim = math.sqrt(self.wanted * later)
            rest = given[i + 1 : i + min(self.blocks, self.hop_blocks - i % self.hop_blocks)]
            around = (self.present * self.blocks + sum(rest)) / (self.blocks + len(rest))
            falling = (given[i] + sum(rest)) / (1 + len(rest))
            if falling < around:
                around = math.sqrt(around * falling)
            power = aim / max(around, self.tiny)
            self.owed = self.keep * self.owed + comes
            balance = (self.owed + self.tiny) / (self.keep * self.paid + power * given[i] + self.tiny)
            power *= min(self.most_balance, max(1 / self.most_balance, math.pow(balance, self.strength)))
            power = min(self.most_power, power)
            before = self.gain * self.gain
            if self.blocks > 1 and self.edge * before > power and power > before / self.edge:
                power = math.pow(before, 1 - self.glide) * math.pow(power, self.glide)
            self.paid = self.keep * self.paid + power * given[i]
            self.gain = math.sqrt(power)
            self.volume += (volume - self.volume) / self.memory
            gains.append(self.gain * self.volume)
        return self.bent(ramped(made.view(-1, self.block), gains).flatten())

    def bent(self, audio: Tensor) -> Tensor:
        over = (audio.abs() - self.knee).clamp(min=0.0)
        return audio.sign() * (audio.abs().clamp(max=self.knee) + self.room * torch.tanh(over / self.room))
