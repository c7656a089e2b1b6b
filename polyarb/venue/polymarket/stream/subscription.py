"""The tokens of one connection to the market channel: wanted, told to the venue, asked anew.

Tokens come in groups (both tokens of a market) that never span two connections. No I/O.
Source: polymarket.md 4.1.
"""

from collections.abc import Collection, Iterable

import msgspec

from polyarb.domain.errors import UsageError

Group = tuple[str, ...]

_encode = msgspec.json.Encoder().encode


class Opening(msgspec.Struct, frozen=True):
    """The first frame of a connection."""

    assets_ids: list[str]
    type: str = "market"
    custom_feature_enabled: bool = True


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe", tag_field="operation"):
    """Asks for more tokens; the venue answers with the book of each."""

    assets_ids: list[str]
    custom_feature_enabled: bool = True


class Unsubscribe(msgspec.Struct, frozen=True, tag="unsubscribe", tag_field="operation"):
    """Asks for no more messages of these tokens."""

    assets_ids: list[str]


class Subscription:
    """What one connection asks for, and what the venue was told of it since it opened."""

    def __init__(self, assets_max: int) -> None:
        self.groups: dict[Group, None] = {}
        self.wanted: set[str] = set()
        self._assets_max = assets_max
        self._told: set[str] = set()
        self._anew: set[str] = set()

    def has_room(self, group: Group) -> bool:
        """Tell whether a group still fits."""
        return len(self.wanted) + len(group) <= self._assets_max

    def add(self, group: Group) -> None:
        """Want a group from now on."""
        self.groups[group] = None
        self.wanted.update(group)

    def remove(self, groups: Iterable[Group]) -> frozenset[str]:
        """Want these groups no longer; return those of their tokens that are being told."""
        gone = [group for group in groups if group in self.groups]
        for group in gone:
            del self.groups[group]
            self.wanted.difference_update(group)
        lost = self._told & _tokens(gone)
        # One that is wanted again before the venue was told needs a fresh book all the same.
        self._anew |= lost
        return frozenset(lost)

    def ask_anew(self, assets: Collection[str]) -> frozenset[str]:
        """Ask for a fresh book of these tokens; return those that it concerns."""
        concerned = self._told & self.wanted & set(assets)
        self._anew |= concerned
        return frozenset(concerned)

    def opening(self) -> bytes:
        """Return the first frame of a new connection; from here on all that is wanted is told."""
        self._told = set(self.wanted)
        self._anew.clear()
        return _encode(Opening(sorted(self._told)))

    @property
    def is_changed(self) -> bool:
        """Tell whether the venue must be told something."""
        return bool(self._anew) or self._told != self.wanted

    def changes(self) -> list[bytes]:
        """Return the frames that tell the venue what changed since the last one."""
        anew = self._anew & self.wanted & self._told
        leaving = sorted((self._told - self.wanted) | anew)
        coming = sorted((self.wanted - self._told) | anew)
        self._told = set(self.wanted)
        self._anew.clear()
        frames = [_encode(Unsubscribe(leaving))] if leaving else []
        return [*frames, _encode(Subscribe(coming))] if coming else frames

    def ended(self) -> frozenset[str]:
        """Forget what the venue was told; return the tokens whose books are lost by it."""
        lost = frozenset(self._told & self.wanted)
        self._told.clear()
        self._anew.clear()
        return lost


def grouped(assets: Iterable[Collection[str]], assets_max: int) -> dict[Group, None]:
    """Check groups and return them in order, empty ones left out.

    Errors: UsageError where a group fits no connection or a token is in two groups.
    """
    groups = dict.fromkeys(tuple(dict.fromkeys(group)) for group in assets if group)
    seen: set[str] = set()
    for group in groups:
        if len(group) > assets_max:
            raise UsageError(
                f"a market of {len(group)} tokens needs them on one connection, but "
                f"venue.assets_per_socket_max is {assets_max}: set it to {len(group)} or more"
            )
        if not seen.isdisjoint(group):
            twice = sorted(seen.intersection(group))[0]
            raise UsageError(f"token {twice} belongs to two markets: mend the catalogue")
        seen.update(group)
    return groups


def _tokens(groups: Iterable[Group]) -> set[str]:
    return {token for group in groups for token in group}
