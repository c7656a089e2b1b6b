"""docs/CONFIGURATION.md, written from the schema; scripts/generate_docs.py puts it into place."""

from collections.abc import Iterator
from inspect import cleandoc

from pydantic.fields import FieldInfo

from polyarb.config.addresses import Address
from polyarb.config.alert_channels import ChannelsKeys
from polyarb.config.figures import Figure, Tighter
from polyarb.config.schema import BASE_SECTIONS, ConfigKeys, Keys, ProfileKeys, RelationKeys
from polyarb.config.validate import (
    choice_of,
    fields_of,
    figure_of,
    list_of,
    section_of,
    tighter_of,
)

_HEADINGS = ("key", "unit", "accepted", "default", "override", "meaning")

_INTRODUCTION = """\
# Configuration

Written from the schema by `python scripts/generate_docs.py`; do not edit.

## Layers

The later one wins: defaults, `config/config.yaml`, the profile (`config/profiles/NAME.yaml`, or
`config/profiles/custom/NAME.yaml` as `custom/NAME`), `.env`, the environment, flags (`--set
KEY=VALUE`). `polyarb profiles show NAME` tells the source of every value.

`.env`, the environment and flags can only **tighten** a figure (column *override* below: the
direction that is allowed; `-` cannot be overridden). A looser value is refused with exit 3: it
belongs into a profile, where a change is seen. A left-over override can so make a run more careful,
never less, and every one is told. In the environment and `.env` a key is spelled
`POLYARB_SECTION__KEY`, for example `POLYARB_SIZING__TRADE_SIZE_USD=1` or
`POLYARB_FAMILIES=[negrisk_split]`; `POLYARB_PROFILE` names the profile that is meant where none is
named, `POLYARB_WORKSPACE` (environment only) the workspace. An unknown `POLYARB_` name is an error.

`.env` must have mode 600 or stricter when it holds a secret (a name with KEY, SECRET, PASS, TOKEN,
MNEMONIC, SEED_PHRASE, WEBHOOK or CREDENTIAL and a value), else it is refused with exit 3.

## Reading

A number is a plain decimal such as `0.015`: not quoted, no sign, no exponent, at most six decimals
for USD and fractions, none for counts. It is read from its text into whole micros and never passes
through a float. A text that looks like a number is quoted. Duplicate keys, aliases and unknown keys
are refused. Every fault of a file is told at once with file, line, key, what was expected and what
was found, and the nearest valid key; exit 2.
"""

_PROFILE_NOTES = """\
`run`, `phase`, `families` and the whole `envelope` must stand in the profile's own file. The other
sections may come from `config/config.yaml`, key by key, or from the defaults.

Between figures: the trade size is at most the position and the open limit; the ceiling is at least
the trade size; `latency_ms_p95` is at least `latency_ms_p50`; the phase `shadow` runs `shadow`, any
other phase runs `live`.

**Evidence is computed at the next phase's figures.** The threshold rises from phase to phase (1,
1.5, 1.8, 2 % of the capital), and so does the size. What shadow finds at 1 % says nothing about
micro-live at 1.5 %, so the evidence for a phase is computed at that phase's threshold and size.

`polyarb profiles check [NAME]` proves that a profile can place a legal set: an order needs 5 shares
and 1 USD, so the smallest set is max(5, 1 / cheapest leg) shares of every leg. It prints what fits
the trade size, what is rounded up to the ceiling and what is illegal, and exits 1 for a profile
that can place nothing.
"""

_CHANNEL_NOTES = """\
How alerts reach people; without the file on the console alone. A secret stands here as `${NAME}`
only, where the name tells that it is one (KEY, SECRET, PASS, TOKEN, WEBHOOK or CREDENTIAL in it);
its value is taken from the environment, else from `.env`. A literal secret, an unset variable of a
channel that is enabled and an address without encryption (but for this machine) are refused, and
no message shows any of them.

The webhook gets a POST with a JSON body (`alert_id`, `name`, `severity`, `status`, `fired_at`,
`context` of the worst alert, and `alerts` with all that are told at once) and three headers:
`X-Polyarb-Id` (the same however often it is sent), `X-Polyarb-Timestamp` (seconds) and
`X-Polyarb-Signature`: `sha256=` and the HMAC-SHA256 in hex of timestamp, a dot and the body under
the signing key. Only the answer 200 counts as taken. An alert may arrive more than once: `key` in
`alerts` tells.
"""

_CHOSEN = """\
## Where the shipped figures come from

Trade size, threshold, position, daily loss, slippage and breaker of the phases and the figures of
the generic profiles are the product's. Its base configuration names the live profile together with
a simulated run; here the run is part of the profile, so the base names `live_shadow_atomic_v1`.
These are ours:
"""

