"""What the admin port does to the world, each act checked whole before anything of it is done."""

import msgspec

from polyarb.domain.ids import ConditionId, condition_key
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.instruments.gamma import TICKS
from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.faults import ArmedFault, BadFault, FaultBoard, read_fault
from polyarb.venue.sandbox.server.errors import NO_MARKET, RejectedError
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.terms.instruments import ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.orders import ExchangeMode

PUSD_MAX = 1_000_000_000 * MICRO
SETS_MAX = 1_000_000_000 * MICRO
REORG_DEPTH_MAX = 64
VERDICTS = ((MICRO, 0), (0, MICRO), (MICRO // 2, MICRO // 2))


class MarketStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a market stands. Units: micros."""

    condition_id: str
    slug: str
    tick: int
    is_accepting: bool
    is_closed: bool
    payouts: tuple[int, int] | None


class AccountStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a given-away account holds now. Units: micros of a USD."""

    address: Address
    pusd: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the sandbox stands. Units: now_ns in unix nanoseconds."""

    now_ns: int
    mode: ExchangeMode
    block: int
    open_settlements: int
    armed_faults: int
    markets: tuple[MarketStatus, ...]
    accounts: tuple[AccountStatus, ...]


class FaultList(msgspec.Struct, frozen=True, kw_only=True):
    """What is armed."""

    faults: tuple[ArmedFault, ...]


class Armed(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a fault that was armed."""

    fault_id: str


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of the faults that were disarmed."""

    cleared: tuple[str, ...]


class ModeOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the engine shall take."""

    mode: ExchangeMode


class TickOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market's new tick. Units: micros."""

    tick: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a YES and a NO share of a market pay. Units: micros of a USD."""

    payouts: tuple[int, int]


class Funding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money for an account, with every trading approval if asked. Units: micros of a USD."""

    address: str
    pusd: int
    is_approved: bool = False


class Endowment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complete sets of a market for an account. Units: micro-shares."""

    address: str
    condition_id: str
    sets: int


class KeyOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for the relayer, in an account's name."""

    address: str
    kind: KeyKind


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secrets; they guard nothing but play money."""

    kind: KeyKind
    address: Address
    key: str
    secret: str
    passphrase: str


class ReorgOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of the last blocks are undone."""

    depth: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered was done."""

    is_done: bool = True


class Admin:
    """The acts of one sandbox's admin port. Errors: RejectedError; nothing was done then."""

    def __init__(self, state: SandboxState, faults: FaultBoard) -> None:
        self._state = state
        self._world = state.world
        self._faults = faults

    def status(self) -> Status:
        """Tell how everything stands."""
        exchange, chain = self._world.exchange, self._world.chain
        return Status(
            now_ns=self._world.now_ns,
            mode=exchange.mode,
            block=chain.head.number,
            open_settlements=self._world.settlement.open_count,
            armed_faults=len(self._faults.armed()),
            markets=tuple(
                _market_status(*self._market(m.condition_id)) for m in exchange.markets()
            ),
            accounts=tuple(
                AccountStatus(address=each.address, pusd=chain.collateral(each.address))
                for each in self._state.accounts
            ),
        )

    def faults(self) -> FaultList:
        """List what is armed."""
        return FaultList(faults=self._faults.armed())

    def arm(self, content: bytes) -> Armed:
        """Arm a fault."""
        fault = read_fault(content)
        fault_id = fault if isinstance(fault, BadFault) else self._faults.arm(fault)
        if isinstance(fault_id, BadFault):
            raise RejectedError(400, fault_id.reason)
        return Armed(fault_id=fault_id)

    def clear(self, fault_id: str | None = None) -> Cleared:
        """Disarm one fault, or all of them."""
        cleared = self._faults.clear(fault_id)
        if fault_id is not None and not cleared:
            raise RejectedError(404, f"no fault {fault_id!r} is armed")
        return Cleared(cleared=cleared)

    def set_mode(self, order: ModeOrder) -> Done:
        """Let the engine take more or less, until told otherwise."""
        self._world.exchange.set_mode(order.mode)
        return Done()

    def restart(self) -> Done:
        """Restart the engine."""
        self._world.exchange.restart()
        return Done()

    def change_tick(self, condition: str, order: TickOrder) -> Done:
        """Change a market's tick."""
        market, _ = self._market(condition)
        if order.tick not in TICKS:
            ticks = ", ".join(str(tick) for tick in sorted(TICKS))
            raise RejectedError(400, f"tick: expected one of {ticks} micros, found {order.tick}")
        self._world.exchange.change_tick(market.condition_id, order.tick)
        return Done()

    def close(self, condition: str) -> Done:
        """Take no more orders of a market."""
        self._world.exchange.close(self._undecided(condition).condition_id)
        return Done()

    def reopen(self, condition: str) -> Done:
        """Take orders of a closed market again."""
        self._world.exchange.reopen(self._undecided(condition).condition_id)
        return Done()

    def resolve(self, condition: str, verdict: Verdict) -> Done:
        """End a market with its verdict, on the exchange and on chain."""
        market = self._undecided(condition)
        if verdict.payouts not in VERDICTS:
            raise RejectedError(400, f"payouts: expected one of {list(map(list, VERDICTS))} micros")
        if market.is_neg_risk and verdict.payouts == VERDICTS[-1]:
            raise RejectedError(409, "a question of a neg-risk group resolves to YES or NO")
        if verdict.payouts == VERDICTS[0] and (winner := self._winner_beside(market)):
            raise RejectedError(409, f"{winner} of the same group has resolved to YES already")
        self._world.resolve(market.condition_id, verdict.payouts)
        return Done()

    def fund(self, order: Funding) -> Done:
        """Give an account money by the next block."""
        address = _account(order.address)
        _bounded("pusd", order.pusd, PUSD_MAX)
        self._world.chain.found(address, pusd=order.pusd, is_approved=order.is_approved)
        return Done()

    def endow(self, order: Endowment) -> Done:
        """Give an account complete sets by the next block."""
        address, (market, _) = _account(order.address), self._market(order.condition_id)
        _bounded("sets", order.sets, SETS_MAX)
        self._world.chain.endow(address, market.condition_id, order.sets)
        return Done()

    def issue_key(self, order: KeyOrder) -> IssuedKey:
        """Issue a builder's or a relayer's key."""
        if order.kind not in (KeyKind.BUILDER, KeyKind.RELAYER):
            raise RejectedError(400, "kind: expected builder or relayer")
        address = _account(order.address)
        made = self._state.keys.issue(address, order.kind)
        return IssuedKey(
            kind=order.kind,
            address=address,
            key=made.key,
            secret=made.secret.reveal(),
            passphrase=made.passphrase.reveal(),
        )

    def reorg(self, order: ReorgOrder) -> Done:
        """Undo the last blocks; what they carried is mined anew."""
        _bounded("depth", order.depth, min(REORG_DEPTH_MAX, self._world.chain.head.number))
        self._world.chain.reorg(order.depth)
        return Done()

    def _market(self, condition: str) -> tuple[ListedMarket, MarketStanding]:
        condition_id = ConditionId(condition_key(condition))
        market = self._world.exchange.market(condition_id)
        standing = self._world.exchange.standing(condition_id)
        if market is None or standing is None:
            raise RejectedError(404, NO_MARKET)
        return market, standing

    def _undecided(self, condition: str) -> ListedMarket:
        market, standing = self._market(condition)
        if standing.payouts is not None:
            raise RejectedError(409, f"{market.slug} is resolved already")
        return market

    def _winner_beside(self, market: ListedMarket) -> str:
        """Return the slug of a market of the same group that has resolved to YES, or nothing."""
        for other in self._world.exchange.markets():
            if market.group_id is not None and other.group_id == market.group_id:
                _, standing = self._market(other.condition_id)
                if standing.payouts == VERDICTS[0]:
                    return other.slug
        return ""


def _market_status(market: ListedMarket, standing: MarketStanding) -> MarketStatus:
    return MarketStatus(
        condition_id=market.condition_id,
        slug=market.slug,
        tick=standing.tick,
        is_accepting=standing.is_accepting,
        is_closed=standing.is_closed,
        payouts=standing.payouts,
    )


def _account(text: str) -> Address:
    address = checksum(text)
    if address is None:
        raise RejectedError(400, "address: expected 0x and 40 hex digits")
    return address


def _bounded(name: str, found: int, most: int) -> None:
    if not 1 <= found <= most:
        raise RejectedError(400, f"{name}: expected 1 to {most}, found {found}")
