"""The settings with which a restored server finds its WAL."""

from __future__ import annotations

import os
import re
import shlex
from typing import List, Optional

from .errors import ReaderError

# Left over from an earlier recovery, each of these would contradict what is appended.
REPLACED = re.compile(
    rb"\s*(restore_command|archive_mode|recovery_target\w*|recovery_end_command|"
    rb"archive_cleanup_command)\b",
    re.IGNORECASE,
)


def settings(
    program: str,
    repository: str,
    cluster: str,
    system_identifier: int,
    key_file: Optional[str],
) -> List[str]:
    """Lines for postgresql.auto.conf."""
    words = [os.path.abspath(program), "--repository", os.path.abspath(repository)]
    words += ["--cluster", cluster]
    if key_file:
        words += ["--key-file", os.path.abspath(key_file)]
    words += ["wal", "fetch", "--system-identifier", f"{system_identifier:016x}"]
    # PostgreSQL replaces %f and %p; a percent sign of a path is doubled.
    command = " ".join(shlex.quote(word).replace("%", "%%") for word in words)
    return [
        f"restore_command = {_quoted(command + ' %f %p')}",
        "recovery_target_timeline = 'latest'",
    ]


def require_runnable(program: str) -> None:
    """A shell that cannot run the reader must say so with an exit code that stops recovery.

    Python itself ends with 2 when its script is gone, and PostgreSQL takes that for the end of the
    WAL; so the reader is started directly, by its first line.
    """
    if not os.access(program, os.X_OK):
        raise ReaderError(program, "is not executable", f"chmod +x {shlex.quote(program)}")


def with_settings(auto_conf: bytes, lines: List[str]) -> bytes:
    """postgresql.auto.conf for a copy that recovers and does not archive into the repository."""
    kept = [line for line in auto_conf.splitlines(keepends=True) if not REPLACED.match(line)]
    text = b"".join(kept)
    if text and not text.endswith(b"\n"):
        text += b"\n"
    return text + os.fsencode("".join(f"{line}\n" for line in [*lines, "archive_mode = 'off'"]))


def _quoted(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ReaderError("restore_command", "a path in it contains a line break")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
