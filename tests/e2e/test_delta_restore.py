"""`restore --delta`: whatever lies in a data directory of the cluster becomes what an ordinary restore
makes of an empty one, and nothing that is right already is written."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
from types import SimpleNamespace

import psycopg2
import pytest

from bulk_rows import make_bulk
from cluster_contents import contents, fill, require_equal
from debian_server import DebianServer
from killed_runs import duration_of, generator, random_points, run_and_kill, start
from restore_proof import ALONE, cold_contents, repository_is_valid, require_recovers
from scratch import BINDIR, Scratch, as_server_user, give_to_server_user, wait_for
from small_disk import SmallDisk
from tree_state import changes, tree_state

pytestmark = pytest.mark.slow

REFUSED, USAGE, NO_SPACE = 12, 2, 8
PAGE = 8192
MARKER = "pgcairn.restoring"
# A tablespace's directory of another major version, and anything else beside its own, is not ours.
THEIRS = {"PG_99_999999999/5/1": "theirs", "readme": "theirs too"}


class Victim:
    """A directory that `restore --delta` is to bring to the backup's state, its tablespace, and what
    an ordinary restore left there."""

    def __init__(self, backed_up, name, options=()):
        self.scratch = backed_up.scratch
        self.server = self.scratch.server(name)
        self.data = self.server.data
        self.space = self.scratch.root / f"{name} space"
        self.arguments = ["restore", f"--target-dir={self.data}", f"--source={backed_up.backup}",
                          f"--tablespace-map={backed_up.tablespace}={self.space}", *options]
        self.ordinary = self.scratch.pgcairn_json(*self.arguments)
        self.expected = self.state()

    def state(self):
        return {"data": tree_state(self.data), "space": tree_state(self.space),
                "modes": [oct(path.stat().st_mode) for path in (self.data, self.space)]}

    def differences(self, expected=None):
        found, expected = self.state(), expected or self.expected
        return [*changes(expected["data"], found["data"]),
                *changes(expected["space"], found["space"]),
                *([] if found["modes"] == expected["modes"] else [f"modes {found['modes']}"])]

    def restore(self):
        report = self.scratch.pgcairn_json(*self.arguments, "--delta")
        assert self.differences() == []
        return report

    def relations(self):
        """The files of relations, and their pages."""
        files = [path for folder in ("base", "global") for path in (self.data / folder).rglob("*")]
        files += (self.space).glob("PG_15*/**/*")
        return [path for path in files
                if path.is_file() and path.name.split(".")[0].split("_")[0].isdigit()]

    def is_unchanged(self, path):
        info = path.stat()
        return (info.st_mtime_ns, info.st_ctime_ns, info.st_ino)

    def put(self, path, text, mode=0o600):
        """A file of the server's user, with the directories above it."""
        path = pathlib.Path(path)
        missing = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        for made in (path, *missing):
            give_to_server_user(made)


