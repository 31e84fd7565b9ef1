"""`key list|add|rotate|remove`: who can open a cluster, before and after, whatever happens meanwhile."""

import os
import pty
import re
import shutil
import signal
import subprocess
import time

import pytest

from bulk_rows import make_bulk
from preloaded_writes import SIGNAL_BEFORE_NAMING, SLOW_STORING, build_library
from restore_proof import cold_contents, repository_is_valid, require_restorable
from scratch import Scratch, as_server_user, give_to_server_user, wait_for
from tree_state import too_open

PASSPHRASE = "first-Pass-phrase-4711"
NEXT_PASSPHRASE = "second-Pass-phrase-0815"
ALREADY_EXISTS, WRONG_KEY, REFUSED, USAGE, NOT_FOUND, PERMISSION = 4, 6, 12, 2, 3, 9


def keys_of(scratch, **options):
    """The access keys in force by label."""
    listed = scratch.pgcairn_json("key", "list", **options)
    return {key["label"]: key for key in listed["keys"]}


def id_of(scratch, label):
    return keys_of(scratch)[label]["id"]


def host_key(scratch):
    return scratch.root / "storage/encryption/host.key"


def run_without_host_key(scratch, *arguments, passphrase=PASSPHRASE, **options):
    """As another host would that has only the passphrase."""
    key = host_key(scratch)
    aside = key.with_suffix(".aside")
    key.rename(aside)
    try:
        return scratch.pgcairn(*arguments, env={"BACKUP_ENCRYPTION_KEY": passphrase}, **options)
    finally:
        aside.rename(key)


@pytest.fixture(name="encrypted")
def _encrypted(scratch):
    """A protected server whose cluster a host key and a passphrase open."""
    server = scratch.server()
    server.initdb()
    scratch.protect(server, env={"BACKUP_ENCRYPTION_KEY": PASSPHRASE})
    return scratch, server


@pytest.mark.slow
def test_backups_and_wal_before_and_after_each_change_can_be_restored(encrypted):
    scratch, server = encrypted
    server.sql("CREATE TABLE steps (step text)")

    def step(name):
        server.sql(f"INSERT INTO steps VALUES ('{name}')")
        return scratch.pgcairn_json("backup")["backup_id"]

    backups = [step("before")]
    first = scratch.pgcairn_json("key", "list")
    assert (first["generation"], first["epoch"], len(first["keys"])) == (1, 1, 2)
    rotated = scratch.pgcairn_json("key", "rotate")
    assert rotated["added"] == rotated["removed"] == []
    assert rotated["keys"] == [key["id"] for key in first["keys"]]
    backups.append(step("rotated"))
    added = scratch.pgcairn_json("key", "add", f"--key-file={scratch.root}/second.key",
                                 "--label=second host")
    assert added["key_file_created"] and added["added"] == [id_of(scratch, "second host")]
    backups.append(step("added"))
    removed = scratch.pgcairn_json("key", "remove", added["added"][0][:6])
    assert removed["removed"] == added["added"]
    backups.append(step("removed"))
    last = scratch.pgcairn_json("key", "list")
    assert (last["generation"], last["epoch"]) == (4, 4)
    assert [key["id"] for key in last["removed"]] == added["added"]
    assert [key["created_at"] for key in last["keys"]] == [k["created_at"] for k in first["keys"]]
    assert last["leftovers"] == 0
    server.wait_archived()
    held = cold_contents(server)
    assert repository_is_valid(scratch)["wal_gaps"] == []
    for backup in backups:
        require_restorable(scratch, held, backup, [f"--source={backup}"])
    # By the passphrase too, whose owner was not there at any of the changes.
    run_without_host_key(scratch, "restore", f"--source={backups[0]}",
                         f"--target-dir={scratch.root}/by-passphrase")
    # And without pgcairn.
    for number, backup in enumerate((backups[0], backups[-1])):
        scratch.run([scratch.reader, "--repository", scratch.root / "repository", "--key-file",
                     host_key(scratch), "restore", backup, scratch.root / f"read-{number}"])
    refused = scratch.run([scratch.reader, "--repository", scratch.root / "repository",
                           "--key-file", scratch.root / "second.key", "list"], check=False)
    assert refused.returncode == 1 and "was removed" in refused.stderr


