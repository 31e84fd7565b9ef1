#!/bin/bash
# usage: full-backup.sh [--test] [OPTION OF `pgcairn backup`]...
#
# A full backup of the running server. --test does everything and keeps nothing.
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" backup --type=full "$@"
