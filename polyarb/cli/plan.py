"""`polyarb plan`: size problems of the plan format and explain the answers."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption
from polyarb.cli.output import notice, print_json, print_rich
from polyarb.domain.errors import UsageError
from polyarb.domain.plan import CostStep, Plan, Problem, SizeReason
from polyarb.domain.units import PICO, format_micros, format_scaled
from polyarb.engine.plan_format import Answer, parse_problems, render_plan
from polyarb.engine.size import cost_steps, size

if TYPE_CHECKING:
    from rich.console import RenderableType

STEPS_SHOWN = 12
WHY: dict[SizeReason, str] = {
    SizeReason.CROSSED_BOOK: "a leg's best bid is at or above its best ask: the book is not real",
    SizeReason.NON_EXHAUSTIVE: "it is not certain that one of the legs resolves YES",
    SizeReason.INCOMPLETE: "a side that every set needs is empty",
    SizeReason.NO_EDGE: "best prices alone, with fees, leave nothing",
    SizeReason.INFEASIBLE: "no quantity keeps lot, depth, minima and capital",
    SizeReason.NO_GAIN: "the best allowed quantity earns nothing even before gas",
    SizeReason.BELOW_GAS: "the best allowed quantity earns no more than the gas",
    SizeReason.UNDECIDED: "too many combinations of orders and minima to be certain of the best",
    SizeReason.CAPITAL_BINDING: "with more capital it would earn more",
    SizeReason.MIN_SIZE_BINDING: "without the minima of an order it would earn more",
    SizeReason.OK: "the next set would earn nothing, or there is no depth for it",
}


def plan(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Problems; - is standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Size arbitrage problems and explain the answers: one object, an array or JSON Lines."""
    problems = parse_problems(read_input(file))
    is_undecided = False
    for problem in problems:
        answer = size(problem)
        is_undecided |= answer.reason is SizeReason.UNDECIDED
        show(problem, answer, as_json=as_json)
    if is_undecided:
        notice("polyarb: a problem could not be decided; its answer is no trade")
        raise typer.Exit(ExitCode.FAULT)


def read_input(file: str) -> bytes:
    """Read a file, or standard input for a dash."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise UsageError(f"expected a readable file, found {file!r}: {reason}") from fault


def show(problem: Problem, answer: Plan, *, as_json: bool) -> None:
    """Print one answer, as JSON or explained."""
    rendered = render_plan(answer, problem)
    if as_json:
        print_json(rendered)
        return
    for part in explain(problem, answer, rendered):
        print_rich(part)


def explain(problem: Problem, answer: Plan, rendered: Answer) -> list["RenderableType"]:
    """Lay out an answer for a person: the verdict, the orders, what one more set costs."""
    from rich.text import Text

    verdict = f"{plain(problem.id)}: {answer.family}, {len(problem.legs)} legs\n"
    if answer.is_trade:
        verdict += (
            f"trade {rendered.quantity} sets, profit {rendered.profit} USD"
            f" ({answer.edge_bps / 100:.2f} % of {rendered.capital} USD capital)\n"
            f"pays at least {rendered.payoff}, fees {rendered.fees}, gas {rendered.gas}\n"
        )
    else:
        verdict += "no trade\n"
    parts: list[RenderableType] = [Text(f"{verdict}{answer.reason}: {WHY[answer.reason]}")]
    if rendered.orders:
        parts.append(order_table(rendered))
    steps = cost_steps(problem, STEPS_SHOWN)
    if steps:
        parts.append(step_table(steps, answer.quantity))
    return [*parts, Text("")]


def order_table(rendered: Answer) -> "RenderableType":
    """Lay out the orders of an answer."""
    rows = [
        (
            str(order.leg + 1),
            plain(order.name),
            f"{order.side} {order.outcome}",
            order.price_limit,
            order.shares,
            order.notional,
            order.fee,
        )
        for order in rendered.orders
    ]
    columns = ("leg", "name", "order", "limit", "shares", "notional", "fee")
    return table(columns, rows, texts=3)


def step_table(steps: tuple[CostStep, ...], quantity: int) -> "RenderableType":
    """Lay out what one more set costs and pays, marking the step in which the plan ends."""
    rows = []
    for step in steps:
        is_last = step.start < quantity and (step.end is None or quantity <= step.end)
        rows.append(
            (
                "<- the plan ends here" if is_last else "",
                format_micros(step.start),
                "no end" if step.end is None else format_micros(step.end),
                format_scaled(step.cost, PICO),
                format_scaled(step.payoff, PICO),
                format_scaled(step.payoff - step.cost, PICO),
            )
        )
    columns = ("", "from set", "to", "one more costs", "pays", "gains")
    return table(columns, rows, texts=1)


def table(
    columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, texts: int
) -> "RenderableType":
    """Build a table whose first columns are texts and whose other columns are numbers."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    built = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        built.add_column(column, justify="left" if index < texts else "right", no_wrap=True)
    for row in rows:
        built.add_row(*[Text(cell) for cell in row])
    return built


def plain(text: str) -> str:
    """Make a text from outside safe to show: no control characters, no new lines."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