def test_a_removed_key_is_told_so_and_opens_nothing(encrypted):
    scratch, server = encrypted
    scratch.pgcairn("backup")
    server.wait_archived()
    segment = server.sql("SELECT last_archived_wal FROM pg_stat_archiver")
    host = id_of(scratch, "host key file")
    mine = scratch.pgcairn("key", "remove", host, check=False)
    assert mine.returncode == REFUSED and "--even-mine" in mine.stderr
    run_without_host_key(scratch, "key", "remove", host)
    for arguments, status in ((["list"], WRONG_KEY), (["backup"], WRONG_KEY),
                              (["key", "rotate"], WRONG_KEY),
                              (["wal", "push", server.data / "pg_wal" / segment], WRONG_KEY),
                              (["wal", "fetch", segment, "x"], 200 + WRONG_KEY)):
        result = scratch.pgcairn(*arguments, check=False)
        assert result.returncode == status, result.stderr
        assert "this access key was removed on " in result.stderr and host in result.stderr
    listed = scratch.pgcairn_json("key", "list")
    assert listed["opened_with"] is None and "was removed on" in listed["not_opened"]
    assert [key["label"] for key in listed["keys"]] == ["passphrase"]
    assert [key["id"] for key in listed["removed"]] == [host]
    last = run_without_host_key(scratch, "key", "remove", listed["keys"][0]["id"], "--even-mine",
                                check=False)
    assert last.returncode == REFUSED and "last access key" in last.stderr
    run_without_host_key(scratch, "list")


def test_a_passphrase_is_exchanged_and_never_shown(encrypted):
    scratch, _ = encrypted
    new = {"BACKUP_ENCRYPTION_KEY_NEW": NEXT_PASSPHRASE}
    said = [scratch.pgcairn("--log-level=debug", "key", "rotate", "--passphrase", env=new)]
    refused = run_without_host_key(scratch, "list", check=False)
    assert refused.returncode == WRONG_KEY
    assert "a passphrase of this cluster was removed or exchanged on" in refused.stderr
    run_without_host_key(scratch, "list", passphrase=NEXT_PASSPHRASE)
    assert keys_of(scratch)["passphrase"]["kind"] == "passphrase"

    secret = scratch.root / "secret"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o640)
    give_to_server_user(secret)
    open_to_others = scratch.pgcairn("key", "add", f"--passphrase-file={secret}", check=False)
    assert open_to_others.returncode == PERMISSION and "chmod 600" in open_to_others.stderr
    secret.chmod(0o600)
    said.append(scratch.pgcairn("key", "add", f"--passphrase-file={secret}", "--label=safe"))
    run_without_host_key(scratch, "list")
    # Which of the two is meant must be said, unless one is in use.
    for arguments, status in ((["--passphrase"], USAGE), (["--passphrase", "--replace=0000"], 3),
                              (["--passphrase", "--replace", id_of(scratch, "host key file")], 2),
                              (["--replace", id_of(scratch, "safe")], USAGE)):
        result = scratch.pgcairn("key", "rotate", *arguments, env=new, check=False)
        assert result.returncode == status, result.stderr
        said.append(result)
    same = run_without_host_key(scratch, "key", "rotate", f"--passphrase-file={secret}",
                                check=False)
    assert same.returncode == USAGE and "in use" in same.stderr
    scratch.pgcairn("key", "rotate", "--passphrase", "--replace", id_of(scratch, "safe"), env=new)
    assert run_without_host_key(scratch, "list", check=False).returncode == WRONG_KEY
    none = scratch.pgcairn("key", "add", "--passphrase", check=False)
    assert none.returncode == USAGE and "BACKUP_ENCRYPTION_KEY_NEW" in none.stderr
    as_argument = scratch.pgcairn("key", "add", "--passphrase", "Never-here-1", check=False)
    assert as_argument.returncode == USAGE
    log = (scratch.root / "storage/logs/pgcairn.log").read_text()
    for text in (PASSPHRASE, NEXT_PASSPHRASE):
        assert text not in log + "".join(result.stdout + result.stderr for result in said)
    assert "Never-here-1" not in log


