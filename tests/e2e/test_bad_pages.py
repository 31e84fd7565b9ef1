"""Pages that fail their checksum: damage is named and never trusted, a page that is being written
is no damage."""

import contextlib
import random
import subprocess

import pytest

from preloaded_writes import PAGES_IN_HALVES, build_library
from restore_proof import ALONE, cold_contents, require_restorable
from scratch import CLIENT_BINDIR, as_server_user

NOT_FOUND, CORRUPT_PAGES = 3, 16
PAGE = 8192


def make_table(server, name, rows=20000, options=""):
    """A table that nobody touches any more: nothing of it is in the server's memory after the next
    start. Returns its path."""
    server.sql(f"CREATE TABLE {name} {options} AS SELECT g AS id, md5(g::text) AS body "
               f"FROM generate_series(1, {rows}) g")
    server.sql(f"VACUUM (FREEZE) {name}")
    server.sql("CHECKPOINT")
    return server.sql(f"SELECT pg_relation_filepath('{name}')")


def damage(path, block, rng):
    """Changes one byte of the page, anywhere but in the LSN, by which pages under change are
    told."""
    at = block * PAGE + rng.randrange(8, PAGE)
    with open(path, "r+b") as file:
        file.seek(at)
        [old] = file.read(1)
        file.seek(at)
        file.write(bytes([old ^ rng.randrange(1, 256)]))
    return at


@pytest.mark.slow
def test_a_damaged_page_is_named_and_its_backup_never_chosen(scratch, seed):
    rng = random.Random(seed)
    server = scratch.server()
    server.initdb()
    server.configure("autovacuum = off")
    server.start()
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
    paths = [make_table(server, "here"), make_table(server, "there", options="TABLESPACE side")]
    server.sql("CREATE INDEX here_index ON here (id)")
    server.sql("CHECKPOINT")
    paths.append(server.sql("SELECT pg_relation_filepath('here_index')"))
    scratch.protect(server)
    good = scratch.pgcairn_json("backup")
    assert good["bad_page_count"] == 0
    server.sql("CREATE TABLE later AS SELECT 1")

    planted = set()
    for path in paths:
        blocks = (server.data / path).stat().st_size // PAGE
        for block in rng.sample(range(blocks), 2):
            damage(server.data / path, block, rng)
            planted.add((path, block))
    bad = scratch.pgcairn("--output=json", "backup", check=False)
    assert bad.returncode == CORRUPT_PAGES
    for path, block in planted:
        assert f"{path} block {block}\n" in bad.stderr, bad.stderr
    assert "HINT" in bad.stderr

    # It is stored, and everybody says what it is.
    shown = scratch.pgcairn_json("show")
    assert shown["good"] is False and shown["bad_page_count"] == len(planted)
    assert {(page["path"], page["block"]) for page in shown["bad_pages"]} == planted
    listed = scratch.pgcairn_json("list")["backups"]
    assert [backup["good"] for backup in listed] == [True, False]
    assert [backup["backup_id"] for backup in listed] == [good["backup_id"], shown["backup_id"]]
    assert f"BAD: {len(planted)} pages" in scratch.pgcairn("list").stdout
    check = scratch.pgcairn("check", check=False)
    assert check.returncode == 1
    assert f"{shown['backup_id']} with {len(planted)} bad pages" in check.stdout

    restore_the_good_one(scratch, server, good["backup_id"], place)
    restore_the_bad_one(scratch, shown["backup_id"], server, planted)


def restore_the_good_one(scratch, server, backup_id, place):
    """The latest is the latest good one, and recovery from it goes past the bad one."""
    server.wait_archived()
    report = scratch.pgcairn_json("restore", f"--target-dir={scratch.root}/restored",
                                  f"--tablespace-map=side={scratch.root}/restored-space")
    assert report["backup_id"] == backup_id
    restored = scratch.server("restored")
    restored.start_recovered(*ALONE)
    assert restored.sql("SELECT count(*), sum(id) FROM here") == "20000|200010000"
    assert restored.sql("SELECT count(*), sum(id) FROM there") == "20000|200010000"
    assert restored.sql("SELECT * FROM later") == "1"
    restored.stop()
    scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", restored.data])


