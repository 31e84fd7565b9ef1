#!/bin/bash
# usage: health-check.sh
cat >&2 <<'END'
Health monitoring is not built yet: nothing was examined.
HINT: `pgcairn.sh check` examines server, archiving, repository, key and the newest backup once
END
exit 2