def on_terminal(scratch, answers, *arguments):
    """Runs pgcairn with a terminal of its own and types. Returns exit status and what was seen."""
    command = as_server_user([scratch.program, f"--config={scratch.root}/config", *arguments])
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(scratch.root)
        os.execvpe(command[0], command, scratch.environment)
    seen = b""
    typed = 0
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        seen += part
        if seen.count(b": ") > typed and seen.endswith(b": ") and typed < len(answers):
            os.write(terminal, answers[typed])
            typed += 1
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_a_passphrase_is_asked_for_without_echo(encrypted):
    scratch, _ = encrypted
    typed = NEXT_PASSPHRASE.encode() + b"\n"
    for answers, status in (([typed, typed[1:]], USAGE), ([b"\n"], USAGE), ([b"\x03"], 14)):
        code, seen = on_terminal(scratch, answers, "key", "add", "--passphrase")
        assert code == status, seen
        assert NEXT_PASSPHRASE not in seen
    assert len(keys_of(scratch)) == 2
    code, seen = on_terminal(scratch, [typed, typed], "key", "add", "--passphrase", "--label=typed")
    assert code == 0 and NEXT_PASSPHRASE not in seen, seen
    run_without_host_key(scratch, "list", passphrase=NEXT_PASSPHRASE)


def test_a_new_recovery_sheet_opens_the_cluster_and_stays_out_of_json(encrypted):
    scratch, _ = encrypted
    result = scratch.pgcairn("--output=json", "key", "add", "--recovery-sheet")
    line, = [text for text in result.stderr.splitlines() if text.startswith("PGCAIRN-ACCESS-KEY")]
    assert line.split()[-1] not in result.stdout
    assert line.split()[-1] not in (scratch.root / "storage/logs/pgcairn.log").read_text()
    assert line.split()[1] == id_of(scratch, "recovery sheet")
    host_key(scratch).write_text(line + "\n")
    assert scratch.pgcairn_json("key", "list")["opened_with"] == line.split()[1]


def test_key_files_are_closed_and_never_overwritten(encrypted):
    scratch, _ = encrypted
    folder = scratch.make_directory("keys")
    made = scratch.run(["sh", "-c", "umask 000; exec \"$@\"", "sh", scratch.program,
                        f"--config={scratch.root}/config", "key", "add",
                        f"--key-file={folder}/deep/second.key"])
    assert f"Wrote {folder}/deep/second.key" in made.stdout
    assert too_open(folder) == [] and too_open(scratch.root / "repository") == []
    content = (folder / "deep/second.key").read_text()
    again = scratch.pgcairn("key", "add", f"--key-file={folder}/deep/second.key", check=False)
    assert again.returncode == ALREADY_EXISTS and "already" in again.stderr
    foreign = folder / "foreign"
    foreign.write_text("not a key\n")
    foreign.chmod(0o600)
    give_to_server_user(foreign)
    assert scratch.pgcairn("key", "add", f"--key-file={foreign}", check=False).returncode == WRONG_KEY
    inside = scratch.pgcairn("key", "add", f"--key-file={scratch.root}/repository/x.key",
                             check=False)
    assert inside.returncode == REFUSED
    assert not (scratch.root / "repository/x.key").exists()
    assert (folder / "deep/second.key").read_text() == content
    assert foreign.read_text() == "not a key\n"
    assert len(keys_of(scratch)) == 3
    # One that was made elsewhere, or by a run that was interrupted, is taken as it is.
    scratch.pgcairn("key", "remove", content.split()[1])
    taken = scratch.pgcairn("key", "add", f"--key-file={folder}/deep/second.key")
    assert "Took the key" in taken.stdout


def test_what_cannot_be_understood_is_refused(encrypted):
    scratch, _ = encrypted
    for arguments, status in ((["add"], USAGE), (["add", "--passphrase", "--recovery-sheet"], USAGE),
                              (["remove"], USAGE), (["remove", "0"], NOT_FOUND),
                              (["remove", "0123456789abcdef"], NOT_FOUND), ([], USAGE),
                              (["add", "--recovery-sheet", "--label=a\nb"], USAGE)):
        result = scratch.pgcairn("key", *arguments, check=False)
        assert result.returncode == status, (arguments, result.stderr)
    assert len(keys_of(scratch)) == 2


def test_an_unencrypted_cluster_has_no_keys(scratch):
    server = scratch.server()
    server.initdb()
    server.start()
    scratch.write_config(server, storage={"encryption_enabled": False})
    scratch.pgcairn("init")
    listed = scratch.pgcairn_json("key", "list")
    assert not listed["encrypted"] and listed["opened_with"] is None
    for arguments in (["rotate"], ["add", "--recovery-sheet"], ["remove", "0000"]):
        refused = scratch.pgcairn("key", *arguments, check=False)
        assert refused.returncode == REFUSED and "not encrypted" in refused.stderr
        assert "encryption_enabled" in refused.stderr