@pytest.fixture(name="backed_up", scope="module")
def _backed_up():
    """A backup of a cluster with a tablespace. Its server is stopped and has gone on meanwhile."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        tablespace = scratch.make_directory("fast")
        server.start()
        fill(server, tablespace)
        make_bulk(server, 48)
        key_file = scratch.protect(server)["key_file"]
        backup = scratch.pgcairn_json("backup")["backup_id"]
        server.sql("CREATE TABLE since AS SELECT generate_series(1, 1000) g")
        held = cold_contents(server)
        yield SimpleNamespace(scratch=scratch, server=server, tablespace=tablespace,
                              backup=backup, held=held, key_file=key_file)


@pytest.fixture(name="victim")
def _victim(backed_up, request):
    name = request.node.name.removeprefix("test_")[:40]
    victim = Victim(backed_up, name)
    yield victim
    victim.server.stop("immediate")
    for place in (victim.data, victim.space):
        shutil.rmtree(place, ignore_errors=True)


def overwrite(path, page, content):
    with open(path, "r+b") as file:
        file.seek(page * PAGE)
        file.write(content)


def test_an_intact_directory_is_read_and_not_written(victim):
    relations = victim.relations()
    assert len(relations) > 900
    before = {path: victim.is_unchanged(path) for path in relations}
    report = victim.restore()
    assert [path for path in relations if victim.is_unchanged(path) != before[path]] == []
    pages = sum(-(-path.stat().st_size // PAGE) for path in relations)
    assert report["pages_compared"] == pages
    assert report["pages_written"] == 0
    # postgresql.auto.conf, which the restore itself has changed.
    assert report["bytes_written"] <= PAGE
    assert report["bytes_fetched"] < victim.ordinary["bytes_fetched"] / 10
    assert report["files"] == victim.ordinary["files"]
    assert victim.ordinary["pages_compared"] == victim.ordinary["files_removed"] == 0


def test_of_one_percent_changed_pages_about_those_are_written(victim, backed_up, seed):
    rng = random.Random(seed)
    pages = [(path, page) for path in victim.relations()
             for page in range(path.stat().st_size // PAGE)]
    changed = rng.sample(pages, len(pages) // 100)
    for path, page in changed:
        overwrite(path, page, rng.randbytes(rng.choice((1, 100, PAGE))) + b"\1")
    report = victim.restore()
    # A page and its neighbour, when the last byte fell into that.
    assert len(changed) <= report["pages_written"] <= 2 * len(changed)
    assert report["pages_written"] < len(pages) / 40
    assert report["bytes_written"] <= (report["pages_written"] + 1) * PAGE

    # The reader, which was written from docs/format.md alone, sees the same bytes in the backup.
    scratch = victim.scratch
    by_the_reader = scratch.root / "by-the-reader"
    scratch.make_directory("by-the-reader")
    scratch.run(["/usr/bin/python3", scratch.reader, "--repository", scratch.root / "repository",
                 "--key-file", backed_up.key_file, "restore", backed_up.backup,
                 by_the_reader, "--tablespace-map",
                 f"{backed_up.tablespace}={scratch.root}/readers-space"])
    assert [path for path in changes(tree_state(by_the_reader), tree_state(victim.data))
            if not path.startswith("pg_tblspc/")
            and path not in ("recovery.signal", "postgresql.auto.conf", "tablespace_map")] == []
    assert changes(tree_state(scratch.root / "readers-space"), tree_state(victim.space)) == []


def mess_up(victim, rng):
    """All that can have happened to files, in one directory."""
    relations = sorted(path for path in victim.relations() if path.stat().st_size >= 4 * PAGE)
    rng.shuffle(relations)
    gone, cut, torn, longer, zeroed, moved = relations[:6]
    gone.unlink()
    os.truncate(cut, PAGE)
    os.truncate(torn, torn.stat().st_size - 100)
    with open(longer, "ab") as file:
        file.write(rng.randbytes(3 * PAGE + 5))
    zeroed.write_bytes(bytes(zeroed.stat().st_size))
    moved.rename(moved.with_name("999999"))
    os.link(relations[6], victim.scratch.root / f"{victim.data.name}.second-name")
    overwrite(relations[6], 1, b"not for the other name")
    relations[7].unlink()
    relations[7].symlink_to(relations[8])
    relations[9].unlink()
    victim.put(relations[9] / "with/content", "a directory in the way of a file")
    relations[10].chmod(0o400)
    # A database dropped, one made, a file where a directory was.
    databases = sorted(path for path in (victim.data / "base").iterdir() if path.name.isdigit())
    shutil.rmtree(databases[-1])
    shutil.copytree(databases[0], victim.data / "base/777777")
    for path in [victim.data / "base/777777", *(victim.data / "base/777777").rglob("*")]:
        give_to_server_user(path)
    shutil.rmtree(victim.data / "pg_logical")
    victim.put(victim.data / "pg_logical", "no directory")
    (victim.data / "base").chmod(0o777)
    for path in ("recovery.signal", "standby.signal", "backup_label.old", "postmaster.opts",
                 "global/pg_internal.init", "base/pgsql_tmp/pgsql_tmp12.0", "pg_replslot/s/state",
                 "pg_stat/pgstat.stat", "global/pg_control.pgcairn-tmp.1", "backup_manifest"):
        victim.put(victim.data / path, "old")
    victim.put(victim.data / "backup_label", "START WAL LOCATION: 0/1\n")
    victim.put(victim.data / "tablespace_map", "1 /nowhere\n")
    victim.put(victim.data / "postmaster.pid", f"999999999\n{victim.data}\n")
    with open(victim.data / "postgresql.auto.conf", "a", encoding="utf-8") as conf:
        conf.write("recovery_target_name = 'of long ago'\nrecovery_target_xid = '7'\n")
    # WAL of a future that is given up.
    victim.put(victim.data / "pg_wal/0000000100000000000000FF", "future")
    victim.put(victim.data / "pg_wal/archive_status/0000000100000000000000FF.done", "")
    # Strangers in the tablespace.
    [version] = [path.name for path in victim.space.iterdir() if path.name.startswith("PG_15")]
    for path, text in THEIRS.items():
        victim.put(victim.space / path, text)
    victim.put(victim.space / version / "5/999", "future")


def require_strangers_kept(place):
    for path, text in THEIRS.items():
        assert (place / path).read_text() == text
        (place / path).unlink()
    shutil.rmtree(place / "PG_99_999999999")


def test_every_kind_of_change_is_taken_back(victim, backed_up, seed):
    second = victim.scratch.root / f"{victim.data.name}.second-name"
    mess_up(victim, random.Random(seed))
    report = victim.scratch.pgcairn_json(*victim.arguments, "--delta")
    assert report["files_removed"] > 15
    assert 0 < report["pages_written"] < victim.ordinary["pages_written"]
    require_strangers_kept(victim.space)
    assert victim.differences() == []
    assert b"not for the other name" in second.read_bytes()
    require_recovers(victim.server, backed_up.held)


def link_to(place, link):
    link.rename(place)
    link.symlink_to(place)


def copy_of(data, copy):
    """As `cp -a` makes one."""
    shutil.copytree(data, copy, symlinks=True)
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            give_to_server_user(path)


def write(place, files):
    for path, text in files.items():
        path = place / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in place.rglob("*"):
        give_to_server_user(path)


def test_links_of_the_clusters_own_directory_stay_and_their_places_are_emptied(protected):
    scratch, server = protected
    server.sql("CREATE TABLE t AS SELECT 42 AS n")
    scratch.pgcairn("backup")
    later = scratch.make_directory("later")
    server.sql(f"CREATE TABLESPACE later LOCATION '{later}'")
    before = server.sql("SELECT pg_current_wal_lsn()")
    server.sql("CREATE TABLE mistake TABLESPACE later AS SELECT 1")
    server.wait_archived()
    server.stop()
    [version] = [path.name for path in later.iterdir()]
    write(later, THEIRS)
    wal = scratch.root / "the wal"
    link_to(wal, server.data / "pg_wal")
    write(wal, {"000000010000000000000099": "old", "00000007.history": "old", "dear.jpg": "1"})
    refused = scratch.pgcairn("restore", "--delta", check=False)
    assert refused.returncode == REFUSED and "dear.jpg" in refused.stderr
    (wal / "dear.jpg").unlink()
    scratch.pgcairn("restore", "--type=pitr", f"--lsn={before}", "--delta")
    assert os.readlink(server.data / "pg_wal") == str(wal)
    assert [path.name for path in wal.iterdir()] == ["archive_status"]
    assert list((server.data / "pg_tblspc").iterdir()) == []
    assert not (later / version).exists()
    assert {path: (later / path).read_text() for path in THEIRS} == THEIRS
    server.start_recovered()
    assert server.sql("SELECT n, to_regclass('mistake') IS NULL FROM t") == "42|t"


def test_links_of_a_copy_that_lead_to_the_originals_places_are_refused(protected):
    """Through them the original's WAL and tablespaces would be emptied."""
    scratch, server = protected
    kept = scratch.make_directory("kept")
    server.sql(f"CREATE TABLESPACE kept LOCATION '{kept}'")
    server.sql("CREATE TABLE t TABLESPACE kept AS SELECT 42 AS n")
    scratch.pgcairn("backup")
    later = scratch.make_directory("later")
    server.sql(f"CREATE TABLESPACE later LOCATION '{later}'")
    server.sql("CREATE TABLE since TABLESPACE later AS SELECT 43 AS n")
    server.wait_archived()
    server.stop()
    for waiting in (server.data / "pg_wal/archive_status").glob("*.ready"):
        waiting.unlink()
    wal = scratch.root / "the wal"
    link_to(wal, server.data / "pg_wal")
    copy = scratch.root / "copy"
    copy_of(server.data, copy)
    originals = {place: tree_state(place) for place in (server.data, wal, kept, later)}
    arguments = ["restore", "--type=pitr", "--immediate", f"--target-dir={copy}", "--delta",
                 f"--tablespace-map={kept}={scratch.root}/kept of the copy"]

    def refused(link):
        before = tree_state(copy)
        result = scratch.pgcairn(*arguments, check=False)
        assert result.returncode == REFUSED, result.stdout + result.stderr
        for word in (f"{link} is a link to {os.readlink(link)}", "HINT", "remove the link"):
            assert word in result.stderr, result.stderr
        assert changes(before, tree_state(copy)) == []

    refused(copy / "pg_wal")
    (copy / "pg_wal").unlink()
    [link] = [path for path in (copy / "pg_tblspc").iterdir() if os.readlink(path) == str(later)]
    refused(link)
    link.unlink()
    # The link to the tablespace that the backup has is replaced, and then is this copy's own.
    for _ in range(2):
        scratch.pgcairn(*arguments)
    for place, before in originals.items():
        assert changes(before, tree_state(place)) == []
    restored = scratch.server("copy")
    restored.start_recovered()
    assert restored.sql("SELECT n, to_regclass('since') IS NULL FROM t") == "42|t"
    restored.stop()
    server.start("archive_mode=off")
    assert server.sql("SELECT t.n, since.n FROM t, since") == "42|43"


