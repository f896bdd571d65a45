"""What an instruction is, from its text as LLVM writes it."""

from __future__ import annotations

import re

CONDITIONS = "eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_CONDITIONAL = re.compile(rf"(?:b(?:{CONDITIONS})|cbn?z|wls(?:tp\.\d+)?)")
_DIRECT = re.compile(r"(?:b|bl)")
_INDIRECT = re.compile(rf"(?:bx|blx|bxns|blxns|tb[bh])(?:{CONDITIONS})?")
_LOOP_END = re.compile(r"le(?:tp)?")
_SUFFIX = re.compile(rf"(?:{CONDITIONS})$")
_MANY = ("push", "pop", "ldm", "stm", "vpush", "vpop", "vldm", "vstm")
_PAIR = ("ldrd", "strd")
_EXCLUSIVE = ("ldrex", "strex")
_BASE = re.compile(r"\[(\w+)(?:, (r\d+|lr))?")


def mnemonic(text: str) -> str:
    """The operation, without a width (`.w`)."""
    return text.partition(" ")[0].removesuffix(".w").removesuffix(".n")


def without_condition(name: str) -> str:
    """A mnemonic without the condition that an IT block gave it."""
    return _SUFFIX.sub("", name)


def registers(text: str) -> int:
    """How many registers an instruction moves that moves several; 0 of all others."""
    name = mnemonic(text)
    if name.startswith(_PAIR):
        return 2
    if not name.startswith(_MANY):
        return 0
    return text.partition("{")[2].partition("}")[0].count(",") + 1


def is_load(text: str) -> bool:
    """It reads one word or less, or a vector, from memory."""
    return mnemonic(text).startswith(("ldr", "vldr")) and not registers(text)


def is_store(text: str) -> bool:
    """The same to memory."""
    return mnemonic(text).startswith(("str", "vstr")) and not registers(text)


def reads_what(text: str, register: str) -> bool:
    """An access to memory whose address is made of a register."""
    found = _BASE.search(text)
    return found is not None and register in found.groups()


def has_register_offset(text: str) -> bool:
    """An access to memory at a base and an index, both in registers."""
    found = _BASE.search(text)
    return found is not None and found[2] is not None


def destination(text: str) -> str:
    """The first operand."""
    return text.partition(" ")[2].partition(",")[0]


def branch_kind(text: str) -> str:
    """`conditional`, `direct`, `indirect`, `loop` or, for what is no branch, nothing."""
    name = mnemonic(text)
    writes_pc = "pc" in text.partition("{")[2] or text.partition(" ")[2].startswith("pc,")
    if _INDIRECT.fullmatch(name) or writes_pc:
        return "indirect"
    if _LOOP_END.fullmatch(name):
        return "loop"
    if _CONDITIONAL.fullmatch(name):
        return "conditional"
    return "direct" if _DIRECT.fullmatch(without_condition(name)) or name == "bl" else ""
