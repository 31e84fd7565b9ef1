#!/bin/bash
# usage: incremental-backup.sh
#
# Ends with 2: pgcairn says that incremental backups are not built yet.
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" backup --type=incremental "$@"
