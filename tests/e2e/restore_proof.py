"""What must be true after every accident: the repository is valid, and what comes out of it is what
the server held."""

import json
import shutil

from cluster_contents import contents, require_equal
from scratch import CLIENT_BINDIR

# Alone with its data: nothing is archived and nothing vacuumed while it is compared.
ALONE = ("archive_mode=off", "autovacuum=off")


def repository_is_valid(scratch):
    """Every manifest can be read, and everything that one refers to is there and whole: for
    pgcairn, and for the reader that knows nothing of it. Returns what `list` says."""
    listed = scratch.pgcairn_json("list")
    assert listed["damaged"] == [] and listed["lost_histories"] == []
    scratch.pgcairn("verify")
    config = json.loads((scratch.root / "config/backup.config.json").read_text())
    repository = config["storage"]["local_path"]
    scratch.run(["/usr/bin/python3", scratch.reader, "--repository", repository, "check-hashes"])
    return listed


def cold_contents(server):
    """What a server holds when everything is archived. The server is stopped afterwards."""
    server.wait_archived()
    server.stop()
    server.start(*ALONE)
    held = contents(server)
    server.stop()
    return held


def require_restorable(scratch, held, name="proof", options=()):
    """A real restore, started, compared by content and page checksums, and removed again."""
    scratch.pgcairn("restore", *options, f"--target-dir={scratch.root}/{name}")
    require_recovers(scratch.server(name), held)


def require_recovers(restored, held):
    restored.start_recovered(*ALONE)
    require_equal(held, contents(restored))
    restored.stop()
    restored.scratch.run([CLIENT_BINDIR / "pg_checksums", "--check", "-D", restored.data])
    shutil.rmtree(restored.data)