@pytest.mark.parametrize("end", ["fast", "immediate"])
def test_a_promoted_clone_becomes_the_backup_again(victim, backed_up, end):
    """It has the same system identifier, another timeline, and pages newer than the backup's."""
    server = victim.server
    server.start_recovered("archive_mode=off")
    assert server.sql("SELECT timeline_id FROM pg_control_checkpoint()") == "2"
    later = victim.scratch.make_directory(f"later {end}")
    server.sql(f"CREATE TABLESPACE later LOCATION '{later}'")
    server.sql("CREATE DATABASE future TABLESPACE later")
    server.sql("DROP DATABASE elsewhere")
    server.sql("UPDATE bulk SET id = -id WHERE id % 10 = 0")
    server.sql("DROP TABLE since")
    server.sql("VACUUM FULL", "app")
    server.sql("CHECKPOINT")
    server.sql("INSERT INTO bulk SELECT * FROM bulk LIMIT 1000")
    server.stop(end)
    # Nothing tells this tablespace of its own from one of the original that it is a copy of.
    [link] = [path for path in (victim.data / "pg_tblspc").iterdir()
              if os.readlink(path) == str(later)]
    expect_refusal(victim, str(link), str(later), "remove the link")
    link.unlink()
    kept = tree_state(later)
    report = victim.restore()
    assert changes(kept, tree_state(later)) == []
    assert 0 < report["pages_written"] < report["pages_compared"]
    require_recovers(server, backed_up.held)


