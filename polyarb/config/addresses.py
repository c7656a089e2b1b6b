"""How the address of a host is read: the right scheme, unencrypted only to this machine."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from polyarb.config.figures import mistaken, read_id

_LOCAL_NAME = "localhost"


@dataclass(frozen=True, slots=True)
class Address:
    """An address: the encrypted scheme anywhere, the plain one on the loopback interface only."""

    secure: str
    plain: str

    @property
    def expected(self) -> str:
        """Say what is accepted."""
        return (
            f"an address such as {self.secure}://host/path without a slash at its end"
            f" ({self.plain}:// for this machine only)"
        )

    def read(self, node: object) -> str:
        """Read one address."""
        text = read_id(node)
        parts = _split(text)
        if parts is None or not self._is_allowed(parts):
            mistaken(self.expected, node)
        return text

    def _is_allowed(self, parts: SplitResult) -> bool:
        if parts.username is not None or parts.query or parts.fragment or parts.path.endswith("/"):
            return False
        if parts.scheme == self.plain:
            return _is_loopback(parts.hostname or "")
        return parts.scheme == self.secure


def _split(text: str) -> SplitResult | None:
    """Take an address apart; None when it has no host or an impossible port."""
    try:
        parts = urlsplit(text)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    is_whole = text == parts.geturl() and "\\" not in text
    return parts if is_usable and is_whole else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOCAL_NAME
