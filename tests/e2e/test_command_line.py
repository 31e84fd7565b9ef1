"""The command line and the configuration as a person meets them."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from scratch import Scratch, as_server_user, give_to_server_user

USAGE, PERMISSION = 2, 9
VERBS = ["init", "check", "backup", "list", "show", "verify", "restore", "export", "wal push",
         "wal fetch", "prune", "pin", "key list", "key add", "key remove", "key rotate"]
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"

# As the backup system that came before had them: they must go on working as they stand.
BACKUP_CONFIG = """{
  "schedules": {
    "full_backup": "0 2 * * *",
    "incremental_backup": "0 */6 * * *",
    "wal_archive": "continuous",
    "verification": "after_backup"
  },
  "retention": {
    "full_backups": 30,
    "incremental_backups": 7,
    "wal_files": 14
  },
  "storage": {
    "local_path": "./storage/local",
    "offsite_enabled": true,
    "encryption_enabled": true
  },
  "monitoring": {
    "health_check_interval": 3600,
    "alert_on_failure": true,
    "notification_channels": ["email", "webhook"]
  }
}
"""
RETENTION_CONFIG = """{
  "policies": {
    "daily_backups": {
      "keep_daily": 7,
      "keep_weekly": 4,
      "keep_monthly": 12,
      "keep_yearly": 5
    },
    "incremental_backups": {
      "keep_hours": 48,
      "keep_daily": 7
    },
    "wal_files": {
      "keep_days": 14,
      "archive_after_days": 30
    }
  }
}
"""
ENV_FILE = """SUPABASE_PROJECT_ID=chekmxqlnosxphbmxiil
SUPABASE_DB_URL=postgresql://postgres:[password]@db.chekmxqlnosxphbmxiil.supabase.co:5432/postgres
BACKUP_ENCRYPTION_KEY=your-encryption-key-here
BACKUP_STORAGE_PATH=/path/to/backup/storage
NOTIFICATION_EMAIL=admin@yourproject.com
"""


@pytest.fixture(name="place", scope="module")
def _place():
    """A protected, running server that the tests of this file share: (scratch, server)."""
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        scratch.protect(server)
        scratch.pgcairn("backup")
        yield scratch, server


def write(scratch, path, text, mode=0o600):
    path = scratch.root / path
    for folder in reversed(path.relative_to(scratch.root).parents[:-1]):
        (scratch.root / folder).mkdir(exist_ok=True)
        give_to_server_user(scratch.root / folder)
    path.write_text(text)
    path.chmod(mode)
    give_to_server_user(path)
    return path


def pgcairn(scratch, *arguments, **options):
    """Without --config."""
    return scratch.run([scratch.program, *arguments], check=False, **options)


# Help

def test_help_names_every_verb_and_only_what_works(place):
    scratch, _ = place
    text = scratch.pgcairn("--help").stdout
    assert re.findall(r"^  ([a-z]+) {2,}\S", text, re.M) == [
        "init", "check", "backup", "list", "show", "verify", "restore", "export", "wal", "prune", "pin",
        "key"]
    for verb in VERBS:
        result = scratch.pgcairn(*verb.split(), "--help")
        assert result.stderr == ""
        if verb in ("backup", "restore", "export"):
            continue
        for elsewhere in ("schema", "table,", "--target-url", "logical"):
            assert elsewhere not in result.stdout, f"{verb} --help names {elsewhere}"


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["backup", "--nonsense"], ["--output=xml", "list"], ["backup", "extra"],
    ["wal"], ["wal", "push"], ["restore", "--type=pitr"], ["restore", "--type=table"],
    ["restore", "--table=a"], ["restore", "--replace"], ["restore", "--dry-run"],
    ["restore", "--create-roles"], ["restore", "--target-url=x", "--target-dir=/tmp/never"],
    ["restore", "--type=schema", "--delta"], ["restore", "--as=a"], ["export"],
    ["restore", "--type=table", "--table=a", "--table=b", "--as=c"],
    ["backup", "--type=schema"],
    ["restore", "--lsn=0/1", "--immediate"], ["restore", "--timestamp=yesterday"],
    ["restore", "--lsn=12"], ["restore", "--xid=-1"], ["restore", "--timeline=one"],
    ["restore", "--target-action=explode"], ["show", "no-such-form"]], ids=" ".join)
def test_wrong_usage_is_status_2_with_a_reason(place, arguments):
    scratch, _ = place
    result = scratch.pgcairn(*arguments, check=False)
    assert result.returncode == USAGE, result.stderr
    assert result.stderr.startswith("ERROR: ") and "HINT: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments, code, status", [
    (["list", "--nonsense"], "usage", 2), (["show", "no-such-form"], "usage", 2),
    (["show", "20000101_000000-0000"], "not_found", 3),
    (["--cluster=other", "list"], "not_found", 3),
    (["--config=/nowhere", "list"], "usage", 2), (["restore", "--type=pitr"], "usage", 2),
    (["restore", "--timestamp=2000-01-01", "--target-dir=/tmp/never"], "unreachable_target", 15),
    (["restore"], "refused", 12)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_errors_are_json_when_json_is_asked_for(place, arguments, code, status):
    scratch, _ = place
    result = scratch.pgcairn("--output=json", *arguments, check=False)
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["exit_status"], result.returncode) == (code, status, status)
    assert error["message"] and error["hint"]


def test_init_makes_a_configuration_where_none_is(place):
    scratch, server = place
    scratch.make_directory("fresh")
    result = pgcairn(scratch, f"--config={scratch.root}/fresh/deep", "--output=json", "init",
                     env={"DATABASE_URL": server.conninfo()})
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["config_file"] == f"{scratch.root}/fresh/deep/config/backup.config.json"
    assert report["repository"] == f"{scratch.root}/fresh/deep/storage/local"
    assert f"--config={report['config_file']}" in report["postgresql_conf"][1]
    # It reads back what it wrote, comments and all.
    listed = pgcairn(scratch, f"--config={scratch.root}/fresh/deep", "--output=json", "list")
    assert json.loads(listed.stdout)["backups"] == []


def test_the_documented_exit_codes_are_those_of_help(place):
    scratch, _ = place
    text = scratch.pgcairn("--help").stdout
    helped = {int(n): meaning.strip() for n, meaning in re.findall(r"^ +(\d+)  (.+)$", text, re.M)}
    helped[0] = re.search(r"Exit status: 0 (.+)", text).group(1)
    rows = re.findall(r"^\| *`?(\d+)`? *\|([^|\n]*)\|([^|\n]*)\|$",
                      (DOCS / "exit-codes.md").read_text(), re.M)
    assert {int(number) for number, _, _ in rows} >= set(helped)
    for number, _, meaning in rows:
        if int(number) in helped:
            assert meaning.strip().rstrip(".") == helped[int(number)], number
    documented = {name.strip().strip("`") for _, name, _ in rows}
    assert {"usage", "not_found", "refused", "corrupt_pages"} <= documented


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_printed_goes_into_no_file_when_standard_files_are_closed(place, closed):
    scratch, _ = place
    before = len(scratch.pgcairn_json("list")["backups"])
    config = f"--config={scratch.root}/config/backup.config.json"
    line = ["sh", "-c", f'exec "$0" "$@" {closed}', scratch.program, config, "--no-progress"]
    assert scratch.run([*line, "--log-level=debug", "backup", "--type=full"], check=False).returncode == 0
    assert scratch.run([*line, "nonsense"], check=False).returncode == USAGE
    assert len(scratch.pgcairn_json("list")["backups"]) == before + 1
    scratch.pgcairn("verify")


def test_an_export_to_a_closed_standard_output_is_an_error(place):
    scratch, _ = place
    config = f"--config={scratch.root}/config/backup.config.json"
    closed = scratch.run(["sh", "-c", 'exec "$0" "$@" >&-', scratch.program, config, "export",
                          "--target-file=-"], check=False)
    assert closed.returncode == USAGE and "standard output is closed" in closed.stderr


# Configuration

@pytest.mark.parametrize("text, words", [
    ('{"storage": {"locl_path": "x"}}', ["storage.locl_path", "storage.local_path"]),
    ('{"compression": {"level": "3"}}', ["compression.level", "found text", "without quotes"]),
    ('{"compression": {"level": 99}}', ["compression.level", "99", "1 to 19"]),
    ('{"schedules": {"full_backup": "0 25 * * *"}}', ["schedules.full_backup", "25", "hour"]),
    ('{"schedules": {"full_backup": "daily"}}', ["schedules.full_backup", "0 2 * * *"]),
    ('{"storage": {"local_path": "x",}}', ["line 1"]),
    ('{"encryption": {"passphrase": "hunter2"}}',
     ["encryption.passphrase", "BACKUP_ENCRYPTION_KEY"]),
], ids=lambda value: value if isinstance(value, str) else None)
def test_a_wrong_configuration_names_file_key_and_remedy(place, text, words):
    scratch, _ = place
    file = write(scratch, "wrong/config/backup.config.json", text)
    result = pgcairn(scratch, f"--config={file}", "list")
    assert result.returncode == USAGE, result.stderr
    assert str(file) in result.stderr and "HINT: " in result.stderr
    for word in words:
        assert word in result.stderr
    assert "hunter2" not in result.stderr


def test_a_key_file_or_env_file_that_others_can_read_is_refused_with_the_chmod_line(place):
    scratch, server = place
    key = scratch.root / "storage/encryption/host.key"
    env_file = write(scratch, ".env", "BACKUP_ENCRYPTION_KEY=x\n")
    try:
        for path in (key, env_file):
            for mode in (0o640, 0o604, 0o620):
                path.chmod(mode)
                result = scratch.pgcairn("list", check=False)
                path.chmod(0o600)
                assert result.returncode == PERMISSION, f"{path} {mode:o}: {result.stderr}"
                assert f"chmod 600 {path}" in result.stderr.replace("0600", "600")
        # Nothing secret, nothing to refuse.
        write(scratch, ".env", f"DATABASE_URL={server.conninfo()}\n", mode=0o644)
        assert scratch.pgcairn("list").returncode == 0
    finally:
        env_file.unlink()


def test_the_files_of_the_system_before_work_as_they_stand(place):
    scratch, server = place
    write(scratch, "old/config/backup.config.json", BACKUP_CONFIG, mode=0o644)
    write(scratch, "old/config/retention.config.json", RETENTION_CONFIG, mode=0o644)
    config = f"--config={scratch.root}/old"
    # The placeholders are read for what they are: an address that cannot be reached, a path that
    # does not exist.
    write(scratch, "old/.env", ENV_FILE)
    result = pgcairn(scratch, config, "list")
    assert result.returncode == 3 and "/path/to/backup/storage" in result.stderr
    env_file = "\n".join([line for line in ENV_FILE.splitlines()
                          if not line.startswith(("SUPABASE_DB_URL", "BACKUP_STORAGE_PATH"))] +
                         [f"DATABASE_URL={server.conninfo()}"])
    write(scratch, "old/.env", env_file)
    report = json.loads(pgcairn(scratch, config, "--output=json", "init").stdout)
    # Relative to the folder above config/.
    assert report["repository"] == f"{scratch.root}/old/storage/local"
    assert (scratch.root / "old/storage/local/repository").exists()
    assert (scratch.root / "old/storage/encryption/host.key").stat().st_mode & 0o777 == 0o600
    listed = json.loads(pgcairn(scratch, config, "--output=json", "list", cwd="/").stdout)
    assert listed["backups"] == []
    # The server archives into the other repository, so this one never sees a segment.
    server_check = pgcairn(scratch, config, "--output=json", "list", cwd=server.data)
    assert server_check.returncode == 0


def test_env_lies_above_config_and_not_in_the_working_directory(place):
    scratch, _ = place
    write(scratch, "above/config/backup.config.json", "{}")
    write(scratch, "above/.env", "BACKUP_STORAGE_PATH=from-the-folder-above\n")
    write(scratch, "elsewhere/.env", "BACKUP_STORAGE_PATH=/from/the/working/directory\n")
    write(scratch, "above/config/.env", "BACKUP_STORAGE_PATH=/from/beside\n")
    for cwd in ("elsewhere", "above/config", "above"):
        file = scratch.root / "above/config/backup.config.json"
        result = pgcairn(scratch, f"--config={file}", "list", cwd=scratch.root / cwd)
        assert result.returncode == 3
        assert f"{scratch.root}/above/from-the-folder-above" in result.stderr


def test_the_environment_wins_over_env_and_env_over_the_files(place):
    scratch, _ = place
    write(scratch, "order/config/backup.config.json", '{"storage": {"local_path": "/from/file"}}')
    config = f"--config={scratch.root}/order"
    assert "/from/file" in pgcairn(scratch, config, "list").stderr
    write(scratch, "order/.env", "BACKUP_STORAGE_PATH=/from/env\n")
    assert "/from/env" in pgcairn(scratch, config, "list").stderr
    result = pgcairn(scratch, config, "list", env={"BACKUP_STORAGE_PATH": "/from/environment"})
    assert "/from/environment" in result.stderr


def test_the_configuration_is_found_by_option_variable_and_working_directory(place):
    scratch, _ = place
    for name in ("option", "variable", "here"):
        write(scratch, f"{name}/config/backup.config.json",
              json.dumps({"storage": {"local_path": f"/of/{name}"}}))
    variable = {"PGCAIRN_CONFIG": str(scratch.root / "variable")}
    here = scratch.root / "here"
    assert "/of/here" in pgcairn(scratch, "list", cwd=here).stderr
    assert "/of/variable" in pgcairn(scratch, "list", cwd=here, env=variable).stderr
    assert "/of/option" in pgcairn(scratch, f"--config={scratch.root}/option", "list", cwd=here,
                                   env=variable).stderr


@pytest.mark.slow
def test_every_way_that_libpq_knows_leads_to_the_server(place):
    scratch, server = place
    config = {"storage": {"local_path": str(scratch.root / "repository")},
              "encryption": {"key_file": str(scratch.root / "storage/encryption/host.key")}}
    file = write(scratch, "libpq/config/backup.config.json", json.dumps(config))
    service = write(scratch, "services.conf", f"[db]\nhost={server.socket}\nport=5432\n"
                                              "dbname=postgres\nuser=postgres\n")
    url = f"postgresql://postgres@/postgres?host={server.socket}&port=5432"
    ways = [{"PGHOST": str(server.socket), "PGUSER": "postgres", "PGDATABASE": "postgres"},
            {"PGSERVICE": "db", "PGSERVICEFILE": str(service)},
            {"DATABASE_URL": url}, {"SUPABASE_DB_URL": url},
            {"DATABASE_URL": "service=db", "PGSERVICEFILE": str(service)}]
    backup = [f"--config={file}", "backup", "--test"]
    for way in ways:
        assert pgcairn(scratch, *backup, env=way).returncode == 0, way
        write(scratch, "libpq/.env", "".join(f"{name}={value}\n" for name, value in way.items()))
        assert pgcairn(scratch, *backup).returncode == 0, way
        (scratch.root / "libpq/.env").unlink()
    result = pgcairn(scratch, f"--config={file}", "backup")
    assert result.returncode == USAGE
    for name in ("DATABASE_URL", "SUPABASE_DB_URL", "cluster.connection"):
        assert name in result.stderr
    result = pgcairn(scratch, f"--config={file}", "backup",
                     env={"DATABASE_URL": url, "SUPABASE_DB_URL": "dbname=other"})
    assert result.returncode == USAGE and "two different connections" in result.stderr


# The server

def test_the_least_privileged_role_can_do_what_backups_need_and_no_more(place):
    scratch, server = place
    sql = scratch.pgcairn_json("init")["least_privilege_sql"]
    server.sql("CREATE TABLE IF NOT EXISTS secret AS SELECT 1")
    server.sql(sql)
    server.sql(sql)
    scratch.write_config(server, cluster={"connection": server.conninfo(user="pgcairn")})
    try:
        assert scratch.pgcairn_json("backup")["bad_page_count"] == 0
        assert scratch.pgcairn("check").returncode == 0
    finally:
        scratch.write_config(server)
    assert server.sql("SELECT has_table_privilege('pgcairn', 'secret', 'SELECT')") == "f"
    assert server.sql("SELECT rolsuper OR rolreplication OR rolcreaterole FROM pg_roles "
                      "WHERE rolname = 'pgcairn'") == "f"


def test_check_says_what_an_archive_timeout_of_0_can_cost(place):
    scratch, server = place
    def archiving():
        report = scratch.pgcairn_json("check")
        assert report["ok"]
        return [f for f in report["findings"] if "archive_timeout" in f["message"]]
    assert [finding["severity"] for finding in archiving()] == ["ok"]
    server.sql("ALTER SYSTEM SET archive_timeout = 0")
    server.sql("SELECT pg_reload_conf()")
    try:
        finding, = archiving()
    finally:
        server.sql("ALTER SYSTEM RESET archive_timeout")
        server.sql("SELECT pg_reload_conf()")
    assert finding["severity"] == "warning"
    assert "lost" in finding["message"] and "16.8 MB" in finding["message"]
    assert "archive_timeout = 60" in finding["remedy"]


# Who runs it

def run_as_root(scratch, *arguments):
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*root, "env", "-i", "PATH=/usr/bin:/bin", str(scratch.program),
                           f"--config={scratch.root}/config/backup.config.json", "--no-progress",
                           *arguments],
                          capture_output=True, text=True, check=False, cwd="/", timeout=300)


@pytest.mark.slow
def test_started_as_root_it_becomes_the_owner_and_says_so(place):
    scratch, _ = place
    owner = scratch.root.stat().st_uid
    result = run_as_root(scratch, "backup")
    assert result.returncode == 0, result.stderr
    assert "Started as root: going on as " in result.stderr
    restored = scratch.root / "as-root"
    result = run_as_root(scratch, "restore", f"--target-dir={restored}")
    assert result.returncode == 0, result.stderr
    for place_of_files in (scratch.root / "repository", restored):
        for path in [place_of_files, *place_of_files.rglob("*")]:
            assert path.lstat().st_uid == owner, path
    # The database of the same files is the proof that the server's user can use them.
    server = scratch.server("as-root")
    server.start_recovered()


def test_root_becomes_whom_owner_names_and_never_root(place):
    scratch, _ = place
    result = run_as_root(scratch, "--owner=root", "list")
    assert result.returncode == 12 and "--owner" in result.stderr
    result = run_as_root(scratch, "--owner=nobody-of-that-name", "list")
    assert result.returncode == USAGE and "nobody-of-that-name" in result.stderr
    result = run_as_root(scratch, "--owner=nobody", "list")
    assert "going on as nobody" in result.stderr and result.returncode == PERMISSION


@pytest.mark.parametrize("verb", ["init", "list"])
@pytest.mark.parametrize("mode", ["600", "644"])
@pytest.mark.parametrize("config_of", ["root", "the server's user"])
def test_roots_own_env_file_is_refused_with_the_lines_that_mend_it(scratch, verb, mode, config_of):
    config = scratch.write_config(scratch.server())
    env = scratch.root / ".env"
    env.write_text("BACKUP_ENCRYPTION_KEY='a passphrase that is long enough'\n")
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    roots = [env, *([config.parent, config] if config_of == "root" else [])]
    config.parent.chmod(0o755)
    config.chmod(0o644)
    env.chmod(int(mode, 8))
    subprocess.run([*root, "chown", "root", *roots], check=True)
    try:
        result = run_as_root(scratch, verb)
        assert result.returncode == PERMISSION and str(env) in result.stderr, result.stderr
        [remedy] = re.findall(r"^HINT: run: (.*)$", result.stderr, re.M)
        subprocess.run([*root, "sh", "-c", remedy], check=True)
        assert env.stat().st_uid != 0 and env.stat().st_mode & 0o777 == 0o600
        result = run_as_root(scratch, verb)
        assert str(env) not in result.stderr, result.stderr
    finally:
        subprocess.run([*root, "chown", str(scratch.root.stat().st_uid), *roots], check=True)


def test_another_user_is_refused_with_the_line_to_run(place):
    scratch, server = place
    folder = scratch.root / "of-nobody"
    (folder / "config").mkdir(parents=True)
    config = {"cluster": {"connection": server.conninfo()},
              "storage": {"local_path": str(folder / "repository")}}
    (folder / "config/backup.config.json").write_text(json.dumps(config))
    shutil.copy2(scratch.program, folder / "pgcairn")
    setpriv = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    subprocess.run([*root, "chown", "-R", "nobody", str(folder)], check=True)
    # The socket is open to all, the data directory is not.
    socket_mode = server.socket.stat().st_mode
    server.socket.chmod(0o755)
    try:
        result = subprocess.run([*root, *setpriv, "env", "-i", "PATH=/usr/bin:/bin",
                                 str(folder / "pgcairn"), f"--config={folder}", "init"],
                                capture_output=True, text=True, check=False, cwd="/", timeout=60)
    finally:
        server.socket.chmod(socket_mode & 0o777)
        subprocess.run([*root, "chown", "-R", str(scratch.root.stat().st_uid), str(folder)],
                       check=True)
    owner = as_server_user(["id", "-un"])
    name = subprocess.run(owner, capture_output=True, text=True, check=True).stdout.strip()
    assert result.returncode == PERMISSION, result.stderr
    assert f"sudo -u {name}" in result.stderr
    assert not (folder / "repository").exists()
