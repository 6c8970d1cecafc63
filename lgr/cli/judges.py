"""``lgr judges``: which judges of sound there are, what they mean, and which are installed."""

import typer


def judges() -> None:
    """List the judges of sound that others made: `lgr evaluate --judges` asks them.

    A judge says "more is" better or worse, hears "kHz" and takes sounds of
    "from (s)" seconds or longer. Each is a package of its own, with its own
    licences of code and weights; what is missing says how it is installed.

    \b
    Example:
      lgr judges
      lgr evaluate out.wav -t voice.wav -s rain/ --judges visqol-audio,timbre
    """
    from lgr.cli.support.tables import print_table
    from lgr.judges import JUDGES

    rows = [
        [
            card.name,
            f"{card.lowest:g} to {card.highest:g} {card.unit}" if card.highest < float("inf") else "0 or more",
            "better" if card.higher_is_better else "worse",
            " and ".join(card.against) or "nothing",
            f"{card.sample_rate / 1000:g}",
            f"{card.least_seconds:g}",
            card.code_licence,
            card.weights_licence or "none",
            f"{card.package} {card.version}",
            "no" if card.missing else "yes",
        ]
        for card in JUDGES.values()
    ]
    headings = [
        *("judge", "range", "more is", "compared\nwith", "kHz", "from\n(s)"),
        *("code", "weights", "package", "here"),
    ]
    print_table(headings, rows, right=["kHz", "from\n(s)"])
    typer.echo("")
    for card in JUDGES.values():
        typer.echo(f"{card.name}: {card.title}: {card.says}")
    if remedies := {card.name: card.install for card in JUDGES.values() if card.missing}:
        typer.echo("\nWhat is missing is installed so:")
        for name, command in remedies.items():
            typer.echo(f"  {name}: {command}")
