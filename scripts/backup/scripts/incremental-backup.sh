#!/bin/bash
# usage: incremental-backup.sh [--test]
#
# An incremental backup of the running server; without an earlier backup, a full one.
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" backup --type=incremental "$@"
