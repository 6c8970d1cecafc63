"""Live: resynthesis of a stream, as it comes (paper 000 calls it "completely streamable")."""

from lgr.live.config import LiveConfig as LiveConfig
from lgr.live.loop import LiveLoop as LiveLoop
from lgr.live.loop import LoopState as LoopState
from lgr.live.loop import Told as Told
from lgr.live.material import Material as Material
from lgr.live.play import Player as Player
from lgr.live.play import Seen as Seen
from lgr.live.setup import live_loop as live_loop
from lgr.live.setup import with_take as with_take
