"""Which drills can be run: one function an entry; what has none says why and never passes."""

from collections.abc import Callable

from polyarb.rollout.drills import DrillName
from polyarb.wiring.drills.alert_delivery import drill_alert_delivery
from polyarb.wiring.drills.breaker import drill_breaker
from polyarb.wiring.drills.feed_loss import drill_feed_loss
from polyarb.wiring.drills.processes import drill_halt, drill_kill
from polyarb.wiring.drills.restore import drill_restore
from polyarb.wiring.drills.room import DrillRoom
from polyarb.wiring.drills.watchdog import drill_watchdog

Drill = Callable[[DrillRoom], None]
"""Returns when the reaction was seen, and raises UnprovenError where it was not."""

RUNNERS: dict[DrillName, Drill] = {
    DrillName.BREAKER: drill_breaker,
    DrillName.FEED_LOSS: drill_feed_loss,
    DrillName.HALT: drill_halt,
    DrillName.KILL: drill_kill,
    DrillName.RESTORE: drill_restore,
    DrillName.ALERT_DELIVERY: drill_alert_delivery,
    DrillName.WATCHDOG: drill_watchdog,
}

UNAVAILABLE: dict[DrillName, str] = {}
"""Drills that cannot be run yet, and why."""
