"""scripts/backup: the command lines of the scripts that came before pgcairn, as their users type
them, on a server of their own."""

import json
import shutil
import stat

import pytest

from scratch import BUILD, CHECKOUT, Scratch, give_to_server_user

USAGE, ABSENT, REFUSED, UNREACHABLE = 2, 3, 12, 15

SCRIPTS = ("scripts/full-backup.sh", "scripts/incremental-backup.sh", "scripts/wal-archive.sh",
           "scripts/verify-backup.sh", "scripts/restore.sh", "scripts/cleanup.sh",
           "cron/backup-cron.sh", "cron/monitoring-cron.sh", "monitoring/health-check.sh",
           "monitoring/alerts.sh")

SETUP = """
# Navigate to backup directory
cd scripts/backup

# Make scripts executable
chmod +x scripts/*.sh cron/*.sh monitoring/*.sh

# Create required directories
mkdir -p storage/{local,encryption,logs}

# Initialize configuration
cp config/backup.config.json.example config/backup.config.json
"""

ENVIRONMENT = """
# Create .env file in backup directory
cat > .env << EOF
SUPABASE_PROJECT_ID=chekmxqlnosxphbmxiil
SUPABASE_DB_URL={url}
BACKUP_ENCRYPTION_KEY=your-encryption-key-here
BACKUP_STORAGE_PATH={repository}
NOTIFICATION_EMAIL=admin@yourproject.com
EOF
"""

NO_PARTS = "Restoring single tables or the schema alone is not built yet"
NOT_BUILT = {
    "./cron/backup-cron.sh install": "Installing schedules is not built yet",
    "./cron/monitoring-cron.sh install": "Scheduled monitoring is not built yet",
    "./monitoring/health-check.sh": "Health monitoring is not built yet",
    "./monitoring/alerts.sh": "Alerts are not built yet",
    "./scripts/restore.sh --type=table --table=listings --source=latest": NO_PARTS,
    "./scripts/restore.sh --type schema": NO_PARTS,
}


def copy_tree(scratch, name):
    """A project of a user's, with the program where scripts/build puts it."""
    project = scratch.root / name
    shutil.copytree(CHECKOUT / "scripts/backup", project / "scripts/backup",
                    ignore=shutil.ignore_patterns("storage", ".env", "*.json"))
    program = project / "build/release/pgcairn"
    program.parent.mkdir(parents=True)
    shutil.copy(BUILD / "pgcairn", program)
    program.chmod(0o755)
    for path in (project, *project.rglob("*")):
        give_to_server_user(path)
        path.chmod(path.stat().st_mode | 0o055 if path.is_dir() else path.stat().st_mode | 0o044)
    return project


class Tree:
    """scripts/backup set up as its users did, for a server that archives with it."""

    def __init__(self, scratch, server):
        self.scratch = scratch
        self.server = server
        self.project = copy_tree(scratch, "project")
        self.folder = self.project / "scripts/backup"
        self.run(SETUP, cwd=self.project)
        url = f"postgresql://postgres:s3cret@/postgres?host={server.socket}&port=5432"
        self.run(ENVIRONMENT.format(url=url, repository=scratch.root / "backup-storage"))

    def run(self, command, cwd=None, check=True, env=None):
        """What the user types into bash."""
        return self.scratch.run(["bash", "-ec", f"umask 022; {command}"], cwd=cwd or self.folder,
                                check=check, env=env)

    def backups(self):
        return json.loads(self.run("./pgcairn.sh --output=json list").stdout)["backups"]

    def restore_in_place(self, command):
        """The server's directory is lost; the command brings it back."""
        self.server.stop("immediate")
        shutil.rmtree(self.server.data)
        self.run(command)
        self.server.start_recovered()


@pytest.fixture(name="tree", scope="module")
def _tree():
    with Scratch() as scratch:
        server = scratch.server()
        server.initdb()
        server.start()
        tree = Tree(scratch, server)
        tree.run("./pgcairn.sh init")
        server.configure("archive_mode = on", "archive_timeout = 60",
                         f"archive_command = '{tree.folder}/scripts/wal-archive.sh %p'")
        server.stop()
        server.start()
        server.sql("CREATE TABLE listings AS SELECT 'first' AS title")
        yield tree


