#!/usr/bin/python3
"""Measures pgcairn beside pgBackRest and pg_basebackup. Started by bench/run."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import platform
import shutil
import signal
import sys
import tarfile
import tempfile
import time

import clusters
import pgbackrest_tool
import pgcairn_tool
import program_start
import report
import results as measured
import server
from backup_and_restore import WrongRows, measure_backup_and_restore
from data_files import LEFT_OUT, bytes_of
from incremental import measure_loads, measure_shares
from logical_backup import measure_logical
from logical_shares import measure_logical_shares
from measured_process import CommandFailed, Runner, adopt_orphans
from pgbackrest_tool import NewerPgBackRest, PgBackRest
from pgcairn_tool import Pgcairn
from privileges import SERVER_USER, become_server_user, give_to_server_user
from restore_of_incremental import measure_restore_of_incremental
from wal_commands import WrongSegment, measure_wal_commands
from wal_segments import WalCluster

BUILD = pathlib.Path(__file__).resolve().parents[1] / "build"
PROGRAM = BUILD / "release/pgcairn"
# By bench/install-newer-pgbackrest; without it, there is one rival less.
NEWER_PGBACKREST = BUILD / "newer-pgbackrest.tar"
# By scripts/install-clients; without them, there is one rival less.
NEWER_CLIENTS = BUILD / "clients/17"
MIB = 1 << 20
# What one run leaves lying at its fullest: the cluster, what was restored, two or three repositories.
BYTES_PER_SCALE = 90 * MIB
BYTES_FOR_WAL = 8 << 30
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# What --only takes, and what each makes necessary.
SELECTIONS = {
    "backup": {measured.FULL_BACKUP},
    "restore": {measured.FULL_BACKUP, measured.RESTORE},
    "delta": {measured.FULL_BACKUP, measured.RESTORE, measured.DELTA_OF_INTACT,
              measured.DELTA_OF_CHANGED},
    "wal-push": {measured.PUSH_NEARLY_EMPTY, measured.PUSH_FULL},
    "wal-push-100": {measured.PUSH_NEARLY_EMPTY, measured.PUSH_FULL, measured.PUSH_HUNDRED},
    "wal-fetch": {measured.PUSH_NEARLY_EMPTY, measured.PUSH_FULL, measured.FETCH_NEARLY_EMPTY,
                  measured.FETCH_FULL},
    "start": {measured.START},
    "incremental": set(measured.INCREMENTAL_BACKUPS),
    "shares": {measured.changed_share(percent) for percent in measured.CHANGED_SHARES_PERCENT},
    "restore-incremental": {measured.RESTORE_OF_INCREMENTAL},
    "logical": {measured.LOGICAL_BACKUP, *measured.TABLE_RESTORES.values()},
    "logical-shares": {measured.LOGICAL_SHARES},
}
CHANGING = SELECTIONS["incremental"] | SELECTIONS["shares"] | SELECTIONS["restore-incremental"]


@dataclasses.dataclass(frozen=True)
class Settings:
    scale: int
    runs: int
    level: int
    jobs: int
    wanted: frozenset


def number(low, high):
    def parse(text):
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not in {low}-{high}")
        return value
    return parse


def selection(text):
    wanted = set()
    for name in text.split(","):
        if name not in SELECTIONS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SELECTIONS)}")
        wanted |= SELECTIONS[name]
    return frozenset(wanted)


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", description="Measures pgcairn beside pgBackRest and pg_basebackup.",
        epilog="The exit status says whether everything was measured, not whether targets are met.")
    parser.add_argument("--scale", type=number(1, 100_000), default=200,
                        help="size of the cluster, about 20 MiB each (default %(default)s: 4 GiB)")
    parser.add_argument("--runs", type=number(1, 1000), default=3,
                        help="how often each is measured (default %(default)s)")
    parser.add_argument("--only", type=selection, metavar="NAME,...", default=",".join(SELECTIONS),
                        help=f"which of {', '.join(SELECTIONS)} (default: all)")
    parser.add_argument("--level", type=number(1, 19), default=3,
                        help="zstd's level for all (default %(default)s, which is pgcairn's)")
    parser.add_argument("--jobs", type=number(1, 256), default=len(os.sched_getaffinity(0)),
                        help="threads or processes of each (default: the cores, %(default)s)")
    parser.add_argument("--dir", type=pathlib.Path, default=tempfile.gettempdir(),
                        help="where the scratch directory is made (default: TMPDIR, else /tmp)")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="make the clusters in DIR and leave them there, for the next run with it")
    parser.add_argument("--json", type=argparse.FileType("w", encoding="utf-8"), metavar="FILE",
                        help="write everything that was measured to FILE")
    parser.add_argument("--no-build", action="store_true",
                        help="measure build/release/pgcairn as it is, and install nothing")
    return parser.parse_args()


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def end_by_signal(received, _):
    # Unwinds everything that is open: processes are ended and directories removed on the way.
    raise SystemExit(128 + received)


@contextlib.contextmanager
def scratch_directory(parent):
    try:
        place = pathlib.Path(tempfile.mkdtemp(prefix="pgcairn-bench-", dir=parent))
    except OSError as refused:
        sys.exit(f"{refused}: name a place with --dir where the user that runs the servers may write "
                 f"(as root, that is {SERVER_USER})")
    try:
        yield place
    finally:
        for each in ENDING_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        shutil.rmtree(place)


def require_room(place, settings):
    free = shutil.disk_usage(place).free
    needed = settings.scale * BYTES_PER_SCALE + BYTES_FOR_WAL
    if free < needed:
        sys.exit(f"{place} has {free >> 20:,} MiB free, and scale {settings.scale} needs "
                 f"{needed >> 20:,}: name another place with --dir, or give a smaller --scale")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


@dataclasses.dataclass(frozen=True)
class Programs:
    pgcairn: pathlib.Path
    newer_pgbackrest: pathlib.Path | None
    newer_clients: pathlib.Path | None  # the folder of pg_dump


def copy_programs(scratch, pgcairn_file, newer_pgbackrest_file, newer_clients):
    """Into the scratch directory, where the server's user can start them."""
    pgcairn = scratch / "pgcairn"
    with open(pgcairn, "wb") as copy:
        shutil.copyfileobj(pgcairn_file, copy)
    pgcairn.chmod(0o755)
    if newer_pgbackrest_file:
        with tarfile.open(fileobj=newer_pgbackrest_file) as tar:
            tar.extractall(scratch)
    if newer_clients:
        with tarfile.open(fileobj=newer_clients) as tar:
            tar.extractall(scratch)
    return Programs(pgcairn,
                    scratch / "newer-pgbackrest/pgbackrest" if newer_pgbackrest_file else None,
                    scratch / "newer-clients/bin" if newer_clients else None)


