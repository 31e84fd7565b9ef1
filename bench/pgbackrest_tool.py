"""Debian's pgBackRest, with a repository of its own for each run."""

import pathlib
import shlex
import shutil

from data_files import bytes_of

PROGRAM = "/usr/bin/pgbackrest"


class PgBackRest:
    name = "pgBackRest"

    def __init__(self, runner, place, server, settings):
        """Makes an empty repository in `place` for the cluster of the running `server`."""
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
            "[bench]",
            f"pg1-path={server.data}",
            f"pg1-socket-path={server.socket}",
            "pg1-user=postgres",
            ""]), encoding="utf-8")
        config.chmod(0o600)
        self._command = [PROGRAM, f"--config={config}", "--stanza=bench"]
        runner.run([*self._command, "stanza-create"])

    def stored_bytes(self):
        return bytes_of(self.repository)

    def remove(self):
        shutil.rmtree(self._place)

    def archive_command(self):
        return f"{shlex.join(self.push_command())} %p"

    def backup_command(self):
        return [*self._command, "--type=full", "backup"]

    def restore_command(self, target):
        return [*self._command, f"--pg1-path={target}", "--type=immediate",
                "--target-action=promote", "--archive-mode=off", "restore"]

    def push_command(self):
        """To be followed by the path of a segment."""
        return [*self._command, "archive-push"]

    def fetch_command(self):
        """To be followed by the name of a segment and where to write it."""
        return [*self._command, "archive-get"]


def version_command():
    return [PROGRAM, "version"]