def restore_the_bad_one(scratch, backup_id, server, planted):
    """Whoever names it gets it, with the pages as they were; without a good one nobody gets it by
    asking for the latest."""
    manifests = scratch.root / "repository/clusters/main/backups"
    for path in manifests.iterdir():
        if backup_id not in path.name:
            path.unlink()
    latest = scratch.pgcairn("restore", f"--target-dir={scratch.root}/bad", check=False)
    assert latest.returncode == NOT_FOUND and "--source=ID" in latest.stderr
    assert not (scratch.root / "bad").exists()
    scratch.pgcairn("restore", f"--source={backup_id}", f"--target-dir={scratch.root}/bad",
                    f"--tablespace-map=side={scratch.root}/bad-space")
    for path, block in planted:
        restored, original = ((root / path).read_bytes()[block * PAGE:(block + 1) * PAGE]
                              for root in (scratch.root / "bad", server.data))
        assert restored == original


@pytest.mark.slow
def test_without_checksums_nothing_is_called_bad(scratch, seed):
    rng = random.Random(seed)
    server = scratch.server()
    server.initdb(checksums=False)
    server.configure("autovacuum = off")
    server.start()
    path = make_table(server, "here")
    scratch.protect(server)
    damage(server.data / path, 3, rng)
    report = scratch.pgcairn_json("backup")
    assert (report["bad_page_count"], report["pages_torn"]) == (0, 0)
    assert [backup["good"] for backup in scratch.pgcairn_json("list")["backups"]] == [True]
    # What cannot be told from good pages comes back as it was.
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored")
    assert (scratch.root / "restored" / path).read_bytes() == (server.data / path).read_bytes()


class Updates:
    """Clients that change rows everywhere in a table, from entering to leaving."""

    def __init__(self, server, rows, clients=3):
        self.server = server
        script = server.scratch.root / "updates.sql"
        script.write_text(f"\\set id random(1, {rows})\n"
                          "UPDATE hot SET filler = md5(:id::text || filler) WHERE id = :id;\n")
        self.command = as_server_user([CLIENT_BINDIR / "pgbench", "-n", "-c", str(clients), "-T",
                                       "600", "-f", script, server.conninfo()])

    def __enter__(self):
        self.process = subprocess.Popen(self.command, cwd=self.server.scratch.root,
                                        env=self.server.scratch.environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        ended = self.process.poll()
        self.process.kill()
        self.process.wait()
        assert ended is None, f"pgbench ended by itself with {ended}"


@contextlib.contextmanager
def preloaded(scratch, library):
    scratch.environment["LD_PRELOAD"] = str(library)
    try:
        yield
    finally:
        del scratch.environment["LD_PRELOAD"]


@pytest.mark.slow
def test_pages_that_are_being_written_are_no_damage(scratch):
    """The server's own writes, torn in the middle: the backup is good, says that it saw them, and
    WAL makes them whole."""
    rows = 6000
    server = scratch.server()
    server.initdb()
    # Little memory, so that every session writes pages all the time.
    server.configure("shared_buffers = 1MB", "bgwriter_delay = 10ms", "autovacuum = off",
                     "max_wal_size = 4GB")
    server.start()
    server.sql("CREATE TABLE hot (id int PRIMARY KEY, filler text) WITH (fillfactor = 50)")
    server.sql(f"INSERT INTO hot SELECT g, repeat('x', 500) FROM generate_series(1, {rows}) g")
    scratch.protect(server)
    server.stop()
    with preloaded(scratch, build_library(scratch, PAGES_IN_HALVES, pause_us=1000)):
        server.start()
    torn = 0
    with Updates(server, rows):
        for _ in range(15):
            report = scratch.pgcairn_json("backup")
            assert report["bad_page_count"] == 0, report["bad_pages"]
            torn += report["pages_torn"]
            if torn >= 3:
                break
    assert torn >= 3, "no torn page was met"
    held = cold_contents(server)
    require_restorable(scratch, held)