def packed(folder):
    """A folder as an open file, which a user who cannot look into the folder can unpack; None when
    there is none."""
    if not folder.exists():
        return None
    file = tempfile.TemporaryFile()  # pylint: disable=consider-using-with
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(folder, arcname="newer-clients")
    file.seek(0)
    return file


def facts_of(settings, runner, programs):
    newer = programs.newer_pgbackrest
    return {
        "pgcairn": runner.run(pgcairn_tool.version_command(programs.pgcairn)).split("\n")[0],
        "pgBackRest": runner.run(pgbackrest_tool.version_command()).strip(),
        "newer pgBackRest": runner.run(pgbackrest_tool.version_command(newer)).strip()
                            if newer else "none: bench/install-newer-pgbackrest says why",
        "PostgreSQL": server.version(runner),
        "newer pg_dump": runner.run([programs.newer_clients / "pg_dump", "--version"]).strip()
                         if programs.newer_clients else "none: scripts/install-clients brings it",
        "zstd level": settings.level,
        "jobs": settings.jobs,
        "runs": settings.runs,
        "machine": f"{os.cpu_count()} cores, {processor()}, Linux {platform.release()}",
        "file system": runner.run(["stat", "-f", "-c", "%T", runner.directory]).strip(),
    }


def measure_all(settings, runner, programs, inputs):
    results = measured.Results()
    facts = facts_of(settings, runner, programs)
    if measured.START in settings.wanted:
        say("starting the programs")
        program_start.measure_start(settings, runner, programs.pgcairn, results)
    if measured.PUSH_FULL in settings.wanted:
        say("preparing segments of WAL")
        wal = WalCluster(inputs)
        wal.make(runner)
        measure_wal_commands(settings, runner, programs.pgcairn, wal, results, say)
    if measured.LOGICAL_SHARES in settings.wanted:
        measure_logical_shares(settings, runner, programs, results, say)
    if settings.wanted & {measured.FULL_BACKUP, measured.LOGICAL_BACKUP, *CHANGING}:
        say(f"preparing a cluster of scale {settings.scale}")
        data = inputs / "data"
        clusters.large_cluster(runner, data, settings.scale)
        size = bytes_of(data, LEFT_OUT)
        facts["cluster"] = f"scale {settings.scale}, {size / MIB:,.0f} MiB without WAL"
        if measured.FULL_BACKUP in settings.wanted:
            measure_backup_and_restore(settings, runner, programs.pgcairn, data, results, say)
        if measured.LOGICAL_BACKUP in settings.wanted:
            measure_logical(settings, runner, programs, data, results, say)
        if settings.wanted & CHANGING:
            with clusters.cluster_to_change(runner, data) as changing:
                measure_changing_cluster(settings, runner, programs, changing, results)
    return facts, results


