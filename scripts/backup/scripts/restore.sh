#!/bin/bash
# usage: restore.sh --list
#        restore.sh [--test] [--type=full|pitr] [--source=latest|BACKUP] [--timestamp=TIME]
#                   [OPTION OF `pgcairn restore`]...
#
# Lists the backups and the moments that can be restored, or restores. Without --target-dir the
# target is the server's own data directory, which must be empty, its server stopped. --test restores
# to a temporary place, starts a server there, asks every database and removes it all.
pgcairn=$(dirname "$(readlink -f "$0")")/../pgcairn.sh
previous=''
for argument in "$@"; do
  [[ $previous == --type ]] && argument=--type=$argument
  case $argument in
    --list) exec "$pgcairn" list ;;
    --type=table | --type=schema | --table | --table=*)
      echo "Restoring single tables or the schema alone is not built yet; nothing was done" >&2
      echo "HINT: restore everything with --type=full --target-dir=DIR, start that server, and" \
        "copy from there what you need" >&2
      exit 2
      ;;
  esac
  previous=$argument
done
exec "$pgcairn" restore "$@"
