#!/usr/bin/python3
"""Fails when the table in docs/exit-codes.md is not the one in src/cli/exit_codes.cc.

usage: check_exit_codes.py [--write] [ROOT]

--write puts the table of the source between the page's two markers. ROOT: the project, default: the
one that holds this file.
"""

import pathlib
import re
import sys

SOURCE = "src/cli/exit_codes.cc"
PAGE = "docs/exit-codes.md"
BEGIN = "<!-- table: written by tools/check_exit_codes.py --write -->\n"
END = "<!-- end of the table -->\n"

COUNT = re.compile(r"std::array<ExitCode, (\d+)>")
ENTRY = re.compile(r'\{Code::k\w+,\s*(\d+),\s*"(\w+)",\s*((?:"[^"\\]*"\s*)+)\}')


def entries(source):
    """(status, name, meaning) of every code. ValueError when the source is of another form."""
    count = COUNT.search(source)
    found = [
        (int(status), name, "".join(re.findall(r'"([^"]*)"', meaning)))
        for status, name, meaning in ENTRY.findall(source)
    ]
    if not count or int(count.group(1)) != len(found):
        raise ValueError(f"{SOURCE}: found {len(found)} entries; does the array say so too?")
    return found


def table(source):
    rows = [(0, "", "done"), *sorted(entries(source))]
    lines = ["| status | name | meaning |", "|---|---|---|"]
    lines += [f"| {status} | {name} | {meaning} |".replace("|  |", "| |")
              for status, name, meaning in rows]
    return "\n".join(lines) + "\n"


def with_table(page, source):
    """The page with the source's table in it. ValueError when the markers are not there once."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"{PAGE}: the two markers of the table must be there once, in order")
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return head + BEGIN + table(source) + END + tail


def main(arguments):
    write = "--write" in arguments
    roots = [argument for argument in arguments if argument != "--write"]
    root = pathlib.Path(roots[0] if roots else pathlib.Path(__file__).resolve().parents[1])
    page = (root / PAGE).read_text(encoding="utf-8")
    try:
        wanted = with_table(page, (root / SOURCE).read_text(encoding="utf-8"))
    except ValueError as problem:
        print(problem)
        return 1
    if page == wanted:
        return 0
    if write:
        (root / PAGE).write_text(wanted, encoding="utf-8")
        return 0
    print(f"{PAGE}: its table is not that of {SOURCE}; run: tools/check_exit_codes.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
