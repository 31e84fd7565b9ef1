"""Where the rows belong in a script of definitions that pg_dump wrote (section 17)."""

from __future__ import annotations

import re
from typing import NamedTuple

AFTER_ROWS = frozenset(
    (
        *(b"CHECK CONSTRAINT", b"CONSTRAINT", b"FK CONSTRAINT", b"INDEX", b"INDEX ATTACH"),
        *(b"POLICY", b"PUBLICATION", b"PUBLICATION TABLE", b"PUBLICATION TABLES IN SCHEMA"),
        *(b"ROW SECURITY", b"RULE", b"STATISTICS", b"SUBSCRIPTION", b"SUBSCRIPTION TABLE"),
        b"TRIGGER",
    )
)
# What may hold anything, and the comments that are looked for. A name may hold what comes behind
# it in its comment, so that the last one counts.
NAME = rb"[A-Za-z0-9_$\x80-\xff]"
TOKEN = re.compile(
    rb"^--\n-- Name: (?:[^\n]*); Type: (?P<type>[^\n;]*); Schema: (?:(?!; Schema: )[^\n])*\n"
    rb"|^(?P<end>--\n-- PostgreSQL database dump complete\n)"
    rb"|--[^\n]*"
    rb"|(?<!" + NAME + rb")[Ee]'(?:[^'\\]|\\.|'')*'"
    rb"|'(?:[^']|'')*'"
    rb'|"(?:[^"]|"")*"'
    rb"|(?<!" + NAME + rb")(?P<dollars>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)"
    rb".*?(?P=dollars)",
    re.DOTALL | re.MULTILINE,
)


class Definitions(NamedTuple):
    """All of the script, in this order."""

    before_rows: bytes
    after_rows: bytes
    # Event triggers, which fire at what comes behind them, and the script's end.
    last: bytes


def split(script: bytes) -> Definitions:
    after_rows = last = len(script)
    for token in TOKEN.finditer(script):
        kind = token.group("type")
        if kind == b"EVENT TRIGGER" or token.group("end"):
            last = token.start()
            break
        if kind in AFTER_ROWS:
            after_rows = min(after_rows, token.start())
    after_rows = min(after_rows, last)
    return Definitions(script[:after_rows], script[after_rows:last], script[last:])
