"""`check` finds what is wrong with clocks, permissions and what the repository has lost."""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

from preloaded_writes import build_library
from scratch import CHECKOUT, Scratch, as_server_user, give_to_server_user

FAILED = 1

# The host's clock, so many seconds off, for one program and all that it starts.
CLOCK_OFF = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long off(void)
{
    const char *seconds = getenv("CLOCK_OFF_SECONDS");
    return seconds == NULL ? 0 : atol(seconds);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    now->tv_sec += off();
    return result;
}

time_t time(time_t *now)
{
    time_t (*real)(time_t *) = dlsym(RTLD_NEXT, "time");
    time_t result = real(NULL) + off();
    if (now != NULL)
        *now = result;
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += off();
    return result;
}
"""


def check(scratch, status=0, **options):
    """Its findings: (subject, severity, message, remedy). Whoever must act is told what to do."""
    result = scratch.pgcairn("--output=json", "check", check=False, **options)
    assert result.returncode == status, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["ok"] == (status == 0)
    found = [tuple(finding[key] for key in ("subject", "severity", "message", "remedy"))
             for finding in report["findings"]]
    assert all(remedy for _, severity, _, remedy in found if severity == "error")
    return found


def of(findings, subject, *severities):
    return [message for found, severity, message, _ in findings
            if found == subject and severity in (severities or ("ok", "warning", "error"))]


def remedies(findings, subject):
    return "\n".join(remedy for found, _, _, remedy in findings if found == subject)


def archive_something(server):
    server.sql("CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t VALUES (1)")
    server.wait_archived()


def new_place(scratch):
    server = scratch.server()
    server.initdb()
    scratch.protect(server)
    # Nothing is archived unless a test asks for it.
    server.sql("ALTER SYSTEM SET archive_timeout = 0")
    server.sql("SELECT pg_reload_conf()")
    scratch.pgcairn("backup")
    archive_something(server)
    return scratch, server


@pytest.fixture(name="place", scope="module")
def _place():
    """For tests that put back what they change: (scratch, server), with a backup."""
    with Scratch() as scratch:
        yield new_place(scratch)


@pytest.fixture(name="own_place")
def _own_place(scratch):
    return new_place(scratch)


def older_copy(scratch):
    """Copies the repository; returns what puts the copy in the repository's place."""
    repository, copy = scratch.root / "repository", scratch.root / "older"
    scratch.run(["cp", "-a", repository, copy])

    def put_back():
        repository.rename(scratch.root / "newer")
        copy.rename(repository)
    return put_back


def memory_files(scratch):
    return sorted((scratch.root / "storage/logs").glob("newest-main-*"))


def test_a_healthy_host_is_told_so(place):
    scratch, _ = place
    findings = check(scratch)
    assert len(of(findings, "clock", "ok")) == 2 and not of(findings, "clock", "warning", "error")
    assert len(of(findings, "permissions", "ok")) == 2
    assert not of(findings, "permissions", "warning", "error")
    newest = scratch.pgcairn_json("list")["backups"][-1]["backup_id"]
    assert newest in "".join(of(findings, "memory", "ok")) and len(of(findings, "memory")) == 2


# Memory

def test_what_backup_and_wal_push_note_is_for_the_owner_alone(place):
    scratch, server = place
    archive_something(server)
    backups, segment = memory_files(scratch)
    newest = scratch.pgcairn_json("list")["backups"][-1]["backup_id"]
    archived = server.sql("SELECT last_archived_wal FROM pg_stat_archiver")[:24]
    assert newest in backups.read_text() and archived in segment.read_text()
    for path in (backups, segment):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.suffix in (".backups", ".segment")


def test_a_trial_backup_is_not_remembered(place):
    scratch, _ = place
    backups, _ = memory_files(scratch)
    before = backups.read_text()
    scratch.pgcairn("backup", "--test")
    assert backups.read_text() == before


def test_a_repository_put_back_to_an_older_copy_is_an_error_until_a_person_accepts_it(own_place):
    scratch, server = own_place
    put_back = older_copy(scratch)
    lost = scratch.pgcairn_json("backup")["backup_id"]
    archive_something(server)
    put_back()
    findings = check(scratch, FAILED)
    errors = of(findings, "memory", "error")
    assert len(errors) == 2 and lost in errors[0] and "older copy" in errors[0]
    archived = server.sql("SELECT last_archived_wal FROM pg_stat_archiver")[:24]
    assert "WAL segment" in errors[1] and archived not in errors[1]  # check archived one more
    # The next backup says it too, is taken, and does not end the alarm.
    result = scratch.pgcairn("backup")
    assert lost in result.stderr and "check" in result.stderr
    findings = check(scratch, FAILED)
    assert [lost in message for message in of(findings, "memory", "error")] == [True]
    backups, _ = memory_files(scratch)
    assert f"rm {backups}" in remedies(findings, "memory")
    backups.unlink()
    assert "remembers no backup" in of(check(scratch), "memory", "warning")[0]
    scratch.pgcairn("backup")
    assert not of(check(scratch), "memory", "warning", "error")