def test_a_point_in_time_in_the_clusters_own_place(scratch):
    """The disaster that this is for: a server went on after a mistake and is set back."""
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    make_bulk(server, 24)
    scratch.pgcairn("backup")
    server.sql("CREATE TABLE kept AS SELECT generate_series(1, 100) g")
    before = server.sql("SELECT pg_create_restore_point('before')")
    server.sql("DROP TABLE bulk")
    server.sql("CREATE TABLE mistake AS SELECT generate_series(1, 1000) g")
    server.wait_archived()
    server.stop()
    report = scratch.pgcairn_json("restore", "--type=pitr", f"--lsn={before}", "--delta")
    assert report["data_directory"] == str(server.data)
    server.start_recovered()
    assert server.sql("SELECT count(*) FROM kept") == "100"
    assert int(server.sql("SELECT count(*) FROM bulk")) > 40000
    assert server.sql("SELECT to_regclass('mistake') IS NULL") == "t"
    # And on to the end of what was archived, although this server has promoted meanwhile: it is on
    # a timeline of its own, which was never archived.
    server.stop()
    scratch.pgcairn("restore", "--delta")
    server.start_recovered()
    assert server.sql("SELECT count(*) FROM mistake") == "1000"
    assert server.sql("SELECT to_regclass('bulk') IS NULL") == "t"


