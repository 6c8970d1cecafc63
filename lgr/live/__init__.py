"""Live: resynthesis of a stream, as it comes (paper 000 calls it "completely streamable")."""

from lgr.live.config import LiveConfig as LiveConfig
from lgr.live.loop import LiveLoop as LiveLoop
from lgr.live.loop import LoopState as LoopState
from lgr.live.loop import Told as Told
from lgr.live.material import Material as Material
