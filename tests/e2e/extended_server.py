"""A server that has some extensions more than its package, whose tables hold rows that belong to the
database: every_settings; linked_settings, cascading_settings and circular_settings, whose tables refer
to each other. No extension of contrib has such tables.

A server looks for extensions beside its own program (make_relative_path in port/path.c). So the
program is copied into the scratch directory, and all else there are links to what the package has.
"""

import os
import pathlib
import shutil

from scratch import give_to_server_user

DATABASES = pathlib.Path(__file__).parent / "databases"
EXTENSIONS = ("every_settings", "linked_settings", "cascading_settings", "circular_settings")
PROGRAMS = ("postgres", "initdb", "pg_ctl")


def programs_with_every_settings(scratch, major):
    """As Scratch.server_programs()."""
    original = pathlib.Path(scratch.server_programs(major))
    tree = scratch.root / f"extended-{major}"
    # Debian has lib/postgresql/15/bin beside share/postgresql/15, the others bin beside share.
    debian = (original.parents[3] / f"share/postgresql/{major}").exists()
    above, below = (3, f"lib/postgresql/{major}") if debian else (0, "")
    shared = f"share/postgresql/{major}" if debian else "share/postgresql"
    programs, libraries = tree / below / "bin", tree / below / "lib"
    share, original_share = tree / shared, original.parents[above] / shared
    if not programs.exists():
        programs.mkdir(parents=True)
        for name in PROGRAMS:
            shutil.copy(original / name, programs / name)
        libraries.symlink_to(original.parent / "lib")
        _link_all(original_share, share, but="extension")
        _link_all(original_share / "extension", share / "extension")
        for path in (file for name in EXTENSIONS for file in (DATABASES / name).iterdir()):
            shutil.copy(path, share / "extension" / path.name)
            (share / "extension" / path.name).chmod(0o644)
        for folder in (tree, *(path for path in tree.rglob("*") if not path.is_symlink())):
            give_to_server_user(folder)
    return programs


def _link_all(original, folder, but=None):
    folder.mkdir(parents=True)
    for entry in os.listdir(original):
        if entry != but:
            (folder / entry).symlink_to(original / entry)
