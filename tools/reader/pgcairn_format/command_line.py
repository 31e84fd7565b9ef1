"""The commands. Exit codes: 0 done, 1 failed, 2 usage; `wal fetch` has its own, see wal_fetch."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Dict, Iterator, List, Tuple

from . import fingerprint, manifest, recovery, references, report, wal
from .access_key import Credentials, read_key_file
from .cluster import Cluster, check_cluster_name, find_history, open_cluster, open_repository
from .errors import ReaderError
from .export import ExportOptions, export
from .messages import LogicalCatalog
from .restore import Restore, RestoreOptions
from .storage import Storage
from .tablespaces import parse_mapping

DONE, FAILED, WAL_ABSENT = 0, 1, 1
PASSPHRASE_VARIABLE = "BACKUP_ENCRYPTION_KEY"


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def run(arguments: List[str], program: str) -> int:
    """program: how this reader is started. Raises ReaderError, OSError, SystemExit."""
    options = _parser().parse_args(arguments)
    options.program = program
    return int(options.command(options, Storage(options.repository)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pgcairn_reader.py", description="Reads a pgcairn repository without pgcairn."
    )
    parser.add_argument("--repository", required=True, metavar="DIR")
    parser.add_argument("--cluster", default="main")
    parser.add_argument(
        "--key-file", help=f"else the passphrase is taken from {PASSPHRASE_VARIABLE}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="the backups of the cluster")
    command.add_argument("--json", action="store_true")
    command.set_defaults(command=list_backups)

    command = commands.add_parser("show", help="what a backup's manifest says")
    command.add_argument("id")
    command.add_argument("--json", action="store_true")
    command.set_defaults(command=show)

    _add_restore(commands.add_parser("restore", help="write a backup's files"))

    _add_export(commands.add_parser("export", help="write one database's rows as SQL"))

    wal_commands = commands.add_parser("wal", help="the WAL archive").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command = wal_commands.add_parser("fetch", help="for restore_command")
    command.add_argument("name")
    command.add_argument("destination")
    _add_system_identifier(command)
    command.set_defaults(command=wal_fetch)
    command = wal_commands.add_parser("list", help="stored segments and gaps")
    command.add_argument("--json", action="store_true")
    _add_system_identifier(command)
    command.set_defaults(command=wal_list)

    command = commands.add_parser(
        "check-hashes", help="read every pack that a backup needs; takes no key"
    )
    command.set_defaults(command=check_hashes)
    return parser


def _add_restore(command: argparse.ArgumentParser) -> None:
    command.add_argument("id")
    command.add_argument("target")
    command.add_argument(
        "--tablespace-map", action="append", default=[], metavar="OLD=NEW", help="may be repeated"
    )
    command.add_argument(
        "--with-external-config",
        action="store_true",
        help="write configuration from outside of the data directory to TARGET.config",
    )
    command.add_argument(
        "--recover", action="store_true", help="write recovery.signal and the settings it needs"
    )
    command.add_argument(
        "--no-wal-check", action="store_true", help="restore although WAL of the backup is missing"
    )
    command.add_argument(
        "--require-fingerprints",
        action="store_true",
        help="fail when libxxhash is not installed, instead of leaving out this check",
    )
    command.set_defaults(command=restore)


def _add_export(command: argparse.ArgumentParser) -> None:
    command.add_argument("id")
    command.add_argument(
        "--to-file", required=True, metavar="FILE", help="for psql; must not be there yet"
    )
    command.add_argument(
        "--roles-to-file", metavar="FILE", help="the roles, which are to be loaded before"
    )
    command.set_defaults(command=export_backup)


def _add_system_identifier(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--system-identifier",
        type=lambda text: int(text, 16),
        metavar="HEX",
        help="which PostgreSQL cluster, when there were several; else the latest",
    )


def _open(options: argparse.Namespace, storage: Storage) -> Cluster:
    private_half = read_key_file(options.key_file) if options.key_file else None
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    return open_cluster(storage, options.cluster, Credentials(private_half, passphrase), warn)


def list_backups(options: argparse.Namespace, storage: Storage) -> int:
    manifests, errors, given_up = manifest.list_manifests(_open(options, storage))
    if options.json:
        print(json.dumps([report.backup_facts(m) for m in manifests], indent=2))
    else:
        print(report.list_text(manifests))
    for backup_id in given_up:
        warn(f"{backup_id}: was given up before it was finished")
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return FAILED if errors else DONE


def show(options: argparse.Namespace, storage: Storage) -> int:
    cluster = _open(options, storage)
    opened = manifest.open_manifest(cluster, manifest.resolve_backup_id(cluster, options.id))
    if options.json:
        print(json.dumps(report.backup_details(opened), indent=2))
    else:
        print(report.details_text(opened))
    return DONE


def restore(options: argparse.Namespace, storage: Storage) -> int:
    mapping = parse_mapping(options.tablespace_map)
    cluster = _open(options, storage)
    opened = manifest.open_manifest(cluster, manifest.resolve_backup_id(cluster, options.id))
    check = fingerprint.load(cluster.fingerprint_secret)
    if check is None:
        if options.require_fingerprints:
            raise ReaderError("libxxhash.so.0", "is not installed", "apt install libxxhash0")
        warn("fingerprints are NOT checked: libxxhash.so.0 is not installed (libxxhash0)")
    lines = recovery.settings(
        options.program,
        options.repository,
        options.cluster,
        opened.system_identifier,
        options.key_file,
    )
    if options.recover:
        recovery.require_runnable(options.program)
    restore_options = RestoreOptions(
        options.target,
        mapping,
        options.with_external_config,
        not options.no_wal_check,
        lines if options.recover else None,
    )
    result = Restore(cluster, opened, restore_options, check).run()
    print(f"restored {result.files} files, {result.bytes} bytes, to {options.target}")
    _print_next_steps(options, lines, result.external_files_left_out)
    return DONE


def _print_next_steps(options: argparse.Namespace, lines: List[str], left_out: int) -> None:
    if left_out:
        print(
            f"{left_out} files of configuration from outside of the data directory were left out; "
            "--with-external-config writes them"
        )
    if options.recover:
        print("recovery.signal and postgresql.auto.conf are written:")
    else:
        print("put these lines into postgresql.auto.conf, and create recovery.signal:")
    print("\n".join(lines))
    if not options.key_file and os.environ.get(PASSPHRASE_VARIABLE):
        print(f"the server must be started with {PASSPHRASE_VARIABLE} in its environment")


def export_backup(options: argparse.Namespace, storage: Storage) -> int:
    cluster = _open(options, storage)
    opened = manifest.open_manifest(cluster, manifest.resolve_backup_id(cluster, options.id))
    catalog = export(cluster, opened, ExportOptions(options.to_file, options.roles_to_file))
    _print_exported(options, catalog, opened.left_out)
    return DONE


def _print_exported(
    options: argparse.Namespace, catalog: LogicalCatalog, left_out: Tuple[bytes, ...]
) -> None:
    database = catalog.database.decode("utf-8", "replace")
    rows = sum(table.rows for table in catalog.tables)
    print(
        f"wrote {len(catalog.tables)} tables with {rows} rows, {len(catalog.sequences)} sequences, "
        f"{len(catalog.large_objects)} large objects of database {database} to {options.to_file}"
    )
    print(f"load it into an empty database with the encoding {catalog.encoding}")
    if options.roles_to_file:
        print(f"the roles are in {options.roles_to_file}: load them before, if they are not there")
    else:
        print("roles are not in the file; --roles-to-file writes them to another")
    for line in left_out:
        print(f"not in the backup: {line.decode('utf-8', 'replace')}")
    if catalog.needing_hidden:
        print("definitions that need those tables are in the file and fail: load it without -1 and "
              "ON_ERROR_STOP")
    for circle in circles(catalog):
        print(f"{circle}: load the file with PGOPTIONS='-c session_replication_role=replica'")


def circles(catalog: LogicalCatalog) -> Iterator[str]:
    """Tables of extensions that refer to each other, so that no order lets their rows in."""
    behind: Dict[int, str] = {}
    for table in reversed(catalog.tables):
        name = f"{table.schema.decode('utf-8', 'replace')}.{table.name.decode('utf-8', 'replace')}"
        for oid in table.refers_to:
            if oid in behind and table.rows > 0:
                yield f"{name} refers to {behind[oid]} and back"
        behind[table.oid] = name


def wal_fetch(options: argparse.Namespace, storage: Storage) -> int:
    """0: written. 1: the repository was read and has no such file.

    The caller makes 200 of all else. PostgreSQL takes every number up to 125 for "there is no such file": the end of recovery.
    """
    cluster = _open(options, storage)
    history = find_history(cluster, options.system_identifier)
    if wal.fetch(cluster, history.system_identifier, options.name, options.destination):
        return DONE
    # Storage that went away since the beginning has no such file either.
    open_repository(storage, warn)
    return WAL_ABSENT


def wal_list(options: argparse.Namespace, storage: Storage) -> int:
    cluster = _open(options, storage)
    history = find_history(cluster, options.system_identifier)
    facts = report.wal_facts(wal.list_segments(cluster, history), history.wal_segment_size)
    print(json.dumps(facts, indent=2) if options.json else report.wal_text(facts))
    return DONE


def check_hashes(options: argparse.Namespace, storage: Storage) -> int:
    check_cluster_name(options.cluster)
    folder = f"clusters/{options.cluster}"
    if not os.path.isdir(os.path.join(storage.directory, folder)):
        raise ReaderError(folder, "there is no such cluster")
    result = references.check_hashes(storage, folder)
    for note in result.notes:
        warn(note)
    for error in result.errors:
        print(f"error: {error}", file=sys.stderr)
    print(f"read {result.pack_count} packs, {result.byte_count} bytes: {len(result.errors)} errors")
    return FAILED if result.errors else DONE
