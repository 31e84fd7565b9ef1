"""A server whose configuration lies outside the data directory, as Debian's packages have it."""

import shutil

from scratch import Server, give_to_server_user

CONFIGURATION = """
data_directory = '{data}'
hba_file = '{etc}/pg_hba.conf'
ident_file = '{etc}/pg_ident.conf'
external_pid_file = '{root}/run/main.pid'
unix_socket_directories = '{socket}'
listen_addresses = ''
fsync = off
cluster_name = 'debian/main'
include_dir = 'conf.d'
"""


class DebianServer(Server):
    """Use initdb() as ever; the configuration is moved away then."""

    def initdb(self, *arguments, checksums=True):
        self.etc = None
        super().initdb(*arguments, checksums=checksums)
        root = self.scratch.root
        etc = root / "etc/postgresql/15/main"
        for folder in (root / "run", etc / "conf.d"):
            folder.mkdir(parents=True)
            give_to_server_user(folder)
        for name in ("pg_hba.conf", "pg_ident.conf"):
            shutil.move(self.data / name, etc / name)
        (self.data / "postgresql.conf").unlink()
        (etc / "postgresql.conf").write_text(CONFIGURATION.format(
            data=self.data, etc=etc, root=root, socket=self.socket))
        (etc / "conf.d/memory.conf").write_text("work_mem = '7MB'\n")
        (etc / "postgresql.conf").chmod(0o644)
        (etc / "conf.d/memory.conf").chmod(0o644)
        for path in (root / "etc").rglob("*"):
            give_to_server_user(path)
        self.etc = etc

    def configure(self, *lines):
        if self.etc is None:
            super().configure(*lines)
            return
        with open(self.etc / "conf.d/zz-local.conf", "a", encoding="utf-8") as conf:
            conf.write("\n".join(lines) + "\n")

    def start(self, *settings, wait=True, timeout=60):
        super().start(f"config_file={self.etc}/postgresql.conf", *settings, wait=wait,
                      timeout=timeout)
