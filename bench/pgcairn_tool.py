"""pgcairn, with a repository of its own for each run."""

import json
import pathlib
import shlex
import shutil

from data_files import bytes_of


class Pgcairn:
    name = "pgcairn"

    def __init__(self, runner, program, place, server, settings, database="postgres"):
        """Makes an empty repository in `place` for the cluster of the running `server`."""
        self._place = pathlib.Path(place)
        self.repository = self._place / "repository"
        (self._place / "config").mkdir(parents=True, mode=0o700)
        config = self._place / "config/backup.config.json"
        config.write_text(json.dumps({
            "cluster": self._cluster(server.conninfo(database)),
            "storage": {"local_path": str(self.repository)},
            "compression": {"level": settings.level},
            "performance": {"jobs": settings.jobs},
            # The peers do not read back what they stored either.
            "schedules": {"verification": "never"},
        }, indent=2), encoding="utf-8")
        config.chmod(0o600)
        self._command = [program, f"--config={config}", "--no-progress", "--output=json"]
        runner.run([*self._command, "init"])

    @staticmethod
    def _cluster(conninfo):
        return {"connection": conninfo}

    def stored_bytes(self):
        return bytes_of(self.repository)

    def stored_without_wal_bytes(self):
        return self.stored_bytes() - sum(
            bytes_of(wal) for wal in self.repository.glob("clusters/*/wal"))

    def remove(self):
        shutil.rmtree(self._place)

    def archive_command(self):
        return f"{shlex.join(map(str, self.push_command()))} %p"

    def backup_command(self):
        return [*self._command, "backup"]

    def incremental_command(self):
        return [*self._command, "backup", "--type=incremental"]

    def incremental_figures(self, output):
        """What the incremental backup that printed `output` says of itself, as fields of a Cost."""
        report = json.loads(output)
        return {"read_bytes": report["bytes_read"],
                "metadata_bytes": report["metadata_bytes_stored"],
                "compacted_bytes": report["bytes_compacted"]}

    def backup_id(self, output):
        return json.loads(output)["backup_id"]

    def restore_command(self, target, backup_id="latest"):
        return [*self._command, "restore", "--type=full", f"--source={backup_id}", "--target-dir",
                target]

    def delta_command(self, target):
        """A restore of the newest backup into a directory that holds most of it already."""
        return [*self.restore_command(target), "--delta"]

    def restore_requests(self, output):
        """How often the restore that printed `output` asked the storage for something."""
        return json.loads(output)["requests"]

    def push_command(self):
        """To be followed by the path of a segment."""
        return [*self._command, "wal", "push"]

    def fetch_command(self):
        """To be followed by the name of a segment and where to write it."""
        return [*self._command, "wal", "fetch"]


def version_command(program):
    return [program, "--version"]