_CHOSEN_ROWS = (
    ("figure", "value", "why"),
    (
        "ceiling, generic profiles",
        "the larger of 5 USD and twice the trade size",
        "the rule of the phases' ceilings (5, 5, 10, 20)",
    ),
    ("`order_notional_usd_max`", "the ceiling", "no order needs more than its plan"),
    (
        "`open_notional_usd_max`",
        "the position limit",
        "the product's position limit is a total",
    ),
    (
        "daily loss, generic profiles",
        "a tenth of the position limit",
        "the ratio of the phases",
    ),
    ("`instruments_max`", "31", "the product's reference list has 31 markets"),
    (
        "`orders_per_minute_max`",
        "60; 120 in shadow and scaled",
        "one attempt a second; room for groups of many legs",
    ),
    (
        "`gas_per_plan_usd`",
        "0.02",
        "relayed operations cost nothing, but gas must not be 0 in the edge: a self-sent"
        " conversion of a group of five costs 0.018 USD (100 gwei, 0.25 USD a POL)",
    ),
    ("`content_age_ms_max`", "60000", "a book silent for more than a minute is bad"),
    (
        "breaker, generic profiles",
        "3 in a row, 0.4",
        "the product's base, in `config/config.yaml`",
    ),
    (
        "`universe`, volume and liquidity",
        "1000 and 500 USD, in `config/config.yaml`",
        "a market without turnover shows quotes that nobody fills",
    ),
    ("`markets_max`", "500", "1,000 tokens are five stream connections of 200"),
    ("`expiry_blackout_min`", "60", "close to its end a book is about news, not about sums"),
    ("`families`", "by phase", "[ADR 0002](adr/0002-families-in-phases.md)"),
)

_LATER = """\
## Figures of later rooms

A key exists only once code reads it. These figures of the product wait for the room that will:
"""

_LATER_ROWS = (
    ("figures", "room"),
    (
        "retries and their delay, gas price mode, gas price, cost and limit factor",
        "sending live orders and set operations",
    ),
    ("RPC and user stream addresses", "the venue's live adapters"),
    ("balance, allowance, preflight limits, risk-change codes", "go/no-go checks and approvals"),
    ("the scaled phase's wider figures (20 / 200 / 20 USD)", "approvals"),
    ("gates, kill criteria, dwell, canary steps, drawdown alerts", "rollout and alerts"),
    ("market making, settlement lag, tail risk, anomaly guard", "strategies beyond arbitrage"),
    ("log level and file, database path, ports", "fixed places of the workspace; the console"),
)


def configuration_reference() -> str:
    """Write the reference of every key."""
    parts = [
        _INTRODUCTION,
        f"## config/config.yaml\n\n{_table(_config_fields())}",
        f"`{'`, `'.join(BASE_SECTIONS)}` may stand here, too, with any of the keys below: every"
        " profile falls back to them.\n",
        f"## Profiles\n\n{_PROFILE_NOTES}",
        *_sections(),
        f"## config/constraints.yaml\n\n`relations` is a list of\n\n{_table(_own(RelationKeys))}",
        f"## config/alert_channels.yaml\n\n{_CHANNEL_NOTES}\n{_table(fields_of(ChannelsKeys))}",
        _CHOSEN,
        _grid(_CHOSEN_ROWS),
        _LATER,
        _grid(_LATER_ROWS),
    ]
    return "\n".join(parts)


def key_table(model: type[Keys]) -> str:
    """Write the keys of a section that nothing overrides: key, unit, accepted, default, meaning."""
    rows = (_HEADINGS, *(_row(name, field) for name, field in _own(model)))
    return _grid(tuple((*row[:4], *row[5:]) for row in rows))


def _config_fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in fields_of(ConfigKeys):
        if name.split(".")[0] not in BASE_SECTIONS:
            yield name, field


def _sections() -> Iterator[str]:
    yield _table(_own(ProfileKeys))
    for name, field in ProfileKeys.model_fields.items():
        section = section_of(field)
        if section is not None:
            yield f"### {name}\n\n{cleandoc(section.__doc__ or '')}\n\n{_table(_own(section))}"


def _own(model: type[Keys]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if section_of(field) is None:
            yield name, field


def _table(fields: Iterator[tuple[str, FieldInfo]]) -> str:
    return _grid((_HEADINGS, *(_row(name, field) for name, field in fields)))


def _grid(rows: tuple[tuple[str, ...], ...]) -> str:
    head, *body = rows
    lines = (head, ("---",) * len(head), *body)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _row(name: str, field: FieldInfo) -> tuple[str, ...]:
    figure, tighter = figure_of(field), tighter_of(field)
    return (
        f"`{name}`",
        _unit(field),
        _accepted(field),
        _default(field, figure),
        _override(figure, tighter),
        field.description or "",
    )


def _unit(field: FieldInfo) -> str:
    figure, figures = figure_of(field), list_of(field)
    if figure is not None:
        return figure.unit
    if figures is not None:
        return f"list of {figures.figure.unit}s"
    if _address_of(field) is not None:
        return "address"
    return "word" if choice_of(field) or field.annotation is bool else "text"


def _accepted(field: FieldInfo) -> str:
    figures, choice, address = list_of(field), choice_of(field), _address_of(field)
    figure = figures.figure if figures else figure_of(field)
    if choice is not None:
        return f"`{'`, `'.join(choice.words)}`"
    if address is not None:
        return f"`{address.secure}`, on this machine `{address.plain}`, too"
    if field.annotation is bool:
        return "`true`, `false`"
    return f"{figure.write(figure.lowest)} to {figure.write(figure.highest)}" if figure else ""


def _address_of(field: FieldInfo) -> Address | None:
    return next((item for item in field.metadata if isinstance(item, Address)), None)


def _default(field: FieldInfo, figure: Figure | None) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return figure.write(field.default) if figure else str(field.default or "empty")


def _override(figure: Figure | None, tighter: Tighter | None) -> str:
    if tighter is None:
        return "-"
    return str(tighter) if figure or tighter is Tighter.ANY else "fewer"
