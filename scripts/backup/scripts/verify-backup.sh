#!/bin/bash
# usage: verify-backup.sh [--latest | --file=BACKUP | OPTION OF `pgcairn verify`]...
#
# Proves that backups and archived WAL are whole. BACKUP is an id of `restore.sh --list` or its
# time, as in backup_20240101_020000.sql.gz.
arguments=()
while (($#)); do
  case $1 in
    --file=*) arguments+=("--backup=${1#--file=}") ;;
    --file) arguments+=(--backup) ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
exec "$(dirname "$(readlink -f "$0")")/../pgcairn.sh" verify "${arguments[@]}"
