"""What every tab is given: limits, visitors and opened codecs of one running app."""

from dataclasses import dataclass, field
from typing import Any

from lgr_app.limits import Limits
from lgr_app.opened import OpenedCodecs
from lgr_app.temporary import Visitors

WORK = (
    "work"  # one line for the heavy jobs of all tabs: concurrency_id=WORK, concurrency_limit=shared.limits.concurrency
)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Made once by ``build_demo``; nothing of one visitor is in it but what ``visitors`` keeps apart."""

    limits: Limits = field(default_factory=Limits.from_environment)
    visitors: Visitors = field(default_factory=Visitors)
    codecs: OpenedCodecs = field(default_factory=OpenedCodecs)

    @property
    def heavy(self) -> dict[str, Any]:
        """Keywords of every event that starts a job: ``button.click(told(run), ..., **shared.heavy)``."""
        return {"concurrency_id": WORK, "concurrency_limit": self.limits.concurrency}
