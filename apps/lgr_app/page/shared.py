"""What every tab is given: limits, visitors and codecs of one running app."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lgr_app.page.codecs import CodecStore
from lgr_app.page.guard import with_messages
from lgr_app.page.limits import Limits
from lgr_app.page.visitors import Visitors

WORK = "work"  # the one line in which the heavy jobs of all tabs wait


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Made once by ``build_demo``; nothing of one visitor is in it but what ``visitors`` keeps apart."""

    limits: Limits = field(default_factory=Limits.from_environment)
    visitors: Visitors = field(default_factory=Visitors)
    codecs: CodecStore = field(default_factory=CodecStore)

    @property
    def heavy(self) -> dict[str, Any]:
        """Keywords of every event that starts a job: ``button.click(shared.callback(run), ..., **shared.heavy)``."""
        return {"concurrency_id": WORK, "concurrency_limit": self.limits.concurrency}

    def callback(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` as every event of a tab takes it: its errors become messages on the visitor's page."""
        return with_messages(function, self.visitors)
