"""Pages that changed although the file system's stamps did not: what incremental backups see of them,
and what they say."""

import json
import mmap
import os
import pathlib
import shutil
import tempfile

import pytest

from scratch import Server, give_to_server_user
from test_bad_pages import PAGE
from test_incremental import incremental, settle

pytestmark = pytest.mark.slow

UNSEEN_CHANGES = 17


def stamps(path):
    info = pathlib.Path(path).stat()
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def page_of(path, block=0):
    with open(path, "rb") as file:
        file.seek(block * PAGE)
        return file.read(PAGE)


class Mapped:
    """The first page of a file as memory. The first write tells the file system of itself; on tmpfs
    those that follow do not."""

    def __init__(self, path):
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), PAGE, mmap.MAP_SHARED)
        self._memory[0] = self._memory[0]

    def write(self, page):
        self._memory[:PAGE] = page


def write_and_put_the_time_back(path, page):
    before = pathlib.Path(path).stat()
    with open(path, "r+b") as file:
        file.write(page)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def in_memory():
    """A directory on tmpfs."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="pgcairn-e2e-", dir="/dev/shm"))
    place.chmod(0o755)
    give_to_server_user(place)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def lived_in(scratch, data, before_it_settles=lambda path: None):
    """A server with a table whose first page was other once: (server, path of the table, that
    page). Its checksum is right, so that nothing but a comparison tells it from what it is now."""
    server = Server(scratch, data)
    scratch.servers.append(server)
    server.initdb("--wal-segsize=1")
    server.configure("autovacuum = off", "bgwriter_lru_maxpages = 0")
    scratch.protect(server)
    server.sql("CREATE TABLE t (id int, body text) WITH (fillfactor = 50);"
               "INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 5000) g")
    server.sql("VACUUM (FREEZE) t")
    server.sql("CHECKPOINT")
    path = server.data / server.sql("SELECT pg_relation_filepath('t')")
    once = page_of(path)
    server.sql("UPDATE t SET body = 'now' WHERE id = 1")
    server.sql("VACUUM (FREEZE) t")
    server.sql("CHECKPOINT")
    assert page_of(path) != once
    before_it_settles(path)
    settle(server)
    return server, path, once


def restored_page(scratch, server, path, name):
    """The first page as the newest backup has it."""
    target = scratch.root / name
    scratch.pgcairn("restore", "--type=full", f"--target-dir={target}")
    page = page_of(target / path.relative_to(server.data))
    shutil.rmtree(target)
    return page


def test_a_write_that_leaves_no_stamp_is_found_by_comparing_only(scratch, in_memory):
    # First that there is such a thing: without it this test would prove nothing.
    proof = in_memory / "proof"
    proof.write_bytes(b"a" * PAGE)
    mapped = Mapped(proof)
    before = stamps(proof)
    mapped.write(b"b" * PAGE)
    assert stamps(proof) == before and page_of(proof) == b"b" * PAGE
    proof.unlink()

    kept = []
    server, path, once = lived_in(scratch, in_memory / "data",
                                  lambda path: kept.append(Mapped(path)))
    scratch.pgcairn("backup")
    now = page_of(path)
    before = stamps(path)
    kept[0].write(once)
    assert stamps(path) == before

    # The ordinary way trusts the stamps; docs/configuration.md says so.
    trusting = incremental(scratch)
    assert trusting["compare_reason"] == "stamps" and trusting["unseen_change_count"] == 0
    assert restored_page(scratch, server, path, "trusting") == now

    name = str(path.relative_to(server.data))
    result = scratch.pgcairn("--output=json", "backup", "--type=incremental", "--verify-unchanged",
                             check=False)
    assert result.returncode == UNSEEN_CHANGES, result.stderr
    report = json.loads(result.stdout)
    assert report["unseen_changes"] == [name] and report["unseen_change_count"] == 1
    assert name in result.stderr and "HINT" in result.stderr
    assert report["compare_reason"] == "asked"
    assert restored_page(scratch, server, path, "compared") == once

    # Said once: from here on the backups hold what is there.
    assert incremental(scratch, "--verify-unchanged")["unseen_change_count"] == 0


def test_a_time_that_was_put_back_is_seen_by_the_ordinary_way(scratch):
    server, path, once = lived_in(scratch, scratch.root / "data")
    scratch.pgcairn("backup")
    before = stamps(path)
    write_and_put_the_time_back(path, once)
    after = stamps(path)
    assert after[:2] == before[:2] and after[3] == before[3]
    assert after[2] != before[2], "the status change time tells"
    report = incremental(scratch)
    assert report["compare_reason"] == "stamps" and report["pages_changed"] >= 1
    assert report["unseen_change_count"] == 0
    assert restored_page(scratch, server, path, "restored") == once