def test_debians_place_comes_back_with_its_configuration_untouched(scratch):
    server = DebianServer(scratch, scratch.root / "data")
    scratch.servers.append(server)
    server.initdb()
    scratch.protect(server)
    server.sql("CREATE TABLE t AS SELECT 42 AS n")
    scratch.pgcairn("backup")
    server.sql("INSERT INTO t VALUES (43)")
    server.wait_archived()
    server.stop("immediate")
    for path in (server.data / "base").rglob("1259"):
        path.unlink()
    etc = tree_state(scratch.root / "etc")
    for waiting in (server.data / "pg_wal/archive_status").glob("*.ready"):
        waiting.unlink()
    report = scratch.pgcairn_json("restore", "--delta")
    assert report["data_directory"] == str(server.data)
    assert changes(etc, tree_state(scratch.root / "etc")) == []
    server.start_recovered()
    assert server.sql("SELECT sum(n) FROM t") == "85"
    assert server.sql("SHOW work_mem") == "7MB"


@pytest.fixture(name="debian")
def _debian(scratch):
    """A cluster of Debian's kind that was restored elsewhere: its target, and the restore's words."""
    server = DebianServer(scratch, scratch.root / "data")
    scratch.servers.append(server)
    server.initdb()
    scratch.protect(server)
    scratch.pgcairn("backup")
    server.stop()
    target = scratch.root / "restored"
    arguments = ["restore", "--type=full", f"--target-dir={target}"]
    scratch.pgcairn(*arguments)
    return SimpleNamespace(scratch=scratch, target=target, arguments=[*arguments, "--delta"],
                           config=scratch.root / "restored.config")


def test_configuration_from_outside_becomes_what_the_backup_has_too(debian):
    """A server that includes a directory would read what was left there."""
    scratch, config = debian.scratch, debian.config
    expected = tree_state(config)
    [main] = config.rglob("postgresql.conf")
    memory = main.parent / "conf.d/memory.conf"
    elsewhere = scratch.make_directory("elsewhere")

    def differences():
        scratch.pgcairn(*debian.arguments)
        return changes(expected, tree_state(config))

    write(config, {"stray": "1", "opt/pg/more.conf": "x = 1"})
    write(main.parent, {"conf.d/zz.conf": "work_mem = '1GB'", "conf.d/old/a.conf": "y = 1"})
    memory.write_text("work_mem = '8MB'\n")
    (main.parent / "pg_ident.conf").unlink()
    assert differences() == []
    assert "7MB" in memory.read_text()

    # Links in the place of a file and of a directory are not followed.
    write(elsewhere, {"mine": "dear", "conf.d/mine.conf": "dear", "conf.d/memory.conf": "dear"})
    before = tree_state(elsewhere)
    shutil.rmtree(main.parent / "conf.d")
    (main.parent / "conf.d").symlink_to(elsewhere / "conf.d")
    (main.parent / "pg_hba.conf").unlink()
    (main.parent / "pg_hba.conf").symlink_to(elsewhere / "mine")
    assert differences() == []
    assert changes(before, tree_state(elsewhere)) == []

    shutil.rmtree(config)
    assert differences() == []


