#!/bin/bash
# usage: pgcairn.sh VERB [OPTION]...
#
# Runs pgcairn on the configuration and the .env of this folder, from wherever it is called, and
# ends with its exit status. The program is $PGCAIRN, or the one in PATH, or the one that
# scripts/build made.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)

program=${PGCAIRN:-$(command -v pgcairn || echo "$here/../../build/release/pgcairn")}
if [[ ! -x $program || -d $program ]]; then
  echo "There is no program $program" >&2
  echo "HINT: put pgcairn into PATH, name it in PGCAIRN, or build it with scripts/build" >&2
  exit 2
fi
exec "$program" --config="$here/config/backup.config.json" "$@"
