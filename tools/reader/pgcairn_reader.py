#!/usr/bin/python3 -E
"""Reads a pgcairn repository without pgcairn. See README.md beside this file.

-E above: a PYTHONHOME that is wrong would end Python with 1, which `wal fetch` must not do.
"""

import os
import sys
import traceback
from typing import List, Optional

# PostgreSQL gives up recovery on this, where a smaller number would read as "no more WAL".
WAL_FETCH_FAILED = 200


def main() -> int:
    arguments = sys.argv[1:]
    fetching = any(pair == ("wal", "fetch") for pair in zip(arguments, arguments[1:]))
    try:
        code = run(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if not (fetching and code != 0):
            return code
        return WAL_FETCH_FAILED
    except BaseException:
        # Not only Exception: whatever ends a fetch early must not look like an absent file.
        traceback.print_exc()
        code = None
    if code is None:
        return WAL_FETCH_FAILED if fetching else 1
    return code


def run(arguments: List[str]) -> Optional[int]:
    """The command's exit code, or None for an error that was reported."""
    try:
        from pgcairn_format import command_line
        from pgcairn_format.errors import ReaderError
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        print("hint: apt install python3-cryptography python3-zstandard", file=sys.stderr)
        return None
    try:
        return command_line.run(arguments, os.path.abspath(__file__))
    except ReaderError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.filename or 'input or output'}: {error.strerror}", file=sys.stderr)
    return None


if __name__ == "__main__":
    sys.exit(main())
