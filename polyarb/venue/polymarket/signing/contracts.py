"""Where the venue's contracts stand on Polygon: one table that the client and the sandbox share."""

from functools import lru_cache

import msgspec

from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32

CHAIN_ID = 137
"""Polygon PoS: the only chain on which the venue lives."""
ZERO_ADDRESS = Address("0x" + "00" * 20)

_ADDRESS_BYTES = 20
_ADDRESS_LENGTH = len("0x") + 2 * _ADDRESS_BYTES
_UPPER_FROM = 8


@lru_cache(maxsize=8192)
def address_of(account: bytes) -> Address:
    """Write the 20 bytes of an account in EIP-55 checksum case."""
    assert len(account) == _ADDRESS_BYTES
    digits = account.hex()
    marks = keccak256(digits.encode()).hex()
    cased = (
        digit.upper() if int(mark, 16) >= _UPPER_FROM else digit
        for digit, mark in zip(digits, marks, strict=False)
    )
    return Address("0x" + "".join(cased))


def address_bytes(address: str) -> bytes | None:
    """Read the 20 bytes of an address in any letter case; None where the text is none."""
    if len(address) != _ADDRESS_LENGTH or not address.startswith("0x"):
        return None
    digits = address[2:]
    if not (digits.isascii() and digits.isalnum()):
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def checksum(address: str) -> Address | None:
    """Bring an address in any letter case to EIP-55 case; None where the text is none."""
    account = address_bytes(address)
    return None if account is None else address_of(account)


class Contracts(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's contracts on one chain.

    Source: the venue's documentation and the address tables of its official clients, 2026-11-21.
    """

    chain_id: int
    pusd: Address
    usdc_bridged: Address
    usdc_native: Address
    onramp: Address
    offramp: Address
    permissioned_ramp: Address
    conditional_tokens: Address
    exchange: Address
    neg_risk_exchange: Address
    legacy_exchange: Address
    legacy_neg_risk_exchange: Address
    neg_risk_adapter: Address
    wrapped_collateral: Address
    neg_risk_operator: Address
    neg_risk_fee_module: Address
    neg_risk_vault: Address
    collateral_adapter: Address
    neg_risk_collateral_adapter: Address
    exchange_v3: Address
    position_manager: Address
    router: Address
    binary_module: Address
    neg_risk_module: Address
    combinatorial_module: Address
    auto_redeemer: Address
    oracle_aggregator: Address
    chainlink_reporter: Address
    uma_adapter_v2: Address
    uma_adapter_v3: Address
    uma_adapter_neg_risk: Address
    proxy_factory: Address
    proxy_implementation: Address
    safe_factory: Address
    safe_init_code_hash: Bytes32
    safe_multisend: Address
    deposit_wallet_factory: Address
    deposit_wallet_implementation: Address
    deposit_wallet_beacon: Address
    relay_hub: Address
    perps_deposit: Address


CONTRACTS = Contracts(
    chain_id=CHAIN_ID,
    pusd=Address("0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"),
    usdc_bridged=Address("0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174"),
    usdc_native=Address("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
    onramp=Address("0x93070a847efEf7F70739046A929D47a521F5B8ee"),
    offramp=Address("0x2957922Eb93258b93368531d39fAcCA3B4dC5854"),
    permissioned_ramp=Address("0xebC2459Ec962869ca4c0bd1E06368272732BCb08"),
    conditional_tokens=Address("0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"),
    exchange=Address("0xE111180000d2663C0091e4f400237545B87B996B"),
    neg_risk_exchange=Address("0xe2222d279d744050d28e00520010520000310F59"),
    legacy_exchange=Address("0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"),
    legacy_neg_risk_exchange=Address("0xC5d563A36AE78145C45a50134d48A1215220f80a"),
    neg_risk_adapter=Address("0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"),
    wrapped_collateral=Address("0x3A3BD7bb9528E159577F7C2e685CC81A765002E2"),
    neg_risk_operator=Address("0x71523d0f655B41E805Cec45b17163f528B59B820"),
    neg_risk_fee_module=Address("0x78769D50Be1763ed1CA0D5E878D93f05aabff29e"),
    neg_risk_vault=Address("0x7f67327E88c258932D7d8f72950bE0d46975E11D"),
    collateral_adapter=Address("0xAdA100Db00Ca00073811820692005400218FcE1f"),
    neg_risk_collateral_adapter=Address("0xadA2005600Dec949baf300f4C6120000bDB6eAab"),
    exchange_v3=Address("0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"),
    position_manager=Address("0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"),
    router=Address("0x12121212006e4CD160D18e3f00711DA5c3372600"),
    binary_module=Address("0x1000008dD9001B968442c1000017eaE6E0dA00Ba"),
    neg_risk_module=Address("0x200000900045e3B6259600682756002200028933"),
    combinatorial_module=Address("0x30000034706C7d8e12009DAB006Be20000c031A8"),
    auto_redeemer=Address("0xa1200000d0002264C9a1698e001292D00E1b00af"),
    oracle_aggregator=Address("0x0A0a0A0A8B00C51b7D810501b03F230028C04a87"),
    chainlink_reporter=Address("0xc12EC12E0000326890Ca5560dEf5EB5C22b16814"),
    uma_adapter_v2=Address("0x6A9D222616C90FcA5754cd1333cFD9b7fb6a4F74"),
    uma_adapter_v3=Address("0x157Ce2d672854c848c9b79C49a8Cc6cc89176a49"),
    uma_adapter_neg_risk=Address("0x2F5e3684cb1F318ec51b00Edba38d79Ac2c0aA9d"),
    proxy_factory=Address("0xaB45c5A4B0c941a2F231C04C3f49182e1A254052"),
    proxy_implementation=Address("0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"),
    safe_factory=Address("0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b"),
    safe_init_code_hash=Bytes32(
        "0x2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
    ),
    safe_multisend=Address("0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761"),
    deposit_wallet_factory=Address("0x00000000000Fb5C9ADea0298D729A0CB3823Cc07"),
    deposit_wallet_implementation=Address("0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB"),
    deposit_wallet_beacon=Address("0x7A18EDfe055488A3128f01F563e5B479D92ffc3a"),
    relay_hub=Address("0xD216153c06E857cD7f72665E0aF1d7D82172F494"),
    perps_deposit=Address("0xDCa4af75705dbB50f62437045afF9921947917d2"),
)