def test_the_newer_copy_ends_the_alarm(own_place):
    scratch, _ = own_place
    put_back = older_copy(scratch)
    scratch.pgcairn("backup")
    put_back()
    assert of(check(scratch, FAILED), "memory", "error")
    scratch.run(["cp", "-an", f"{scratch.root}/newer/.", f"{scratch.root}/repository"])
    assert not of(check(scratch), "memory", "error")


def test_lost_wal_is_found_before_the_next_segment_hides_it(own_place):
    scratch, server = own_place
    put_back = older_copy(scratch)
    archive_something(server)
    lost = server.sql("SELECT last_archived_wal FROM pg_stat_archiver")[:24]
    put_back()
    # Of `wal push` itself, one that was not the newest changes nothing.
    older = sorted(path.name for path in (scratch.root / "repository").rglob("0000000100*")
                   if len(path.name) == 24)[-1]
    if (server.data / "pg_wal" / older).exists():
        scratch.pgcairn("wal", "push", server.data / "pg_wal" / older)
    message, = of(check(scratch, FAILED), "memory", "error")
    assert lost in message
    # What comes later leaves a gap, which is an error until a backup lies behind it.
    for _ in range(2):
        assert lost in "".join(of(check(scratch, FAILED), "recovery window", "error"))
    scratch.pgcairn("backup")
    assert lost in "".join(of(check(scratch), "recovery window", "warning"))


def test_a_memory_that_cannot_be_written_stops_neither_backup_nor_archiving(own_place):
    scratch, server = own_place
    logs = scratch.root / "storage/logs"
    for path in memory_files(scratch):
        path.unlink()
        path.mkdir()
        give_to_server_user(path)
    result = scratch.pgcairn("backup")
    assert "not noted" in result.stderr
    archive_something(server)
    assert "is archived, but not noted" in (logs / "pgcairn.log").read_text()
    findings = check(scratch)
    assert len(of(findings, "memory", "warning")) == 2


def test_a_new_repository_in_the_place_of_the_remembered_one_is_not_taken_for_it(own_place):
    scratch, _ = own_place
    before, _ = memory_files(scratch)
    (scratch.root / "repository").rename(scratch.root / "away")
    # None at all is one error, and no talk of permissions.
    findings = check(scratch, FAILED)
    assert "pgcairn init" in remedies(findings, "repository")
    assert not of(findings, "permissions", "warning", "error")
    scratch.pgcairn("init")
    assert str(before) in of(check(scratch), "memory", "warning")[0]
    scratch.pgcairn("backup")
    assert not of(check(scratch), "memory", "warning", "error")


# Permissions

@pytest.mark.parametrize("name, mode, status, words", [
    ("repository", 0o755, 0, "others can read the repository"),
    ("repository", 0o777, FAILED, "others can write to the repository"),
    ("config/backup.config.json", 0o644, 0, "others can read the configuration"),
    ("config/backup.config.json", 0o666, FAILED, "others can write to the configuration"),
    (".env", 0o644, 0, "others can read the environment file"),
    ("storage/logs", 0o777, FAILED, "others can write to the log folder"),
    ("storage/encryption/host.key", 0o640, FAILED, "others can read the host key file"),
    ("storage/encryption", 0o777, 0, "others can put something else in its place"),
])
def test_what_others_can_use_is_named_with_the_command_that_closes_it(place, name, mode, status,
                                                                      words):
    scratch, _ = place
    env_file = scratch.root / ".env"
    env_file.write_text("# nothing secret\n")
    env_file.chmod(0o600)
    give_to_server_user(env_file)
    path = scratch.root / name
    before = path.stat().st_mode & 0o7777
    path.chmod(mode)
    try:
        findings = check(scratch, status)
        severity = "error" if status else "warning"
        message, = of(findings, "permissions", "warning", "error")
        assert words in message and str(path) in message
        assert of(findings, "permissions", severity) == [message]
        # The remedy is meant to be run as it stands.
        command = remedies(findings, "permissions").strip()
        assert command.startswith("run: chmod ")
        scratch.run(["sh", "-c", command.removeprefix("run: ").split(", or")[0]])
        assert not of(check(scratch), "permissions", "warning", "error")
    finally:
        path.chmod(before)
        env_file.unlink()


