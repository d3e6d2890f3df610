#!/bin/sh
# Starts as root, makes what the server's user needs, and becomes the server.
set -eu
data=/var/lib/postgresql/data
programs=$(echo /usr/lib/postgresql/*/bin)

# Root's, for the server's group: so both trust it.
[ -e "$PARTAGE_DIR" ] || partage init --group postgres "$PARTAGE_DIR"
mkdir -p "$data" /run/postgresql
chown postgres "$data" /run/postgresql

# The user first, partage second: programs that change the user do not pass a preload on, or are static.
as_server() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
if [ ! -e "$data/PG_VERSION" ]; then
    as_server partage run -- "$programs/initdb" -D "$data" --auth=trust --no-sync
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups \
    partage run -- "$programs/postgres" -D "$data" -c shared_memory_type=sysv -c dynamic_shared_memory_type=sysv
