"""What every training run tells of its data: credits in a table, facts for ``metrics.json``, a card's paragraph."""

import csv
from pathlib import Path
from typing import Any

from lgr.files import atomic_path
from lgr.train.material import Material, short_name

CREDITS = "training_data.csv"


def write_credits(path: Path, material: Material, *, classes: bool = False) -> None:
    """A row a recording: its name, its use, its source, its licence, whom to credit, and maybe its class."""
    with atomic_path(path, force=True) as part, part.open("w", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        table.writerow(("name", *(("class",) if classes else ()), "use", "group", "licence", "attribution"))
        for use, clips in (("training", material.training), ("held out", material.held_out)):
            for clip in clips:
                label = (clip.label,) if classes else ()
                row = (short_name(clip.path), *label, use, short_name(clip.group), clip.licence, clip.attribution)
                table.writerow(row)


def data_facts(material: Material) -> dict[str, Any]:
    """Plain JSON values."""
    return {
        "training_seconds": round(material.seconds(material.training), 1),
        "held_out_seconds": round(material.seconds(material.held_out), 1),
        "recordings": {"training": len(material.training), "held_out": len(material.held_out)},
        "left_out": [short_name(path) + why for path, why in material.skipped],
    }


def data_paragraph(material: Material, *more: str, credits: str = CREDITS) -> str:
    """How much there was, how it was split, and under which licences; ``more`` are sentences between."""
    licences = sorted({clip.licence or "not stated" for clip in material.training})
    training, held_out = (material.seconds(clips) / 60 for clips in (material.training, material.held_out))
    said = [
        f"{len(material.training)} recordings ({training:.1f} minutes) for training, {len(material.held_out)} "
        f"({held_out:.1f} minutes) held out, split by source.",
        *more,
        f"Licences: {', '.join(licences)}.",
        f"`{credits}` credits every recording.",
    ]
    return " ".join(said)
