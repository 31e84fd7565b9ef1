#!/bin/bash
# usage: archive_command = '/PATH/TO/scripts/backup/scripts/wal-archive.sh %p'
#
# Archives one WAL file. Does not change the working directory: PostgreSQL's %p starts there.
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" wal push "$@"
