"""Servers refuse to run as root: root becomes the user of Debian's PostgreSQL package for good."""

import os
import pwd

SERVER_USER = "postgres"


def give_to_server_user(path):
    """Makes a file or directory belong to the user that `become_server_user` changes to."""
    if os.getuid() == 0:
        entry = pwd.getpwnam(SERVER_USER)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def become_server_user():
    """Everything that this process does afterwards, it does as that user."""
    if os.getuid() != 0:
        return
    entry = pwd.getpwnam(SERVER_USER)
    os.initgroups(SERVER_USER, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