# Interrupted, stopped, at work

class Interrupted:
    """A repository that is put back before each run, which gets a signal at one of its puts and
    deletes."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.library = build_library(scratch, SIGNAL_BEFORE_NAMING)
        self.repository = scratch.root / "repository"
        self.saved = scratch.root / "saved"
        scratch.run(["cp", "-a", self.repository, self.saved])

    def put_back(self):
        shutil.rmtree(self.repository)
        self.scratch.run(["cp", "-a", self.saved, self.repository])

    def start(self, at, how, *arguments):
        return subprocess.Popen(
            as_server_user(["env", f"LD_PRELOAD={self.library}", self.scratch.program,
                            f"--config={self.scratch.root}/config", "--no-progress", *arguments]),
            env={**self.scratch.environment, "SIGNAL_AT": str(at), "SIGNAL": str(int(how))},
            cwd=self.scratch.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(name="backed_up", scope="module")
def _backed_up():
    """A cluster with a backup, WAL, and a second key file; its server is stopped."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        scratch.protect(server, env={"BACKUP_ENCRYPTION_KEY": PASSPHRASE})
        server.sql("CREATE TABLE kept AS SELECT generate_series(1, 1000)")
        scratch.pgcairn("backup")
        server.wait_archived()
        scratch.pgcairn("key", "add", f"--key-file={scratch.root}/second.key", "--label=second")
        server.stop()
        yield scratch, Interrupted(scratch)


def require_sound(scratch, changed_epoch):
    """After a run that was killed: old keys or new ones, and nothing that looks like damage."""
    listed = scratch.pgcairn_json("key", "list")
    assert listed["opened_with"] and listed["not_opened"] == ""
    assert listed["epoch"] in (changed_epoch - 1, changed_epoch)
    verified = scratch.pgcairn_json("verify")
    assert verified["ok"], verified["damaged"]
    assert [backup["good"] for backup in scratch.pgcairn_json("list")["backups"]] == [True]
    reader = scratch.run([scratch.reader, "--repository", scratch.root / "repository",
                          "--key-file", host_key(scratch), "list"])
    assert "copy is used" not in reader.stderr or listed["leftovers"]
    return listed


@pytest.mark.slow
@pytest.mark.parametrize("what", ["rotate", "add", "remove"])
def test_killed_at_any_put_or_delete_the_old_keys_are_in_force_or_the_new(backed_up, what):
    scratch, interrupted = backed_up
    second = (scratch.root / "second.key").read_text().split()[1]
    third = scratch.root / "third.key"
    arguments = {"rotate": ["key", "rotate"], "add": ["key", "add", f"--key-file={third}"],
                 "remove": ["key", "remove", second]}[what]
    outcomes = []
    for at in range(1, 100):
        interrupted.put_back()
        third.unlink(missing_ok=True)
        process = interrupted.start(at, signal.SIGKILL, *arguments)
        output = process.communicate(timeout=60)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, output
        listed = require_sound(scratch, 3)
        outcomes.append((listed["epoch"], listed["leftovers"]))
        in_force = {key["id"] for key in listed["keys"]}
        assert (second in in_force) == (what != "remove" or listed["epoch"] == 2)
        # The same command again: it does what is left to do, or says that there is nothing.
        again = scratch.pgcairn(*arguments, check=False)
        done = {"rotate": 0, "add": ALREADY_EXISTS, "remove": NOT_FOUND}[what]
        assert again.returncode == (done if listed["epoch"] == 3 else 0), again.stderr
        settled = scratch.pgcairn_json("key", "list")
        assert settled["leftovers"] == 0
        assert (second in {key["id"] for key in settled["keys"]}) == (what != "remove")
        assert (second in {key["id"] for key in settled["removed"]}) == (what == "remove")
        names = [path.name for path in interrupted.repository.glob("clusters/main/keys/*-*")]
        assert len(names) == 2 * len(settled["keys"])
        assert len(list(interrupted.repository.glob("clusters/main/epochs/*"))) % 2 == 0
        verified = scratch.pgcairn_json("verify")
        assert verified["ok"] and verified["warnings"] == []
        run_without_host_key(scratch, "list")
    print(what, outcomes)
    assert {epoch for epoch, _ in outcomes} == {2, 3} and len(outcomes) >= 12


