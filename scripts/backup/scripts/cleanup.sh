#!/bin/bash
# usage: cleanup.sh [--dry-run]
#
# Deletes the backups and WAL files that no rule of retention keeps.
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" prune "$@"
