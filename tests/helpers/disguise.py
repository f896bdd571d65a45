"""Credentials in disguise, and an independent reader that sees through it."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from urllib.parse import unquote

from hypothesis import strategies as st

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALPHABET = LETTERS + LETTERS.upper() + "0123456789-_."
# Each is an escape of one character.
ESCAPES = (
    lambda code: f"\\u{code:04x}",
    lambda code: f"\\u{code:04X}",
    lambda code: f"\\\\u{code:04x}",
    lambda code: f"\\u005cu{code:04x}",
    lambda code: f"\\U{code:08x}",
    lambda code: f"\\u{{{code:x}}}",
    lambda code: f"\\x{code:02x}",
    lambda code: f"\\{code:03o}",
    lambda code: f"%{code:02x}",
    lambda code: f"%{code:02X}",
    lambda code: f"%25{code:02x}",
    lambda code: f"%2525{code:02X}",
    lambda code: f"&#{code};",
    lambda code: f"&#x{code:X};",
    lambda code: f"&amp;#{code:04};",
)
BETWEEN = ("", "", "", " ", "\n", "\r\n", "\\n", "%0a", "\u200b", "\u00ad", '" + "', "&#10;", "-")


def keys() -> st.SearchStrategy[str]:
    """Keys of a length that they have, or shorter."""
    body = st.text(ALPHABET, min_size=12, max_size=40)
    return body.map(lambda text: f"sk-{text}").filter(lambda text: len(bare(text)) >= 8)


@st.composite
def disguised(draw: st.DrawFn, key: str) -> str:
    """A key in some form that a decoder turns back into it."""
    form = draw(st.sampled_from(["plain", "escaped", "printable", "base64", "hex"]))
    if form == "escaped":
        choices = st.sampled_from((None, None, *ESCAPES))
        parts = [((escape := draw(choices)) and escape(ord(one))) or one for one in key]
        return draw(st.sampled_from(BETWEEN)).join(parts)
    if form == "printable":
        wrap = draw(st.sampled_from(("", "=\r\n")))
        escaped = [f"={ord(one):02X}" if draw(st.booleans()) else one for one in key]
        return "".join(escaped[:9]) + wrap + "".join(escaped[9:])
    if form == "base64":
        around = draw(st.binary(max_size=4)), draw(st.binary(max_size=4))
        encode = draw(st.sampled_from((base64.b64encode, base64.urlsafe_b64encode)))
        text = encode(key.encode().join(around)).decode()
        wide = draw(st.sampled_from((8, 19, 76)))
        return "\n".join(text[at : at + wide] for at in range(0, len(text), wide))
    if form == "hex":
        text = binascii.hexlify(key.encode(), draw(st.sampled_from((" ", ":")))).decode()
        return text.upper() if draw(st.booleans()) else text
    return draw(st.sampled_from(BETWEEN)).join(key)


def bare(text: str) -> str:
    """Its letters and digits."""
    return re.sub("[^0-9A-Za-z]", "", text)


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        digits = next(part for part in match.groups() if part is not None)
        return chr(int(digits, 8 if match.lastindex == 4 else 16) % 0x110000)

    text = re.sub(r"\\+n|%0a|\\u005c(?=u)", lambda m: "\\" if "5c" in m[0] else "", text)
    pattern = (
        r"\\+(?:(?-i:u)([0-9a-f]{4})|u\{([0-9a-f]+)\}|U0000([0-9a-f]{4})"
        r"|([01][0-7]{2})|x([0-9a-f]{2}))"
    )
    return re.sub(pattern, character, text, flags=re.ASCII | re.IGNORECASE)


def _unpacked(text: str) -> list[str]:
    """All that base64 and hex in a text may stand for."""
    found = []
    for run in re.findall(r"[0-9A-Za-z+/_\s\\n-]{8,}", text):
        packed = re.sub(r"\\n|\s", "", run).replace("-", "+").replace("_", "/")
        for at in range(4):
            part = packed[at:]
            part = part[:-1] if len(part) % 4 == 1 else part
            part += "=" * (-len(part) % 4)
            try:
                found.append(base64.b64decode(part).decode("latin-1"))
            except binascii.Error:
                continue
    for run in re.findall(r"(?:[0-9a-f]{2}[ :]?){8,}", text, re.IGNORECASE):
        digits = re.sub("[ :]", "", run)
        found += [
            bytes.fromhex(digits[at : at + (len(digits) - at) // 2 * 2]).decode("latin-1")
            for at in range(2)
        ]
    return found


def shows(text: str, key: str) -> bool:
    """Whether a reader who decodes what there is finds the key."""
    readings = [text]
    for _ in range(5):
        text = html.unescape(unquote(_unescaped(text)))
        readings.append(text)
    readings += [re.sub(r"=(?:\r?\n|([0-9A-F]{2}))", _printable, one) for one in readings[:2]]
    readings += [one for reading in readings[:2] for one in _unpacked(reading)]
    return any(bare(key).lower() in bare(one).lower() for one in readings)


def _printable(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else ""


def nested(text: str, times: int) -> str:
    """A text as JSON, within JSON, and so on."""
    for _ in range(times):
        text = json.dumps(text)
    return text