@pytest.fixture(name="backed_up", scope="module")
def _backed_up(tree):
    """With one backup, a second row after it, the moment then, and a third row."""
    tree.run("./scripts/full-backup.sh")
    tree.server.sql("INSERT INTO listings VALUES ('second')")
    tree.moment = tree.server.sql("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    tree.server.sql("INSERT INTO listings VALUES ('third')")
    tree.server.wait_archived()
    return tree


def titles(server):
    return server.sql("SELECT title FROM listings ORDER BY title").split("\n")


def test_the_setup_leaves_secrets_to_their_owner(tree):
    assert stat.S_IMODE((tree.folder / ".env").stat().st_mode) == 0o600
    for name in ("storage/encryption/host.key",):
        assert stat.S_IMODE((tree.folder / name).stat().st_mode) == 0o600
    assert (tree.scratch.root / "backup-storage/repository").exists()


def test_the_example_configuration_passes_and_check_names_what_has_no_effect(tree):
    tree.run("cp config/retention.config.json.example config/retention.config.json")
    found = tree.run("./pgcairn.sh check").stdout
    for key in ("schedules.full_backup", "storage.offsite_enabled",
                "policies.wal_files.archive_after_days", "monitoring.notification_channels",
                "NOTIFICATION_EMAIL"):
        assert key in found


def test_a_test_backup_keeps_nothing(tree):
    before = tree.backups()
    assert "nothing was kept" in tree.run("./scripts/full-backup.sh --test").stdout
    assert tree.backups() == before


@pytest.mark.slow
def test_a_backup_is_listed_verified_and_tried(backed_up):
    [backup] = backed_up.backups()
    assert backup["backup_id"] in backed_up.run("./scripts/restore.sh --list").stdout
    for command in ("./scripts/verify-backup.sh --latest",
                    f"./scripts/verify-backup.sh --file=backup_{backup['backup_id'][:15]}.sql.gz",
                    f"./scripts/verify-backup.sh --file {backup['backup_id']}"):
        assert f"Backup {backup['backup_id']}: good" in backed_up.run(command).stdout
    tried = backed_up.run("./scripts/restore.sh --test --source=latest").stdout
    assert "The backup can be restored" in tried


def test_a_backup_that_there_is_not_is_named(backed_up):
    asked = backed_up.run("./scripts/verify-backup.sh --file=backup_20240101_020000.sql.gz",
                          check=False)
    assert asked.returncode == ABSENT
    assert "backup_20240101_020000" in asked.stderr


@pytest.mark.slow  # prune.grace, as it is when nobody sets it
def test_incremental_backups_and_cleaning_up_are_the_programs_verbs(backed_up):
    made = backed_up.run("./scripts/incremental-backup.sh")
    assert "incremental" in made.stdout
    cleaned = backed_up.run("./scripts/cleanup.sh")
    assert "Deleted" in cleaned.stdout or "Nothing" in cleaned.stdout, cleaned.stdout


@pytest.mark.slow
def test_a_lost_server_comes_back_to_its_end_or_to_a_moment(backed_up):
    refused = backed_up.run("./scripts/restore.sh --type=full --source=latest", check=False)
    assert refused.returncode == REFUSED and "still runs" in refused.stderr
    before_all = backed_up.run(
        './scripts/restore.sh --type=pitr --timestamp="2024-01-01 12:00:00"', check=False)
    assert before_all.returncode == UNREACHABLE
    assert "2024-01-01 12:00:00" in before_all.stderr
    backed_up.restore_in_place("./scripts/restore.sh --type=full --source=latest")
    assert titles(backed_up.server) == ["first", "second", "third"]
    backed_up.restore_in_place(
        f'./scripts/restore.sh --type=pitr --timestamp="{backed_up.moment}"')
    assert titles(backed_up.server) == ["first", "second"]


@pytest.mark.parametrize("command", NOT_BUILT)
def test_what_is_not_built_says_so_and_ends_with_2(tree, command):
    asked = tree.run(command, check=False)
    assert asked.returncode == USAGE
    assert NOT_BUILT[command] in asked.stderr and "HINT:" in asked.stderr
    assert asked.stdout == ""


def test_every_script_of_the_seed_is_there_and_runs_from_anywhere(tree):
    for name in ("README.md", "config/backup.config.json", *SCRIPTS):
        assert (tree.folder / name).exists()
    listed = tree.run("project/scripts/backup/scripts/restore.sh --list", cwd=tree.scratch.root,
                      env={"PGCAIRN_CONFIG": "/nowhere"})
    assert "Cluster main" in listed.stdout
    tree.run("ln -s project/scripts/backup/scripts/restore.sh linked", cwd=tree.scratch.root)
    assert tree.run("./linked --list", cwd=tree.scratch.root).stdout == listed.stdout


def test_the_program_is_the_named_one_or_that_of_path_or_the_one_that_was_built(tree):
    places = {name: tree.scratch.make_directory(name) for name in ("named", "path")}
    for name, place in places.items():
        (place / "pgcairn").write_text(f'#!/bin/bash\necho {name} "$@"\nexit 42\n')
        (place / "pgcairn").chmod(0o755)
        give_to_server_user(place / "pgcairn")
    named = {"PGCAIRN": str(places["named"] / "pgcairn")}
    path = {"PATH": f"{places['path']}:/usr/bin:/bin"}
    for env, who in (({**named, **path}, "named"), (path, "path")):
        asked = tree.run("./scripts/full-backup.sh --test", check=False, env=env)
        assert asked.returncode == 42
        assert asked.stdout == (f"{who} --config={tree.folder}/config/backup.config.json "
                                "backup --type=full --test\n")
    gone = tree.run("./scripts/full-backup.sh", check=False, env={"PGCAIRN": "/nowhere/pgcairn"})
    assert gone.returncode == USAGE
    assert "/nowhere/pgcairn" in gone.stderr and "HINT:" in gone.stderr
