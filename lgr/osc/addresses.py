"""The address space: every address, what it takes, what it gives, what it does (docs/osc.md is this for people)."""

from lgr.live.play import TAKE_SECONDS
from lgr.osc import ask, draw, play, steer
from lgr.osc.arguments import Argument, Command
from lgr.osc.settings import MOST

_OUTPUT = Argument("output", "s", needed=False)
_DRAWN = (Argument("class", "v"), Argument("seed", "i", 0, MOST), _OUTPUT)

ADDRESSES: dict[str, Command] = {
    "/lgr/help": Command(
        (Argument("address", "s", needed=False),),
        "every address, or one with its arguments and its help",
        ask.help_,
        "List the addresses, or explain one.",
    ),
    "/lgr/state": Command((), "names and values", ask.state, "What is loaded, and what is at work."),
    "/lgr/reply": Command(
        (Argument("port", "i", 0, 65535),),
        "port",
        ask.reply,
        "Answer to this port of the asker's machine; 0: to the port that asks.",
    ),
    "/lgr/cancel": Command(
        (Argument("whose", "s", needed=False),),
        "how many were stopped",
        ask.cancel,
        "Stop what the asker asked for (mine, or nothing), or what anybody did (all).",
    ),
    "/lgr/set": Command(
        (Argument("name", "s"), Argument("value", "v", many=True)),
        "name value",
        ask.set_,
        "Set one setting of resynthesis.",
    ),
    "/lgr/settings": Command((), "names and values", ask.settings, "Every setting of resynthesis."),
    "/lgr/codec": Command(
        (Argument("name", "s"),),
        "name, sample rate, frames a second",
        play.codec,
        "Encode with this codec from now on: a name that `lgr codecs` lists, or a folder.",
        "long",
    ),
    "/lgr/sources": Command(
        (Argument("name", "s", many=True),),
        "grains, recordings",
        play.sources,
        "Play with the grains of these sounds: files, folders, patterns such as rain/*.wav.",
        "long",
    ),
    "/lgr/codebook": Command(
        (Argument("name", "s"),),
        "grains, recordings, codec",
        play.codebook,
        "Play with a saved codebook, whose codec is opened with it.",
        "long",
    ),
    "/lgr/save": Command(
        (Argument("name", "s"),), "name, grains", play.save, "Save the grains as a codebook, a folder.", "long"
    ),
    "/lgr/resynth": Command(
        (Argument("target", "s"), Argument("output", "s")),
        "output, seconds, grains played",
        play.resynth,
        "Play a sound with the grains, into a file.",
        "long",
    ),
    "/lgr/point": Command(
        (Argument("x", "f", 0, 1), Argument("y", "f", 0, 1), _OUTPUT),
        "recording, seconds in it, output or live",
        play.point,
        "Hear the grain that is nearest on the map: through the live loop, or in a file.",
        "soon",
    ),
    "/lgr/play": Command(
        (Argument("name", "s"),), "name, seconds", play.play, "Hear a sound file through the live loop.", "soon"
    ),
    "/lgr/model": Command(
        (Argument("name", "s", needed=False),),
        "name, its classes",
        draw.model,
        "Draw from this model from now on: a name that `lgr codecs` lists, or a folder.",
        "long",
    ),
    "/lgr/sample": Command(_DRAWN, "output, seconds, class", draw.sample, "Draw a one-shot into a file.", "long"),
    "/lgr/sample_path": Command(
        _DRAWN,
        "output, seconds, class",
        draw.path,
        "Draw a straight line between two random grains, as long as a one-shot, into a file.",
        "long",
    ),
    "/lgr/live/start": Command(
        (
            Argument("input", "s", needed=False),
            Argument("output", "s", needed=False),
            Argument("loop", "i", 0, 1, needed=False),
        ),
        "input, output, sample rate, channels",
        steer.start,
        "Play what comes in as it comes: mic or a file to speakers or a file; loop 1 repeats the file.",
        "long",
    ),
    "/lgr/live/stop": Command((), "output, seconds", steer.stop, "End the live loop; its file is then whole."),
    "/lgr/live/set": Command(
        (Argument("name", "s"), Argument("value", "v")), "name value", steer.set_, "Turn one dial of the live loop."
    ),
    "/lgr/live/freeze": Command(
        (Argument("on", "i", 0, 1),), "on", steer.freeze, "Go on playing what is like this moment, or no longer."
    ),
    "/lgr/live/take": Command(
        (Argument("seconds", "f", 0, TAKE_SECONDS, needed=False),),
        "name, grains",
        steer.take,
        "What came in just now becomes a source, beside the others.",
        "soon",
    ),
    "/lgr/live/state": Command((), "names and values", steer.state, "How the live loop is."),
}