def measure_changing_cluster(settings, runner, programs, cluster, results):
    def tools(place):
        made = [Pgcairn(runner, programs.pgcairn, place / "pgcairn", cluster, settings),
                PgBackRest(runner, place / "pgbackrest", cluster, settings)]
        if programs.newer_pgbackrest:
            made.append(NewerPgBackRest(programs.newer_pgbackrest, runner,
                                        place / "newer-pgbackrest", cluster, settings))
        return made

    # First what needs a row in each page, last what changes most.
    if settings.wanted & SELECTIONS["shares"]:
        measure_shares(settings, runner, cluster, tools, results, say)
    if settings.wanted & SELECTIONS["restore-incremental"]:
        measure_restore_of_incremental(settings, runner, programs.pgcairn, cluster, results, say)
    if settings.wanted & SELECTIONS["incremental"]:
        measure_loads(settings, runner, cluster, tools, results, say)


def main():
    arguments = parse_arguments()
    settings = Settings(arguments.scale, arguments.runs, arguments.level, arguments.jobs,
                        arguments.only)
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is missing: leave out --no-build")
    keep = arguments.keep.resolve() if arguments.keep else None
    if keep and not keep.exists():
        keep.mkdir(mode=0o700)
        give_to_server_user(keep)
    # The checkout may lie where the server's user cannot look: all that is needed of it is open now.
    with contextlib.ExitStack() as open_files:
        program_file = open_files.enter_context(open(PROGRAM, "rb"))
        newer_pgbackrest_file = (open_files.enter_context(open(NEWER_PGBACKREST, "rb"))
                                 if NEWER_PGBACKREST.exists() else None)
        newer_clients = packed(NEWER_CLIENTS)
        become_server_user()
        for each in ENDING_SIGNALS:
            # nohup and background jobs have a signal ignored on purpose.
            if signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, end_by_signal)
        adopt_orphans()
        with scratch_directory(arguments.dir) as scratch:
            require_room(scratch, settings)
            os.chdir(scratch)
            programs = copy_programs(scratch, program_file, newer_pgbackrest_file, newer_clients)
            runner = Runner(scratch, {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                                      "HOME": str(scratch), "TMPDIR": str(scratch)})
            facts, results = measure_all(settings, runner, programs, keep or scratch)
    report.print_tables(facts, results)
    if arguments.json:
        report.write_json(arguments.json, facts, results)
        arguments.json.close()


if __name__ == "__main__":
    try:
        main()
    except (CommandFailed, WrongRows, WrongSegment) as failure:
        sys.exit(f"bench/run: {failure}")
