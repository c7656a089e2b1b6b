"""From a scenario and a seed to a sandbox that stands: listing, world, accounts, agents."""

import msgspec

from polyarb.venue.sandbox.flow.accounts import Account, account_of
from polyarb.venue.sandbox.flow.casting import Cast
from polyarb.venue.sandbox.flow.listing import list_scenario
from polyarb.venue.sandbox.flow.scenario import Scenario
from polyarb.venue.sandbox.terms.instruments import Listing
from polyarb.venue.sandbox.terms.ports import Faults, Timed
from polyarb.venue.sandbox.terms.settings import ChainSettings
from polyarb.venue.sandbox.world import World


class Founded(msgspec.Struct, frozen=True, kw_only=True):
    """A sandbox that stands, at the moment it begins."""

    scenario: Scenario
    listing: Listing
    world: World
    accounts: tuple[Account, ...]
    flow: Timed


def found(scenario: Scenario, *, seed: int, starts_ns: int, faults: Faults) -> Founded:
    """Found the sandbox of a scenario; the first quotes stand in its books.

    The same scenario, seed and moment give the same sandbox, to the byte. faults is a board with
    `arm` where the scenario arms some.
    """
    listing = list_scenario(scenario, seed=seed, starts_ns=starts_ns)
    world = _world(scenario, listing, starts_ns, faults)
    accounts = tuple(
        account_of(seed, f"account {number}", pusd=scenario.accounts.pusd)
        for number in range(1, scenario.accounts.count + 1)
    )
    for account in accounts:
        world.chain.found(account.address, pusd=account.pusd, is_approved=True)
    flow = Cast(scenario, listing, world, seed).perform()
    world.drain()
    return Founded(scenario=scenario, listing=listing, world=world, accounts=accounts, flow=flow)


def _world(scenario: Scenario, listing: Listing, starts_ns: int, faults: Faults) -> World:
    return World(
        listing,
        chain_settings=ChainSettings(
            genesis_ns=starts_ns,
            block_ms=scenario.chain.block_ms,
            confirmations=scenario.chain.confirmations,
        ),
        faults=faults,
        exchange_settings=scenario.exchange,
        settlement_settings=scenario.settlement,
    )
