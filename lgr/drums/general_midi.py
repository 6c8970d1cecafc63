"""General MIDI's drum notes, and the classes that models call by the same names.

Source: General MIDI System Level 1, table 3 (percussion key map, notes 35 to 81 on channel 10).
"""

CHANNEL = 9  # channel 10, counted from 0
FREE_NOTE = 88  # from here on General MIDI has no drum: a class that is none takes a note of its own

#: A class's notes; the first is written, all are read.
NOTES = {
    "Kick": (36, 35),
    "Snare": (38, 40),
    "Rim": (37,),
    "Clap": (39,),
    "Tom": (45, 41, 43, 47, 48, 50),
    "Hat": (42, 44, 46),
    "Crash": (49, 52, 55, 57),
    "Ride": (51, 53, 59),
    "Tambourine": (54,),
    "Cowbell": (56,),
    "Vibraslap": (58,),
    "Bongo": (60, 61),
    "Conga": (63, 62, 64),
    "Timbale": (65, 66),
    "Agogo": (67, 68),
    "Cabasa": (69,),
    "Maracas": (70,),
    "Whistle": (71, 72),
    "Guiro": (73, 74),
    "Claves": (75,),
    "Woodblock": (76, 77),
    "Cuica": (78, 79),
    "Triangle": (80, 81),
}
_OTHER_NAMES = {
    "bassdrum": 36,
    "bd": 36,
    "kickdrum": 36,
    "sd": 38,
    "snaredrum": 38,
    "sidestick": 37,
    "rimshot": 37,
    "handclap": 39,
    "hh": 42,
    "hihat": 42,
    "closedhat": 42,
    "closedhihat": 42,
    "pedalhat": 44,
    "openhat": 46,
    "openhihat": 46,
    "cymbal": 49,
    "crashcymbal": 49,
    "ridecymbal": 51,
    "lowtom": 45,
    "midtom": 47,
    "hightom": 50,
    "shaker": 70,
}
_BY_NAME = {name.casefold(): notes[0] for name, notes in NOTES.items()} | _OTHER_NAMES
_BY_NOTE = {note: name for name, notes in NOTES.items() for note in notes}


def drum_note(label: str | None) -> int | None:
    """The note of a class that is a drum's name, however it is spelt; None for any other.

    Examples
    --------
    >>> from lgr.drums.general_midi import drum_note
    >>> drum_note("Kick"), drum_note("hi-hats"), drum_note("Pad")
    (36, 42, None)
    """
    letters = "".join(filter(str.isalpha, label or "")).casefold()
    return _BY_NAME.get(letters, _BY_NAME.get(letters.removesuffix("s")))


def drum_name(note: int | None) -> str | None:
    """The class that a note stands for, or None.

    Examples
    --------
    >>> from lgr.drums.general_midi import drum_name
    >>> drum_name(35), drum_name(46), drum_name(100)
    ('Kick', 'Hat', None)
    """
    return None if note is None else _BY_NOTE.get(note)
