"""What must be refused is refused: with a message, its exit code, and nothing changed."""

import os
import shutil
import signal
import stat

import pytest

from scratch import BINDIR, Scratch, give_to_server_user, wait_for
from tree_state import changes, tree_state

NOT_FOUND, DAMAGED, WRONG_KEY, REFUSED, TIMEOUT = 3, 5, 6, 12, 13
PASSPHRASE = "a long passphrase, and the right one"


def repository(scratch):
    """Its objects; empty directories are no objects."""
    return {path: state for path, state in tree_state(scratch.root / "repository").items()
            if not stat.S_ISDIR(state[0])}


def expect(scratch, status, words, *arguments, **options):
    """pgcairn must end with that status, say the words, and leave the repository alone."""
    before = repository(scratch)
    result = scratch.pgcairn(*arguments, check=False, **options)
    assert result.returncode == status, f"{arguments}: {result.stdout}{result.stderr}"
    for word in [words] if isinstance(words, str) else words:
        assert word in result.stderr, f"{arguments}: {result.stderr}"
    assert changes(before, repository(scratch)) == [], arguments
    return result


def back_up(scratch, server):
    server.archive_only_when_asked()
    scratch.pgcairn("backup")
    server.wait_for_archiver()


def with_tablespace(scratch):
    """A backup of a running server with a tablespace: (scratch, server, tablespace's place)."""
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
    server.sql("CREATE TABLE kept TABLESPACE side AS "
               "SELECT g AS id FROM generate_series(1, 100) g")
    back_up(scratch, server)
    return scratch, server, place


@pytest.fixture(name="shared", scope="module")
def _shared():
    """For tests that, when all is well, change nothing."""
    with Scratch() as scratch:
        yield with_tablespace(scratch)


@pytest.fixture(name="backed_up")
def _backed_up(scratch):
    return with_tablespace(scratch)


# Keys and repositories

@pytest.mark.slow
def test_without_the_right_key_every_verb_refuses(scratch):
    server = scratch.server()
    server.initdb()
    right = {"BACKUP_ENCRYPTION_KEY": PASSPHRASE}
    scratch.protect(server, env=right)
    back_up(scratch, server)
    segment = server.data / "pg_wal/000000010000000000000001"
    key = scratch.root / "storage/encryption/host.key"
    away = key.rename(key.with_name("away"))
    target = scratch.root / "restored"
    for env in ({"BACKUP_ENCRYPTION_KEY": PASSPHRASE + "."}, {"BACKUP_ENCRYPTION_KEY": ""}):
        for verb in (["list"], ["show"], ["backup"], ["backup", "--test"], ["restore", "--test"],
                     ["restore", f"--target-dir={target}"], ["wal", "push", str(segment)]):
            result = expect(scratch, WRONG_KEY, ["cannot open this cluster", "host.key"], *verb,
                            env=env)
            assert PASSPHRASE not in result.stdout + result.stderr
        assert not target.exists()
    assert scratch.pgcairn("list", env=right).returncode == 0
    # The key of another repository is no better than none.
    other = scratch.run(["sh", "-c", "umask 077; exec \"$@\"", "sh", scratch.program, "init"],
                        env={"PGCAIRN_CONFIG": str(scratch.make_directory("other")),
                             "DATABASE_URL": server.conninfo()})
    assert "recovery sheet" in other.stdout
    shutil.copy2(scratch.root / "other/storage/encryption/host.key", key)
    give_to_server_user(key)
    expect(scratch, WRONG_KEY, "cannot open this cluster", "list")
    away.rename(key)
    assert scratch.pgcairn("list").returncode == 0


def test_no_repository_is_answered_with_init(shared):
    scratch, server, _ = shared
    segment = server.data / "pg_wal/000000010000000000000001"
    strange = scratch.make_directory("strange")
    (strange / "letter.txt").write_text("not mine")
    for place in (scratch.root / "nowhere", scratch.make_directory("empty"), strange):
        env = {"BACKUP_STORAGE_PATH": str(place)}
        there = tree_state(place) if place.exists() else None
        for verb in (["list"], ["show"], ["backup"], ["restore", "--test"],
                     ["restore", f"--target-dir={scratch.root}/restored"],
                     ["wal", "push", str(segment)]):
            expect(scratch, NOT_FOUND, ["pgcairn init", str(place)], *verb, env=env)
        assert (tree_state(place) if place.exists() else None) == there
    expect(scratch, NOT_FOUND, "pgcairn init", "--cluster=other", "list")


# Servers that do not belong here

