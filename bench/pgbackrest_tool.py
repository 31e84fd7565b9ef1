"""Debian's pgBackRest, and a newer one if there is, with a repository of its own for each run."""

import json
import pathlib
import shlex
import shutil

from data_files import bytes_of
from results import NEWER_PGBACKREST, PGBACKREST

PROGRAM = "/usr/bin/pgbackrest"


class PgBackRest:
    name = PGBACKREST
    _program = PROGRAM
    _options = ()

    def __init__(self, runner, place, server, settings):
        """Makes an empty repository in `place` for the cluster of the running `server`."""
        self._runner = runner
        self._place = pathlib.Path(place)
        self.repository = self._place / "repository"
        self._place.mkdir(parents=True, mode=0o700)
        config = self._place / "pgbackrest.conf"
        config.write_text("\n".join([
            "[global]",
            f"repo1-path={self.repository}",
            "repo1-cipher-type=aes-256-cbc",
            "repo1-cipher-pass=a passphrase that protects nothing",
            "repo1-retention-full=99",
            "compress-type=zst",
            f"compress-level={settings.level}",
            f"process-max={settings.jobs}",
            "start-fast=y",
            "archive-async=n",
            # What pgcairn does not do in a backup either.
            "expire-auto=n",
            f"lock-path={self._place}/lock",
            f"spool-path={self._place}/spool",
            "log-level-file=off",
            "log-level-console=warn",
            # It starts itself for each process, and the newer one is not what /proc/self/exe names.
            f"cmd={self._program}",
            *self._options,
            "[bench]",
            f"pg1-path={server.data}",
            f"pg1-socket-path={server.socket}",
            "pg1-user=postgres",
            ""]), encoding="utf-8")
        config.chmod(0o600)
        self._command = [self._program, f"--config={config}", "--stanza=bench"]
        runner.run([*self._command, "stanza-create"])

    def stored_bytes(self):
        return bytes_of(self.repository)

    def stored_without_wal_bytes(self):
        return bytes_of(self.repository / "backup")

    def remove(self):
        shutil.rmtree(self._place)

    def archive_command(self):
        return f"{shlex.join(self.push_command())} %p"

    def backup_command(self):
        return [*self._command, "--type=full", "backup"]

    def incremental_command(self):
        return [*self._command, "--type=incr", "backup"]

    def incremental_figures(self, _):
        """What is known of the last backup, as fields of a Cost; it prints nothing."""
        stanzas = json.loads(self._runner.run([*self._command, "--output=json", "info"]))
        last = stanzas[0]["backup"][-1]
        # A file is copied whole, or looked at whole, if its time or size changed.
        return {"read_bytes": last["info"]["delta"],
                "metadata_bytes": self._manifest_bytes(last["label"])}

    def _manifest_bytes(self, label):
        backups = self.repository / "backup/bench"
        manifests = [*backups.glob(f"{label}/backup.manifest*"),
                     *backups.glob(f"backup.history/*/{label}.*")]
        return sum(path.stat().st_size for path in manifests)

    def restore_command(self, target):
        return [*self._command, f"--pg1-path={target}", "--type=immediate",
                "--target-action=promote", "--archive-mode=off", "restore"]

    def delta_command(self, target):
        """A restore of the newest backup into a directory that holds most of it already."""
        return [*self.restore_command(target), "--delta"]

    def restore_requests(self, _):
        return None

    def push_command(self):
        """To be followed by the path of a segment."""
        return [*self._command, "archive-push"]

    def fetch_command(self):
        """To be followed by the name of a segment and where to write it."""
        return [*self._command, "archive-get"]


class NewerPgBackRest(PgBackRest):
    """What bench/install-newer-pgbackrest brought, with its blocks: of a file that changed it stores
    not all, but those blocks of 8 to 88 KiB that did."""

    name = NEWER_PGBACKREST
    _options = ("repo1-bundle=y", "repo1-block=y")

    def __init__(self, program, *arguments):
        self._program = str(program)
        super().__init__(*arguments)


def version_command(program=PROGRAM):
    return [program, "version"]
