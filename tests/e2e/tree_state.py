"""What a directory tree holds, so that a test can say that nothing in it changed."""

import hashlib
import os
import pathlib
import stat


def tree_state(root):
    """path -> (kind, mode, owner, content) for all below root, links not followed. Names of
    directories count, their times do not."""
    root = pathlib.Path(root)
    state = {}
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = pathlib.Path(folder) / name
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                content = ""
            state[str(path.relative_to(root))] = (
                stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), info.st_uid, content)
    return state


def changes(before, after):
    """The paths that differ: for an assertion that shows them."""
    return sorted(path for path in before.keys() | after.keys()
                  if before.get(path) != after.get(path))


def too_open(root):
    """Paths below root, and root itself, that anybody but the owner may use: 'mode path'."""
    root = pathlib.Path(root)
    found = []
    for path in [root, *root.rglob("*")]:
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            continue
        wanted = 0o700 if stat.S_ISDIR(info.st_mode) else 0o600
        if stat.S_IMODE(info.st_mode) & ~wanted:
            found.append(f"{stat.S_IMODE(info.st_mode):04o} {path}")
    return found
