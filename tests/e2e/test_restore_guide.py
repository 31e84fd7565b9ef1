"""docs/restore.md, followed step by step: the host is lost, the repository and the recovery sheet are
left. Every command of the guide runs as it stands there; only /srv is a scratch directory, and the
packages are installed already."""

import json
import os
import re
import shutil
import subprocess

import pytest

from scratch import BUILD, CHECKOUT, as_server_user

pytestmark = pytest.mark.slow

GUIDE = (CHECKOUT / "docs/restore.md").read_text()
KEY = re.compile(r"PGCAIRN-ACCESS-KEY-1.*")
PASSPHRASE = "a long night of the soul"


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


class NewHost:
    """Where the guide is followed, as root."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.srv = scratch.make_directory("srv")
        self.srv.chmod(0o755)
        programs = scratch.root / "bin"
        programs.mkdir()
        shutil.copy(BUILD / "pgcairn", programs / "pgcairn")
        programs.chmod(0o755)
        self.path = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"

    def here(self, text):
        # The checkout may lie where the server's user cannot look.
        return text.replace("/srv/", f"{self.srv}/").replace("tools/reader/",
                                                             f"{self.scratch.reader.parent}/")

    def run(self, script):
        # sudo has a PATH of its own.
        script = self.here(script).replace("sudo -u postgres pgcairn",
                                           f"sudo -u postgres env PATH={self.path} pgcairn")
        as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
        done = subprocess.run(
            [*as_root, "env", f"PATH={self.path}", "LC_ALL=C.UTF-8", "bash", "-euxc", script],
            cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, name, text):
        """A file of postgres with mode 0600, as the guide wants it."""
        self.scratch.run(["sh", "-c", f'umask 077; cat > "{self.srv}/pgcairn/{name}"'], input=text)


def the_lost_host(scratch, env):
    """Returns the sheet and the rows; the host is gone, its repository lies in /srv."""
    server = scratch.server()
    server.initdb()
    server.configure(f"unix_socket_directories = '{server.socket}'")
    scratch.write_config(server)
    server.start()
    made = scratch.pgcairn("--output=json", "init", env=env)
    server.configure(*json.loads(made.stdout)["postgresql_conf"])
    server.stop()
    server.start()
    server.sql("CREATE TABLE kept (i int); INSERT INTO kept SELECT generate_series(1, 1000)")
    scratch.pgcairn("backup")
    server.sql("INSERT INTO kept VALUES (-1)")
    server.wait_archived()
    server.stop()
    shutil.rmtree(server.data)
    return made.stderr, server


def start_as_printed(scratch, host, server, restored, printed):
    start = [line.strip() for line in printed.splitlines() if "/pg_ctl " in line]
    assert len(start) == 1, printed
    copy = scratch.server(restored)
    copy.socket = server.socket
    copy.running = True
    scratch.run(["bash", "-c", start[0]])
    scratch.run(["bash", "-c", "until [ \"$({} -XAtqd '{}' -c 'SELECT pg_is_in_recovery()')\" = f ]; "
                 "do sleep 0.1; done".format("psql", copy.conninfo())], timeout=60)
    assert copy.sql("SELECT count(*), min(i) FROM kept") == "1001|-1"
    copy.stop()


def test_the_packages_of_the_guide_are_those_that_are_installed_here():
    named = {word for block in blocks("sh") for line in block.splitlines() if "apt-get install" in line
             for word in line.split("apt-get install", 1)[1].split()}
    assert "postgresql-15" in named and "python3-cryptography" in named
    for package in named:
        state = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package],
                               capture_output=True, text=True, check=False)
        assert state.stdout == "installed", package


@pytest.mark.parametrize("way_in", ["recovery key", "passphrase"])
def test_the_guide_brings_the_last_row_back(scratch, way_in):
    env = {"BACKUP_ENCRYPTION_KEY": PASSPHRASE} if way_in == "passphrase" else {}
    sheet, server = the_lost_host(scratch, env)
    host = NewHost(scratch)
    (scratch.root / "repository").rename(host.srv / "repository")
    shutil.rmtree(scratch.root / "storage")
    install, places, look, restore, reader = blocks("sh")
    assert "postgresql-15" in install
    host.run(places)
    [config] = blocks("json")
    host.write("config/backup.config.json", host.here(config))
    if way_in == "passphrase":
        host.write(".env", f"BACKUP_ENCRYPTION_KEY='{PASSPHRASE}'\n")
    else:
        host.write("recovery.key", KEY.search(sheet).group() + "\n")
    assert "timeline 1: from" in host.run(look)
    printed = host.run(restore)
    start_as_printed(scratch, host, server, "srv/restored", printed)
    if way_in == "passphrase":
        return
    commands = "\n".join(line for line in reader.splitlines() if "apt-get" not in line)
    listing, bring_back = commands.split(" list\n", 1)
    listed = host.run(listing + " list")
    backup = re.search(r"\d{8}_\d{6}-[0-9a-f]{4}", listed).group()
    host.run(bring_back.replace(" ID ", f" {backup} "))
    copy = scratch.server("srv/by-the-reader")
    copy.start_recovered()
    assert copy.sql("SELECT count(*), min(i) FROM kept") == "1001|-1"
