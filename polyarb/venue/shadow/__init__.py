"""A gateway that sends nothing: it measures what the live book would have filled."""

from polyarb.venue.shadow.gateway import ShadowGateway

__all__ = ["ShadowGateway"]