@pytest.mark.slow
def test_stopped_at_any_put_or_delete_it_harms_no_other_change(backed_up):
    scratch, interrupted = backed_up
    third = scratch.root / "third.key"
    lost = won = 0
    for at in range(1, 100):
        interrupted.put_back()
        third.unlink(missing_ok=True)
        process = interrupted.start(at, signal.SIGSTOP, "key", "add", f"--key-file={third}")
        stopped = False
        while process.poll() is None and not stopped:
            stat = open(f"/proc/{process.pid}/stat", encoding="ascii").read()
            stopped = stat.rsplit(")", 1)[1].split()[0] == "T"
            time.sleep(0.005)
        if not stopped:
            break
        scratch.pgcairn("key", "rotate")
        scratch.pgcairn("key", "rotate")
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, ALREADY_EXISTS), err
        listed = require_sound(scratch, 5 if process.returncode == 0 else 4)
        assert len(listed["keys"]) == (3 if process.returncode else 4)
        assert third.exists()
        won, lost = won + (process.returncode == 0), lost + (process.returncode != 0)
        scratch.pgcairn("key", "rotate")
        assert scratch.pgcairn_json("key", "list")["leftovers"] == 0
    assert lost >= 8 and won >= 6


@pytest.mark.slow
def test_a_backup_goes_on_while_the_keys_are_rotated_and_wal_arrives_under_new_ones(encrypted):
    scratch, server = encrypted
    make_bulk(server, 8)
    command = server.sql("SHOW archive_command").replace("'", "''")
    server.sql("ALTER SYSTEM SET archive_command = 'false'")
    server.sql("SELECT pg_reload_conf()")
    process = subprocess.Popen(
        as_server_user([scratch.program, f"--config={scratch.root}/config", "--no-progress",
                        "--log-level=debug", "backup"]),
        env=scratch.environment, cwd=scratch.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    # It has opened the cluster, and waits for the archive.
    leases = scratch.root / "repository/clusters/main"
    wait_for(lambda: list(leases.glob("leases/*")), "the backup")
    scratch.pgcairn("key", "rotate")
    server.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
    server.sql("SELECT pg_reload_conf()")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    server.wait_archived()
    held = cold_contents(server)
    repository_is_valid(scratch)
    require_restorable(scratch, held)


@pytest.mark.slow
def test_a_push_that_began_before_a_rotation_ends_well_after_it(encrypted):
    scratch, server = encrypted
    slow = build_library(scratch, SLOW_STORING, pause_us=20000)
    server.sql("ALTER SYSTEM SET archive_command = 'true'")
    server.sql("SELECT pg_reload_conf()")
    make_bulk(server, 24)
    segment = server.sql("SELECT pg_walfile_name(pg_switch_wal())")
    process = subprocess.Popen(
        as_server_user(["env", f"LD_PRELOAD={slow}", scratch.program,
                        f"--config={scratch.root}/config", "wal", "push",
                        server.data / "pg_wal" / segment]),
        env=scratch.environment, cwd=scratch.root)
    time.sleep(0.3)
    scratch.pgcairn("key", "rotate")
    scratch.pgcairn("key", "remove", id_of(scratch, "passphrase"))
    assert process.poll() is None, "it was quicker than the rotation"
    assert process.wait(60) == 0
    fetched = scratch.make_directory("fetched") / segment
    scratch.pgcairn("wal", "fetch", segment, fetched)
    assert fetched.read_bytes() == (server.data / "pg_wal" / segment).read_bytes()
    # The same segment again, under the new data key: known by its identity, which is the same.
    scratch.pgcairn("wal", "push", server.data / "pg_wal" / segment)


def test_rotations_of_two_hosts_at_once_leave_one_row_of_generations(encrypted):
    scratch, _ = encrypted
    runs = [subprocess.Popen(
        as_server_user([scratch.program, f"--config={scratch.root}/config", "key", "rotate"]),
        env=scratch.environment, cwd=scratch.root, stderr=subprocess.PIPE, text=True)
        for _ in range(6)]
    ended = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
    wins = sum(status == 0 for _, status in ended)
    assert wins >= 1 and all(status in (0, ALREADY_EXISTS) for _, status in ended), ended
    assert all(re.search("another run", err) for err, status in ended if status)
    listed = scratch.pgcairn_json("key", "list")
    assert listed["epoch"] == 1 + wins and len(listed["keys"]) == 2
    scratch.pgcairn("key", "rotate")
    assert scratch.pgcairn_json("key", "list")["leftovers"] == 0
    run_without_host_key(scratch, "list")