def test_a_tablespace_that_pgcairn_cannot_read_is_named(place):
    scratch, server = place
    folder = scratch.make_directory("space")
    server.sql(f"CREATE TABLESPACE side LOCATION '{folder}'")
    try:
        folder.chmod(0o300)
        message, = of(check(scratch, FAILED), "permissions", "error")
        assert str(folder) in message and "side" in message
    finally:
        folder.chmod(0o700)
        server.sql("DROP TABLESPACE side")


def test_what_the_servers_user_cannot_use_is_named(place):
    scratch, server = place
    folder = scratch.root / "of-nobody"
    (folder / "config").mkdir(parents=True)
    config = folder / "config/backup.config.json"
    config.write_text(json.dumps({"cluster": {"connection": server.conninfo()},
                                  "storage": {"local_path": str(folder / "repository")}}))
    config.chmod(0o600)
    shutil.copy2(scratch.program, folder / "pgcairn")
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*root, "chown", "-R", "nobody", str(folder)], check=True)
    socket_mode = server.socket.stat().st_mode & 0o777
    server.socket.chmod(0o755)
    try:
        result = subprocess.run(
            [*root, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "-i",
             "PATH=/usr/bin:/bin", str(folder / "pgcairn"), f"--config={folder}",
             "--output=json", "check"],
            capture_output=True, text=True, check=False, cwd="/", timeout=60)
    finally:
        server.socket.chmod(socket_mode)
        subprocess.run([*root, "chown", "-R", str(scratch.root.stat().st_uid), str(folder)],
                       check=True)
    assert result.returncode == FAILED, result.stdout + result.stderr
    user = subprocess.run(as_server_user(["id", "-un"]), capture_output=True, text=True,
                          check=True).stdout.strip()
    finding, = [finding for finding in json.loads(result.stdout)["findings"]
                if "archive_command" in finding["message"]]
    assert finding["severity"] == "error" and f"as {user}, who cannot use" in finding["message"]
    assert str(config) in finding["message"] and "mode 0600, owned by nobody" in finding["message"]


# Clocks

@contextlib.contextmanager
def server_clock_off(scratch, server, library, seconds):
    """The server and what it starts live so many seconds in the future."""
    server.stop()
    scratch.environment |= {"LD_PRELOAD": str(library), "CLOCK_OFF_SECONDS": str(seconds)}
    try:
        server.start()
    finally:
        del scratch.environment["LD_PRELOAD"], scratch.environment["CLOCK_OFF_SECONDS"]
    try:
        yield
    finally:
        server.stop()
        server.start()


@pytest.mark.parametrize("seconds, status, severity, words", [
    (3700, FAILED, "error", "1 h 1 min ahead of"), (-3700, FAILED, "error", "1 h 1 min behind"),
    (60, 0, "warning", "ahead of")])
def test_a_server_in_another_time_is_found(place, seconds, status, severity, words):
    scratch, server = place
    library = build_library(scratch, CLOCK_OFF, 0)
    with server_clock_off(scratch, server, library, seconds):
        findings = check(scratch, status)
    message = of(findings, "clock", severity)[0]
    assert "the server's clock is" in message and words in message
    assert "the clock of the storage" in of(findings, "clock", "ok")[0]


def test_a_host_that_is_slow_sees_server_and_storage_ahead_and_its_own_history_too(place):
    scratch, _ = place
    library = build_library(scratch, CLOCK_OFF, 0)
    findings = check(scratch, FAILED,
                     env={"LD_PRELOAD": str(library), "CLOCK_OFF_SECONDS": "-7230"})
    errors = of(findings, "clock", "error")
    for words in ("the server's clock is 2 h 0 min ahead", "the clock of the storage",
                  "the newest backup", "the archived segment"):
        assert any(words in error for error in errors), (words, errors)


def test_a_backup_from_the_future_is_found_when_the_clock_is_right_again(own_place):
    scratch, server = own_place
    library = build_library(scratch, CLOCK_OFF, 0)
    with server_clock_off(scratch, server, library, 90_030):
        backup = scratch.pgcairn_json("backup")["backup_id"]
        archive_something(server)
    errors = of(check(scratch, FAILED), "clock", "error")
    assert backup in errors[0] and "25 h 0 min ahead" in errors[0]
    assert "the archived segment" in errors[1]


# Documents

def test_every_subject_that_check_uses_is_documented(place):
    scratch, _ = place
    documented = (CHECKOUT / "docs/json.md").read_text()
    for subject, _, _, _ in check(scratch):
        assert f"`{subject}`" in documented, subject
