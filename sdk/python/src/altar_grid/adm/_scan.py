"""Tokens of JSON, byte by byte: space, words, numbers, strings. Gives the token, or a fault with the byte it is at."""

import math
import re
from collections.abc import Callable
from typing import Final

_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile(rb"[0-9]*")
_HEX: Final = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES: Final = {
    0x22: '"',
    0x5C: "\\",
    0x2F: "/",
    0x62: "\b",
    0x66: "\f",
    0x6E: "\n",
    0x72: "\r",
    0x74: "\t",
}


class Scanner:
    """A position in a text that only moves forward."""

    def __init__(self, data: bytes, fault: Callable[[str, int, str], Exception]) -> None:
        self.data, self.at = data, 0
        self._fault = fault

    def syntax(self, expected: str, at: int) -> Exception:
        """That something else was expected at byte `at`."""
        return self._fault("syntax", at, f"expected {expected} at byte {at}; send JSON as RFC 8259 has it")

    def peek(self) -> int | None:
        """The byte that comes."""
        return self.data[self.at] if self.at < len(self.data) else None

    def take(self, byte: int) -> bool:
        """Goes over `byte` where it comes."""
        found = self.peek() == byte
        self.at += found
        return found

    def skip_space(self) -> None:
        """Goes over the four characters that JSON takes for space."""
        while self.peek() in (0x20, 0x0A, 0x0D, 0x09):
            self.at += 1

    def word(self, word: bytes) -> None:
        """Goes over `true`, `false` or `null`."""
        if not self.data.startswith(word, self.at):
            raise self.syntax("`true`, `false` or `null`", self.at)
        self.at += len(word)

    def _digits(self) -> None:
        match = _DIGITS.match(self.data, self.at)
        if match is None or not match[0]:
            raise self.syntax("a digit", self.at)
        self.at = match.end()

    def number(self) -> str:
        """The token of a number that a double can hold."""
        start = self.at
        self.take(0x2D)
        if self.take(0x30):
            following = self.peek()
            if following is not None and 0x30 <= following <= 0x39:
                raise self.syntax("a number without leading zeros", self.at)
        else:
            self._digits()
        if self.take(0x2E):
            self._digits()
        if self.take(0x65) or self.take(0x45):
            _ = self.take(0x2B) or self.take(0x2D)
            self._digits()
        token = self.data[start : self.at].decode("ascii")
        if math.isinf(float(token)):
            words = f"the number at byte {start} is too large for a double; send it as a string"
            raise self._fault("number-overflow", start, words)
        return token

    def string(self) -> str:
        """A string's text; the position is at its first quote."""
        self.at += 1
        parts = [self._plain()]
        while not self.take(0x22):
            parts.append(self._escape())
            parts.append(self._plain())
        return "".join(parts)

    def _plain(self) -> str:
        match = _PLAIN.match(self.data, self.at)
        start, self.at = self.at, match.end() if match else self.at
        following = self.peek()
        if following is None:
            raise self.syntax("a closing quote", self.at)
        if following < 0x20:
            raise self.syntax("an escape instead of a control character", self.at)
        return self.data[start : self.at].decode("utf-8")

    def _escape(self) -> str:
        start = self.at
        self.at += 1
        escaped = self.peek()
        self.at += 1
        if escaped == 0x75:
            return self._unicode(start)
        if escaped not in _ESCAPES:
            raise self.syntax("an escape that JSON knows", start)
        return _ESCAPES[escaped]

    def _unicode(self, start: int) -> str:
        unit = self._hex()
        words = f"the escape at byte {start} is half a surrogate pair; send both halves or the character itself"
        if 0xD800 <= unit <= 0xDBFF and self.data.startswith(b"\\u", self.at):
            self.at += 2
            second = self._hex()
            if not 0xDC00 <= second <= 0xDFFF:
                raise self._fault("lone-surrogate", start, words)
            unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00)
        if 0xD800 <= unit <= 0xDFFF:
            raise self._fault("lone-surrogate", start, words)
        return chr(unit)

    def _hex(self) -> int:
        match = _HEX.match(self.data, self.at)
        if match is None:
            raise self.syntax("four hexadecimal digits", self.at)
        self.at = match.end()
        return int(match[0], 16)