def test_a_place_for_configuration_that_is_no_restores_is_refused(debian):
    scratch, config = debian.scratch, debian.config
    kept = config.with_name("kept")
    config.rename(kept)
    before = tree_state(kept)

    def refused(word):
        untouched = tree_state(debian.target)
        result = scratch.pgcairn(*debian.arguments, check=False)
        assert result.returncode == REFUSED, result.stdout + result.stderr
        assert str(config) in result.stderr and word in result.stderr
        assert "HINT" in result.stderr and "incomplete" not in result.stderr
        assert changes(untouched, tree_state(debian.target)) == []

    config.symlink_to(kept)
    refused("is a link")
    config.unlink()
    config.write_text("settings of another program")
    refused("is no directory")
    config.unlink()
    scratch.make_directory(config.name)
    write(config, {"settings/of": "another program"})
    refused("settings")
    assert (config / "settings/of").read_text() == "another program"
    shutil.rmtree(config)
    assert changes(before, tree_state(kept)) == []
    kept.rename(config)
    [top] = config.iterdir()
    top.chmod(0o755)
    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*as_root, "chown", "root", top], check=True)
    refused("belongs to another user")
    subprocess.run([*as_root, "chown", f"{debian.target.stat().st_uid}", top], check=True)
    top.chmod(0o700)
    scratch.pgcairn(*debian.arguments)
    assert changes(before, tree_state(config)) == []


# kill -9

def require_no_server_starts(victim):
    result = victim.scratch.run([BINDIR / "postgres", "-D", victim.data], check=False)
    assert result.returncode != 0
    assert "ready to accept connections" not in result.stderr


def require_one_of(victim, untouched):
    """After a kill: nothing has begun, or no server starts, or all is done. Says which."""
    if not (victim.data / "global/pg_control").exists():
        assert (victim.data / MARKER).exists()
        require_no_server_starts(victim)
        return "half"
    marked = [path for path in victim.differences() if path != MARKER]
    if marked == []:
        return "whole"
    apart = [path for path in victim.differences(untouched)
             if path not in (MARKER, "postmaster.pid") and not path.startswith(MARKER)]
    assert apart == []
    return "untouched"


