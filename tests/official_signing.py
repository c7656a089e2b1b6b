"""How the official clients sign: their own code, called the way they call it themselves."""

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils import keccak
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.digests import Domain
from polyarb.venue.polymarket.signing.order import SignedOrder
from polymarket._internal import environment, hmac, l1_auth, protocol, wallet
from polymarket._internal.actions.auth import build_l1_auth_headers
from polymarket._internal.actions.orders import limit, market
from polymarket._internal.actions.orders.typed_data import (
    build_order_signature,
    build_order_typed_data,
)
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.actions.relayer.auth import build_builder_key_headers
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket._internal.actions.relayer.signing import deposit_wallet, proxy, safe
from polymarket.auth import BuilderApiKey
from py_clob_client_v2.clob_types import ApiCreds, RequestArgs
from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.headers.headers import create_level_1_headers, create_level_2_headers
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2
from py_clob_client_v2.order_utils.model.order_data_v2 import OrderV2
from py_clob_client_v2.order_utils.model.side import Side as TheirSide
from py_clob_client_v2.order_utils.model.signature_type_v2 import SignatureTypeV2
from py_clob_client_v2.signer import Signer as TheirSigner
from py_clob_client_v2.signing.hmac import build_hmac_signature

__all__ = [
    "Account",
    "ApiCreds",
    "BuilderApiKey",
    "ExchangeOrderBuilderV2",
    "RequestArgs",
    "TheirSigner",
    "TransactionCall",
    "build_builder_key_headers",
    "build_hmac_signature",
    "build_l1_auth_headers",
    "build_order_signature",
    "build_order_typed_data",
    "create_level_1_headers",
    "create_level_2_headers",
    "deposit_wallet",
    "digest_of",
    "environment",
    "get_contract_config",
    "hmac",
    "l1_auth",
    "limit",
    "market",
    "protocol",
    "proxy",
    "safe",
    "second_order",
    "second_order_id",
    "sign_second",
    "sign_unified",
    "typed_message",
    "unified_order",
    "wallet",
]


def unified_order(order: SignedOrder, domain: Domain) -> UnsignedOrder:
    """Write an order as `polymarket-client` holds it."""
    return UnsignedOrder(
        chain_id=domain.chain_id,
        builder=order.builder,
        exchange_address=domain.exchange,
        expiration=0,
        maker=order.maker,
        maker_amount=order.maker_amount,
        metadata=order.metadata,
        order_type="GTC",
        salt=order.salt,
        side=order.side.value,
        signature_type=int(order.signature_type),
        signer=order.signer,
        taker_amount=order.taker_amount,
        timestamp=order.timestamp_ms,
        token_id=order.token_id,
        protocol_version=domain.version,
    )


def sign_unified(key: str, order: SignedOrder, domain: Domain) -> str:
    """Sign with `polymarket-client`."""
    theirs = unified_order(order, domain)
    signed = Account.from_key(key).sign_typed_data(full_message=build_order_typed_data(theirs))
    return build_order_signature(theirs, "0x" + signed.signature.hex())


def second_order(order: SignedOrder) -> OrderV2:
    """Write an order as `py-clob-client-v2` holds it."""
    return OrderV2(
        salt=str(order.salt),
        maker=order.maker,
        signer=order.signer,
        tokenId=order.token_id,
        makerAmount=str(order.maker_amount),
        takerAmount=str(order.taker_amount),
        side=TheirSide.BUY if order.side is Side.BUY else TheirSide.SELL,
        signatureType=SignatureTypeV2(int(order.signature_type)),
        timestamp=str(order.timestamp_ms),
        metadata=order.metadata,
        builder=order.builder,
    )


def _builder(key: str, domain: Domain) -> ExchangeOrderBuilderV2:
    signer = TheirSigner(key, domain.chain_id)
    return ExchangeOrderBuilderV2(
        domain.exchange, domain.chain_id, signer, domain_version=domain.version
    )


def sign_second(key: str, order: SignedOrder, domain: Domain) -> str:
    """Sign with `py-clob-client-v2`."""
    builder = _builder(key, domain)
    return builder.build_order_signature(builder.build_order_typed_data(second_order(order)))


def second_order_id(key: str, order: SignedOrder, domain: Domain) -> str:
    """Return the order id that `py-clob-client-v2` computes."""
    builder = _builder(key, domain)
    return builder.build_order_hash(builder.build_order_typed_data(second_order(order)))


def typed_message(order: SignedOrder, domain: Domain) -> SignableMessage:
    """Encode an order's typed data with `eth-account`."""
    return encode_typed_data(full_message=build_order_typed_data(unified_order(order, domain)))


def digest_of(message: SignableMessage) -> str:
    """Return the digest of typed data."""
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()
