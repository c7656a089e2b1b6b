"""Decimal text as whole micros and back, only where the way back gives the same text."""

from collections.abc import Callable

_ONE = 1_000_000
_DECIMALS = 6
_DIGITS_MAX = 18
_SCALE: tuple[int, ...] = tuple(10 ** (_DECIMALS - digits) for digits in range(_DECIMALS + 1))
_CACHED_MAX = 1 << 17

EMPTY = -1
"""Stands for an empty text, which a side without orders has as its best price."""


class Numerals:
    """One spelling of decimals: "1500" and "0.3", or as floats have it, "1500.0" and "0.3"."""

    def __init__(self, *, is_float: bool) -> None:
        self._whole = ".0" if is_float else ""
        self._micros: dict[str, int] = {"": EMPTY}
        self._texts = _Texts(self._write)

    def micros(self, text: str) -> int:
        """Read text. Errors: ValueError where this spelling would write the number otherwise."""
        known = self._micros.get(text)
        if known is not None:
            return known
        micros = _read(text)
        if self._write(micros) != text:
            raise ValueError(text)
        if len(self._micros) >= _CACHED_MAX:
            self._micros = {"": EMPTY}
        self._micros[text] = micros
        return micros

    def texts(self, column: list[int]) -> list[str]:
        """Write many micros; EMPTY as an empty text."""
        if len(self._texts) >= _CACHED_MAX:
            self._texts = _Texts(self._write)
        return list(map(self._texts.__getitem__, column))

    def _write(self, micros: int) -> str:
        whole, fraction = divmod(micros, _ONE)
        decimals = f".{fraction:06d}".rstrip("0") if fraction else self._whole
        return f"{whole}{decimals}"


class _Texts(dict[int, str]):
    """Texts by micros, each written once."""

    def __init__(self, write: Callable[[int], str]) -> None:
        super().__init__({EMPTY: ""})
        self._write = write

    def __missing__(self, micros: int) -> str:
        text = self[micros] = self._write(micros)
        return text


PLAIN = Numerals(is_float=False)
FLOAT = Numerals(is_float=True)


def _read(text: str) -> int:
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    is_number = digits.isdecimal() and digits.isascii()
    if not is_number or len(fraction) > _DECIMALS or len(whole) > _DIGITS_MAX - _DECIMALS:
        raise ValueError(text)
    return int(digits) * _SCALE[len(fraction)]