def test_a_killed_delta_restore_never_starts_and_goes_on(victim, backed_up, seed):
    rng = generator(seed, "delta")
    relations = victim.relations()

    def spoil():
        for path in rng.sample(relations, 60):
            size = path.stat().st_size if path.exists() else 0
            if size >= PAGE:
                overwrite(path, rng.randrange(size // PAGE), rng.randbytes(100))
        rng.choice(relations).unlink(missing_ok=True)
        victim.put(victim.data / "base/1/987654", "future")
        victim.put(victim.data / "pg_wal/0000000100000000000000FF", "future")

    def delta():
        spoil()
        victim.scratch.pgcairn(*victim.arguments, "--delta")

    duration = duration_of(delta)
    seen = []
    for delay in random_points(rng, 12, duration):
        killed = False
        while not killed:
            spoil()
            before = victim.state()
            killed = run_and_kill(
                lambda: start(victim.scratch, *victim.arguments, "--delta"), delay)
            delay *= 0.8  # the run was quicker
        seen.append(require_one_of(victim, before))
        # And the one that goes on is killed as well, half of the time.
        if rng.random() < 0.5:
            before = victim.state()
            if run_and_kill(lambda: start(victim.scratch, *victim.arguments, "--delta"),
                            rng.random() * duration):
                require_one_of(victim, before)
        victim.restore()
    print(f"12 kills within {duration:.2f} s: {seen}")
    assert "half" in seen
    repository_is_valid(victim.scratch)
    require_recovers(victim.server, backed_up.held)


def test_a_killed_ordinary_restore_is_finished_by_a_delta_restore(victim, backed_up, seed):
    rng = generator(seed, "ordinary")

    def empty():
        for place in (victim.data, victim.space):
            shutil.rmtree(place, ignore_errors=True)

    def ordinary():
        empty()
        victim.scratch.pgcairn(*victim.arguments)

    duration = duration_of(ordinary)
    half = 0
    for delay in random_points(rng, 8, duration):
        killed = False
        while not killed:
            empty()
            killed = run_and_kill(lambda: start(victim.scratch, *victim.arguments), delay)
            delay *= 0.8
        if (victim.data / MARKER).exists() and not (victim.data / "global/pg_control").exists():
            half += 1
            require_no_server_starts(victim)
            again = victim.scratch.pgcairn(*victim.arguments, check=False)
            assert again.returncode == REFUSED and "--delta" in again.stderr
        victim.restore()
    assert half > 0
    require_recovers(victim.server, backed_up.held)


# Refusals

def expect_refusal(victim, *words, status=REFUSED, arguments=None):
    """Nothing is changed."""
    before = victim.state()
    result = victim.scratch.pgcairn(*(arguments or victim.arguments), "--delta", check=False)
    assert result.returncode == status, result.stdout + result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
    assert "HINT" in result.stderr
    assert victim.differences(before) == []


def test_what_must_not_be_written_over_is_refused(victim):
    scratch, data = victim.scratch, victim.data
    kept = (data / "global/pg_control").read_bytes()

    other = scratch.server("of another cluster")
    other.initdb()
    shutil.copy(other.data / "global/pg_control", data / "global/pg_control")
    expect_refusal(victim, "belongs to another cluster")
    (data / "global/pg_control").unlink()
    expect_refusal(victim, "no data directory")
    (data / "global/pg_control").write_bytes(kept[:100] + b"!" + kept[101:])
    give_to_server_user(data / "global/pg_control")
    expect_refusal(victim, "pg_control", status=5)
    (data / "global/pg_control").write_bytes(kept)

    sleeper = subprocess.Popen(as_server_user(["sleep", "600"]), cwd=scratch.root)
    try:
        victim.put(data / "postmaster.pid", f"{sleeper.pid}\n{data}\n")
        wait_for(lambda: pathlib.Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n", "it")
        expect_refusal(victim, f"process {sleeper.pid}", "postmaster.pid")
    finally:
        sleeper.kill()
        sleeper.wait()
    (data / "postmaster.pid").unlink()

    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*as_root, "chown", "root", data / "PG_VERSION"], check=True)
    expect_refusal(victim, "PG_VERSION belongs to another user")
    subprocess.run([*as_root, "chown", f"{data.stat().st_uid}", data / "PG_VERSION"], check=True)

    victim.put(data / "pg_wal/archive_status/000000010000000000000003.ready", "")
    expect_refusal(victim, "000000010000000000000003", "wal push")
    (data / "pg_wal/archive_status/000000010000000000000003.ready").unlink()

    [version] = [path.name for path in victim.space.iterdir()]
    stranger = scratch.make_directory("strangers space")
    victim.put(stranger / version / "5/1", "theirs")
    elsewhere = [*victim.arguments[:-1], victim.arguments[-1].split("=", 2)[0] + "=" +
                 victim.arguments[-1].split("=", 2)[1] + f"={stranger}"]
    expect_refusal(victim, str(stranger), arguments=elsewhere)

    usage = scratch.pgcairn("restore", "--test", "--delta", check=False)
    assert usage.returncode == USAGE
    victim.restore()


def test_a_running_server_is_refused_and_so_is_a_place_that_one_uses(victim, backed_up):
    scratch, server = victim.scratch, victim.server
    server.start_recovered("archive_mode=off")
    result = scratch.pgcairn(*victim.arguments, "--delta", check=False)
    assert result.returncode == REFUSED and str(victim.data) in result.stderr
    # Without the file that says so, as well.
    (victim.data / "postmaster.pid").rename(victim.scratch.root / "pid-aside")
    result = scratch.pgcairn(*victim.arguments, "--delta", check=False)
    assert result.returncode == REFUSED and "process" in result.stderr
    (victim.scratch.root / "pid-aside").rename(victim.data / "postmaster.pid")
    assert server.sql("SELECT count(*) FROM since") == "1000"

    # A copy of it has links that lead to the running server's tablespace.
    copy = scratch.root / "copy"
    copy_of(victim.data, copy)
    (copy / "postmaster.pid").unlink()
    before = tree_state(copy)
    result = scratch.pgcairn("restore", f"--target-dir={copy}", f"--source={backed_up.backup}",
                             victim.arguments[3], "--delta", check=False)
    assert result.returncode == REFUSED and str(victim.space) in result.stderr
    assert changes(before, tree_state(copy)) == []
    assert server.sql("SELECT count(*) FROM t", "elsewhere") == "5000"
    shutil.rmtree(copy)


@pytest.mark.parametrize("missing", ("all packs", "one pack", "the end of one"))
def test_a_backup_that_cannot_be_read_leaves_the_directory_as_it_is(victim, missing):
    packs = victim.scratch.root / "repository/clusters/main/packs"
    largest = max((path for path in packs.rglob("*") if path.is_file()),
                  key=lambda path: path.stat().st_size)
    moved = packs if missing == "all packs" else largest
    aside = victim.scratch.root / "aside"
    before = tree_state(victim.data)
    moved.rename(aside)
    if missing == "the end of one":
        moved.write_bytes(aside.read_bytes()[:-1])
        give_to_server_user(moved)
    try:
        result = victim.scratch.pgcairn(*victim.arguments, "--delta", check=False)
    finally:
        aside.rename(moved)
    assert result.returncode not in (0, REFUSED), result.stderr
    assert moved.name in result.stderr or missing == "all packs", result.stderr
    assert changes(before, tree_state(victim.data)) == []
    victim.restore()


def test_two_restores_of_one_directory_do_not_mix(victim):
    first = start(victim.scratch, *victim.arguments, "--delta")
    try:
        wait_for(lambda: (victim.data / MARKER).exists() or first.poll() is not None, "its marker")
        first.send_signal(signal.SIGSTOP)
        assert (victim.data / MARKER).exists(), "it was too quick to be met"
        result = victim.scratch.pgcairn(*victim.arguments, "--delta", check=False)
        assert result.returncode == REFUSED and "another restore" in result.stderr
    finally:
        first.send_signal(signal.SIGCONT)
        assert first.wait(60) == 0
    assert victim.differences() == []


def test_a_full_disk_is_told_before_anything_is_touched_or_leaves_what_can_go_on(scratch):
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    make_bulk(server, 40)
    scratch.pgcairn("backup")
    server.stop()
    with SmallDisk(scratch.root / "disk", "200m") as disk:
        target = disk.path / "data"
        arguments = ["restore", f"--target-dir={target}"]
        scratch.pgcairn(*arguments)
        expected = tree_state(target)
        biggest = max((path for path in target.rglob("*") if path.is_file()),
                      key=lambda path: path.stat().st_size)
        biggest.unlink()
        disk.fill()
        before = tree_state(target)
        result = scratch.pgcairn(*arguments, "--delta", check=False)
        assert result.returncode == NO_SPACE, result.stderr
        assert changes(before, tree_state(target)) == []
        (disk.path / "ballast").unlink()
        scratch.pgcairn(*arguments, "--delta")
        assert changes(expected, tree_state(target)) == []


def test_an_empty_or_absent_directory_is_restored_as_ever(backed_up):
    scratch = backed_up.scratch
    target, space = scratch.root / "empty one", scratch.root / "empty space"
    arguments = ["restore", f"--target-dir={target}", f"--source={backed_up.backup}",
                 f"--tablespace-map={backed_up.tablespace}={space}", "--delta"]
    for make in (lambda: None, lambda: scratch.make_directory(target.name)):
        make()
        report = json.loads(scratch.pgcairn("--output=json", *arguments).stdout)
        assert report["pages_compared"] == 0 and report["files_removed"] == 0
        assert (target / "global/pg_control").exists() and not (target / MARKER).exists()
        shutil.rmtree(target)
        shutil.rmtree(space)
    # A stranger's files at the tablespace's place are refused as by an ordinary restore.
    scratch.make_directory(space.name)
    (space / "precious").write_text("1")
    assert scratch.pgcairn(*arguments, check=False).returncode == REFUSED
    shutil.rmtree(space)
