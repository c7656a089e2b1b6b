"""The drill `breaker`: sets break until trading stops by itself, on disk and for good."""

from polyarb.research.scenario import parse_scenario
from polyarb.store.control import read_halt
from polyarb.store.verification import verify_journal
from polyarb.wiring.drills.room import DrillRoom, check
from polyarb.wiring.drills.scripted import play

_MARKETS = """\
set families negrisk_no
set sizing.trade_size_usd 20
set sizing.trade_size_ceiling_usd 20
set sizing.edge_fraction_min 0.01
set sizing.slippage_fraction_max 0.25
set envelope.order_notional_usd_max 300
set envelope.position_notional_usd_max 300
set envelope.open_notional_usd_max 300
set envelope.daily_loss_usd_max 1000
set envelope.instruments_max 20
set envelope.orders_per_minute_max 60
set guards.episode_gap_ms 100
set guards.content_age_ms_max 600000
market A
market B
group RACE A B
0.000  book A YES bid 0.60 x 500 ask 0.62 x 500
"""


def breaking_sets(count: int) -> str:
    """Write a market whose second leg vanishes so many times before its order is there."""
    lines = [_MARKETS]
    for number in range(count):
        at = 20 * number
        change = "book B YES bid 0.55 x 20 ask 0.57 x 50" if not number else _LEVEL
        lines.append(f"{at}.001  {change}")
        lines.append(f"{at}.020  level B YES bid 0.55 x 0")
        lines.append("expect set negrisk_no BROKEN")
    lines += ["expect state HALTED", "expect alert CRITICAL"]
    at = 20 * count
    lines += [f"{at}.000  {_LEVEL}", _DENIED, f"{at + 1}.000  level B YES bid 0.55 x 0"]
    return "\n".join(lines) + "\n"


_LEVEL = "level B YES bid 0.55 x 20"
_DENIED = "expect deny NOT_ACTIVE risk"
_AFTERWARDS = f"""\
{_MARKETS}0.001  book B YES bid 0.55 x 20 ask 0.57 x 50
{_DENIED}
never place
1.000  level B YES bid 0.55 x 0
"""


def drill_breaker(room: DrillRoom) -> None:
    """Break as many sets as the profile forgives, then look for a way to trade on.

    Errors: UnprovenError where one is found.
    """
    count = room.profile.breaker.consecutive_failures_max
    owed = play(parse_scenario(breaking_sets(count), "breaker"), room.profile, room.workspace)
    check(not owed, f"{count} broken sets to halt trading", "; ".join(owed))
    room.note(f"{count} broken sets in a row halted trading and raised a CRITICAL alert")
    latch = read_halt(room.workspace.halt_file)
    check(latch is not None, "the halt to be latched on disk", "no latch")
    assert latch is not None
    room.note(f"latched by {latch.actor}: {latch.reason}")
    owed = play(parse_scenario(_AFTERWARDS, "afterwards"), room.profile, room.workspace)
    check(not owed, "a second run to stay halted", "; ".join(owed))
    room.note("a second run found the latch and placed nothing")
    report = verify_journal(room.workspace.journal_file, room.workspace.journal_dir)
    check(report.is_whole, "a whole journal", f"{len(report.breaks)} breaks")