@pytest.mark.slow
def test_another_cluster_neither_backs_up_nor_archives_here(protected):
    scratch, server = protected
    back_up(scratch, server)
    command = server.sql("SHOW archive_command")
    other = scratch.server("other")
    other.initdb()
    other.configure("archive_mode = on", f"archive_command = '{command}'")
    other.start()
    scratch.write_config(other, cluster={"wal_timeout": 1})
    mine, its = (each.sql("SELECT system_identifier FROM pg_control_system()")
                 for each in (server, other))
    for verb in (["backup"], ["backup", "--test"], ["init"]):
        expect(scratch, REFUSED, [mine, its], *verb)
    segment = other.data / "pg_wal/000000010000000000000001"
    expect(scratch, REFUSED, [mine, its], "wal", "push", str(segment))
    report = scratch.pgcairn("--output=json", "check", check=False)
    assert report.returncode != 0 and its in report.stdout
    # PostgreSQL keeps what it could not archive.
    before = repository(scratch)
    other.sql("SELECT pg_switch_wal()")
    wait_for(lambda: other.sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t", "a refusal")
    other.sql("CHECKPOINT")
    assert segment.exists()
    assert (other.data / f"pg_wal/archive_status/{segment.name}.ready").exists()
    assert changes(before, repository(scratch)) == []


@pytest.mark.slow
def test_a_copy_of_the_server_cannot_archive_over_it(protected):
    scratch, server = protected
    server.archive_only_when_asked()
    server.stop()
    copy = scratch.server("copy")
    scratch.run(["cp", "-a", server.data, copy.data])
    server.start()
    server.sql("CREATE TABLE of_the_first AS SELECT 1")
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.wait_archived()
    before = repository(scratch)

    copy.start()
    copy.sql("CREATE TABLE of_the_copy AS SELECT 2")
    assert copy.sql("SELECT pg_walfile_name(pg_current_wal_lsn())") == name
    copy.sql("SELECT pg_switch_wal()")
    wait_for(lambda: copy.sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t", "a refusal")
    assert copy.sql("SELECT last_failed_wal FROM pg_stat_archiver") == name
    copy.sql("CHECKPOINT")
    assert (copy.data / "pg_wal" / name).exists()
    assert (copy.data / f"pg_wal/archive_status/{name}.ready").exists()
    assert f"{name} is archived already, with other content" in copy.log_text()
    assert changes(before, repository(scratch)) == []

    # The first one may ask for the same again: a crash before the answer must not stop it.
    status = server.data / "pg_wal/archive_status"
    (status / f"{name}.done").rename(status / f"{name}.ready")
    server.sql("CREATE TABLE and_more ()")
    server.wait_archived()
    server.wait_for_archiver()
    assert server.sql("SELECT failed_count FROM pg_stat_archiver") == "0"


@pytest.mark.slow
def test_of_two_restored_copies_only_one_archives(protected):
    scratch, server = protected
    scratch.pgcairn("backup")
    server.sql("CREATE TABLE kept AS SELECT 1")
    server.wait_archived()
    command = server.sql("SHOW archive_command")
    server.stop()
    copies = []
    for name in ("one", "two"):
        scratch.pgcairn("restore", f"--target-dir={scratch.root}/{name}", "--archive-mode=preserve")
        copy = scratch.server(name)
        # So that both have chosen their timeline before either announces it.
        copy.configure("archive_command = 'false'", "archive_timeout = 0")
        copy.start_recovered()
        assert copy.sql("SHOW archive_mode") == "on"
        copies.append(copy)
    for number, copy in enumerate(copies):
        copy.sql(f"CREATE TABLE of_copy_{number} AS SELECT {number}")
        assert copy.sql("SELECT pg_walfile_name(pg_current_wal_lsn())").startswith("00000002")
        quoted = command.replace("'", "''")
        copy.sql(f"ALTER SYSTEM SET archive_command = '{quoted}'")
        copy.sql("SELECT pg_reload_conf()")
        if number == 0:
            copy.wait_archived()
    before = repository(scratch)
    second = copies[1]
    name = second.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    second.sql("SELECT pg_switch_wal()")
    failed = "SELECT coalesce(last_failed_wal, '') FROM pg_stat_archiver"
    wait_for(lambda: second.sql(failed) == name, f"the refusal of {name}")
    wait_for(lambda: "is archived already, with other content" in second.log_text(), "its reason")
    assert (second.data / f"pg_wal/archive_status/{name}.ready").exists()
    changed = changes(before, repository(scratch))
    assert [path for path in changed if path in before] == []
    assert [path for path in changed if path.rsplit("/", 1)[-1].startswith("00000002")] == []


# Where a restore may not go

def test_a_restore_never_writes_where_something_is(shared):
    scratch, _, place = shared
    full = scratch.make_directory("full")
    hidden = scratch.make_directory("hidden")
    (full / "precious").write_text("1")
    (hidden / ".precious").write_text("1")
    scratch.make_directory("taken.config")
    (scratch.root / "taken.config/precious").write_text("1")
    (scratch.root / "file").write_text("1")
    new = f"--tablespace-map={place}={scratch.root}/new-space"
    for target, mapping in (("full", new), ("hidden", new), ("taken", new), ("file", new),
                            ("new", f"--tablespace-map={place}={full}"),
                            ("new", f"--tablespace-map=side={scratch.root}/new/inside"),
                            ("new", "--target-action=promote")):
        before = tree_state(scratch.root)
        result = scratch.pgcairn("restore", f"--target-dir={scratch.root}/{target}", mapping,
                                 check=False)
        assert result.returncode == REFUSED, f"{target} {mapping}: {result.stderr}"
        assert "HINT" in result.stderr
        changed = [path for path in changes(before, tree_state(scratch.root))
                   if not path.startswith("data/") and not path.endswith(".log")]
        assert changed == [], f"{target} {mapping}"


def test_a_restore_under_a_running_server_is_refused(shared):
    scratch, server, place = shared
    server.sql("CHECKPOINT")
    data = {path: state for path, state in tree_state(server.data).items()
            if path.startswith(("base/", "global/", "pg_wal/", "pg_xact/"))}
    space = tree_state(place)
    expect(scratch, REFUSED, [str(server.data), "server"], "restore")
    expect(scratch, REFUSED, [str(server.data), "server"], "restore", f"--target-dir={server.data}")
    after = tree_state(server.data)
    assert [path for path in data if after.get(path) != data[path]] == []
    assert changes(space, tree_state(place)) == []
    assert server.sql("SELECT count(*) FROM kept") == "100"


@pytest.mark.slow
def test_a_directory_emptied_under_its_server_is_refused_until_the_server_is_gone(backed_up):
    scratch, server, place = backed_up
    postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
    for folder in (server.data, place):
        for item in folder.iterdir():
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()
    expect(scratch, REFUSED, ["process", str(server.data)], "restore")
    assert list(server.data.iterdir()) == []
    os.kill(postmaster, signal.SIGQUIT)
    server.running = False
    wait_for(lambda: not os.path.exists(f"/proc/{postmaster}"), "the end of the server")
    scratch.pgcairn("restore")
    server.start_recovered()
    assert server.sql("SELECT count(*) FROM kept") == "100"


def test_an_unmapped_tablespace_elsewhere_and_an_unknown_one_are_refused(shared):
    scratch, _, place = shared
    target = f"--target-dir={scratch.root}/new"
    expect(scratch, REFUSED, [str(place), "--tablespace-map"], "restore", target)
    expect(scratch, 2, "/no/such", "restore", target, f"--tablespace-map={place}=/x",
           "--tablespace-map=/no/such=/y")
    assert not (scratch.root / "new").exists()


# Repositories inside what they protect

@pytest.mark.slow
def test_a_repository_inside_the_data_directory_or_a_tablespace_is_refused(backed_up):
    scratch, server, place = backed_up
    link = scratch.root / "link"
    link.symlink_to(server.data)
    for inside in (server.data / "backups", place / "backups", link / "backups", server.data):
        scratch.write_config(server, storage={"local_path": str(inside)})
        result = scratch.pgcairn("init", check=False)
        assert result.returncode == REFUSED, f"{inside}: {result.stderr}"
        assert str(inside) in result.stderr
        assert not (server.data / "backups").exists() and not (place / "backups").exists()
        assert not (server.data / "clusters").exists()
    # One that was moved there later.
    moved = server.data / "moved"
    (scratch.root / "repository").rename(moved)
    scratch.write_config(server, storage={"local_path": str(moved)})
    before = tree_state(moved)
    result = scratch.pgcairn("backup", check=False)
    assert result.returncode == REFUSED and str(moved) in result.stderr
    assert changes(before, tree_state(moved)) == []


# Servers that cannot be backed up

@pytest.mark.slow
def test_a_server_that_does_not_archive_is_refused(protected):
    scratch, server = protected
    scratch.write_config(server, cluster={"wal_timeout": 1})
    for setting, words in (("archive_mode=off", "archive_mode is off"),
                           ("archive_command=", "archive_command is empty")):
        server.stop()
        server.start(setting)
        expect(scratch, REFUSED, [words, "pgcairn init"], "backup")
        report = scratch.pgcairn("check", check=False)
        assert report.returncode != 0 and words in report.stdout


@pytest.mark.slow
def test_a_broken_archive_command_is_found_before_anything_is_copied(scratch):
    server = scratch.server()
    server.initdb()
    scratch.protect(server, cluster={"wal_timeout": 2})
    server.wait_archived()
    command = server.sql("SHOW archive_command").replace("'", "''")
    server.sql("ALTER SYSTEM SET archive_command = 'false'")
    server.sql("SELECT pg_reload_conf()")
    server.sql("CREATE TABLE unarchived ()")
    segment = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    result = expect(scratch, TIMEOUT, [segment, "archive"], "backup")
    assert "within 2 s" in result.stderr and "failed last" in result.stderr
    assert scratch.pgcairn_json("list")["backups"] == []
    assert list((scratch.root / "repository").glob("clusters/main/packs/*/*")) == []
    # The server is out of backup mode: what held it was the session.
    wait_for(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE "
                                "application_name = 'pgcairn'") == "0", "the session's end")
    assert not (server.data / "backup_label").exists()
    report = scratch.pgcairn("check", check=False)
    assert report.returncode != 0 and "did not arrive" in report.stdout

    server.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
    server.sql("SELECT pg_reload_conf()")
    scratch.pgcairn("backup")
    assert len(scratch.pgcairn_json("list")["backups"]) == 1


@pytest.mark.slow
def test_a_standby_is_refused(protected):
    scratch, server = protected
    back_up(scratch, server)
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/standby", "--archive-mode=preserve")
    standby = scratch.server("standby")
    (standby.data / "recovery.signal").rename(standby.data / "standby.signal")
    standby.start()
    scratch.write_config(standby)
    expect(scratch, REFUSED, ["standby", "primary"], "backup")
    assert standby.sql("SELECT pg_is_in_recovery()") == "t"


# The trial restore

@pytest.mark.slow
def test_a_trial_restore_touches_neither_source_nor_publisher_nor_repository(scratch):
    publisher = scratch.server("publisher")
    publisher.initdb()
    publisher.configure("wal_level = logical", "log_connections = on", "autovacuum = off")
    publisher.start()
    publisher.sql("CREATE TABLE news (id int PRIMARY KEY)")
    publisher.sql("CREATE PUBLICATION paper FOR TABLE news")

    server = scratch.server()
    server.initdb()
    server.configure("autovacuum = off", "max_logical_replication_workers = 4")
    drills = scratch.make_directory("drills")
    scratch.protect(server, restore={"test_directory": str(drills)})
    place = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
    server.sql("CREATE TABLE kept TABLESPACE side AS SELECT 1 AS id")
    server.sql("CREATE TABLE news (id int PRIMARY KEY)")
    server.sql(f"CREATE SUBSCRIPTION reader CONNECTION '{publisher.conninfo()}' PUBLICATION paper")
    publisher.sql("INSERT INTO news VALUES (1)")
    wait_for(lambda: server.sql("SELECT count(*) FROM news") == "1", "the first row")
    wait_for(lambda: server.sql("SELECT srsubstate FROM pg_subscription_rel") == "r", "the copy")
    back_up(scratch, server)
    # The backup holds the subscription switched on. With the source's own off, its slot is free:
    # a trial that connected would take it, and the row with it.
    server.sql("ALTER SUBSCRIPTION reader DISABLE")
    slot = "SELECT slot_name, active, confirmed_flush_lsn, restart_lsn FROM pg_replication_slots"
    wait_for(lambda: publisher.sql(slot).split("|")[1] == "f", "the slot's release")
    publisher.sql("INSERT INTO news VALUES (2)")
    server.sql("CHECKPOINT")
    server_wal = server.sql("SELECT pg_current_wal_lsn()")
    state = publisher.sql(slot)
    connections = publisher.log_text().count("replication connection authorized")
    assert connections > 0
    source = {path: value for path, value in tree_state(server.data).items()
              if path.startswith(("base/", "pg_tblspc/")) or "conf" in path or "signal" in path}
    space, kept, pid = tree_state(place), repository(scratch), \
        (server.data / "postmaster.pid").read_text()

    report = scratch.pgcairn_json("restore", "--test")
    assert [d for d in report["databases"] if d["name"] == "postgres"]

    assert publisher.sql(slot) == state
    assert publisher.log_text().count("replication connection authorized") == connections
    assert changes(kept, repository(scratch)) == []
    assert changes(space, tree_state(place)) == []
    after = tree_state(server.data)
    assert [path for path in source if after.get(path) != source[path]] == []
    assert [path for path in after if "signal" in path] == []
    assert (server.data / "postmaster.pid").read_text() == pid
    assert server.sql("SELECT pg_current_wal_lsn()") == server_wal
    assert list(drills.iterdir()) == []

    server.sql("ALTER SUBSCRIPTION reader ENABLE")
    wait_for(lambda: server.sql("SELECT count(*) FROM news") == "2", "the row that waited")


@pytest.mark.slow
def test_a_trial_restore_that_fails_leaves_nothing_behind(scratch):
    server = scratch.server()
    server.initdb()
    drills = scratch.make_directory("drills")
    scratch.protect(server, restore={"test_directory": str(drills)})
    scratch.pgcairn("backup")
    server.stop()
    segment = max((scratch.root / "repository").glob("clusters/main/wal/*/*/" + "?" * 24))
    for path in (scratch.root / "repository").glob("clusters/main/wal/*/*/" + "?" * 24):
        stored = bytearray(path.read_bytes())
        stored[-20] ^= 1
        path.write_bytes(stored)
    result = scratch.pgcairn("restore", "--test", check=False)
    assert result.returncode != 0, result.stdout
    assert list(drills.iterdir()) == []
    # A fast check that the damage, and nothing else, was the reason.
    assert "damaged" in result.stderr or segment.name in result.stderr, result.stderr


# restore_command

def control_data(server):
    text = server.scratch.run([BINDIR / "pg_controldata", server.data]).stdout
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


@pytest.mark.slow
def test_a_failing_restore_command_never_lets_the_server_become_a_primary(protected):
    scratch, server = protected
    server.sql("CREATE TABLE kept AS SELECT 0 AS id")
    scratch.pgcairn("backup")
    for number in range(1, 4):
        server.sql(f"INSERT INTO kept VALUES ({number})")
        last = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        server.wait_archived()
    server.stop()
    scratch.pgcairn("restore", f"--target-dir={scratch.root}/restored")
    restored = scratch.server("restored")
    config = scratch.root / "config/backup.config.json"
    good = config.read_bytes()
    key = scratch.root / "storage/encryption/host.key"
    place = scratch.root / "repository"
    stored = next(place.glob(f"clusters/main/wal/*/*/{last}"))
    object_bytes = stored.read_bytes()
    damaged = object_bytes[:-30] + bytes([object_bytes[-30] ^ 1]) + object_bytes[-29:]
    breakages = [
        ("a broken configuration", lambda: config.write_bytes(good[:-5]),
         lambda: config.write_bytes(good)),
        ("an unknown key", lambda: config.write_bytes(b'{"clusters": 1}'),
         lambda: config.write_bytes(good)),
        ("an unreadable configuration", lambda: config.chmod(0), lambda: config.chmod(0o600)),
        ("no configuration", lambda: config.rename(f"{config}.away"),
         lambda: os.rename(f"{config}.away", config)),
        ("no key", lambda: key.rename(f"{key}.away"), lambda: os.rename(f"{key}.away", key)),
        ("an open key", lambda: key.chmod(0o644), lambda: key.chmod(0o600)),
        ("no repository", lambda: place.rename(f"{place}.away"),
         lambda: os.rename(f"{place}.away", place)),
        ("an empty repository", lambda: (place.rename(f"{place}.away"),
                                         scratch.make_directory("repository")),
         lambda: (place.rmdir(), os.rename(f"{place}.away", place))),
        ("an unreadable segment", lambda: stored.chmod(0), lambda: stored.chmod(0o600)),
        ("a damaged segment", lambda: stored.write_bytes(damaged),
         lambda: stored.write_bytes(object_bytes)),
    ]
    for name, damage, mend in breakages:
        damage()
        try:
            restored.start(wait=False)
            pid_file = restored.data / "postmaster.pid"
            wait_for(lambda: "startup process" in restored.log_text(), f"{name}: a word", 60)
            wait_for(lambda: not pid_file.exists(), f"{name}: the server's end", timeout=60)
        finally:
            mend()
        control = control_data(restored)
        assert "ready to accept connections" not in restored.log_text(), name
        assert "new timeline" not in restored.log_text(), name
        assert control["Latest checkpoint's TimeLineID"].strip() == "1", name
        assert list((restored.data / "pg_wal").glob("*.history")) == [], name
        restored.log.unlink()
        restored.running = False
    restored.start_recovered()
    assert restored.sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM kept") == "0,1,2,3"
