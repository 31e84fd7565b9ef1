"""What initdb makes, kept for the tests that start from it: initdb takes seconds, a copy a tenth of
one. All copies have one system identifier, so a test takes at most one of them."""

import pathlib
import shutil
import tempfile


class FreshClusters:
    """One directory for each way of calling initdb."""

    def __init__(self):
        self.root = None
        self.made = {}

    def copy_to(self, data, command, run, give):
        """Makes `data` what `command`, with -D and a directory added, makes. `run` runs a command as
        the server's user, `give` gives that user a path."""
        if self.root is None:
            self.root = pathlib.Path(tempfile.mkdtemp(prefix="pgcairn-initdb-"))
            give(self.root)
        key = tuple(str(part) for part in command)
        if key not in self.made:
            made = self.root / str(len(self.made))
            run([*command, "-D", made])
            self.made[key] = made
        # Not their times: files as new as initdb's own.
        run(["cp", "-R", self.made[key], data])

    def remove(self):
        if self.root is not None:
            shutil.rmtree(self.root, ignore_errors=True)
        self.root, self.made = None, {}


FRESH_CLUSTERS = FreshClusters()
