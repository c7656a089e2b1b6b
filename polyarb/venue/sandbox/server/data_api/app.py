"""The Data API (v2) on the wire: what is on chain, by wallet, token and market. Reads only.

It knows a trade when it is mined, as the venue's indexer does. There are no combos, rebates,
profiles or rankings in the sandbox; their lists are empty. Source: polymarket.md 2.6.
"""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.sandbox.server.data_api import answers, positions
from polyarb.venue.sandbox.server.data_api.index import Index
from polyarb.venue.sandbox.server.data_api.queries import Envelope, Inquiry, empty_page
from polyarb.venue.sandbox.server.json_app import json_app, json_response
from polyarb.venue.sandbox.server.state import SandboxState

Answer = Callable[[Index, Inquiry], object]


def data_app(state: SandboxState) -> Starlette:
    """Build the service `data`."""
    index = Index(state)
    return json_app(
        [Route(path, _endpoint(index, answer), methods=["GET"]) for path, answer in ANSWERS.items()]
    )


def _endpoint(index: Index, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        index.state.now()
        return json_response(answer(index, Inquiry(request.query_params)))

    return endpoint


def _nothing(_: Index, __: Inquiry) -> object:
    return empty_page()


def _nothing_of_user(_: Index, inquiry: Inquiry) -> object:
    inquiry.required_user()
    return empty_page()


def _leaderboard(_: Index, inquiry: Inquiry) -> object:
    """Rank nobody: a list without a user, no standing with one."""
    return empty_page() if inquiry.user() is None else Envelope[None](data=None)


def _no_list(_: Index, __: Inquiry) -> object:
    return Envelope[tuple[()]](data=())


ANSWERS: Mapping[str, Answer] = {
    "/v2/positions": positions.positions,
    "/v2/positions/combos": _nothing_of_user,
    "/v2/activity": answers.activity,
    "/v2/activity/combos": _nothing_of_user,
    "/v2/trades": answers.trades,
    "/v2/value": positions.value,
    "/v2/holders": positions.holders,
    "/v2/approvals": positions.approvals,
    "/v2/oi": answers.open_interest,
    "/v2/resolutions": answers.resolutions,
    "/v2/prices-history": answers.prices_history,
    "/v2/tokens": answers.tokens,
    "/v2/live-volume": answers.live_volume,
    "/v2/user-volume": answers.user_volume,
    "/v2/user-stats": positions.user_stats,
    "/v2/user-pnl": answers.user_pnl,
    "/v2/leaderboard": _leaderboard,
    "/v2/biggest-winners": _nothing,
    "/v2/builders/leaderboard": _nothing,
    "/v2/builders/volume": _no_list,
}
"""Every path of the service."""
