#!/bin/sh
# Makes a database cluster, works with it, shows the namespace meanwhile, and stops it cleanly.
#   demo-postgresql.sh PROGRAMS DIRECTORY
set -eu
home=$(dirname "$0")
echo "$PARTAGE_DIR" >>"$DEMO_NAMESPACES"
programs=$1
cd "$2"
export LC_ALL=C PGHOST="$PWD" PGDATABASE=postgres

"$programs/initdb" -D data -A trust --no-sync >initdb.log || { cat initdb.log; exit 1; }
cat >>data/postgresql.conf <<SETTINGS
shared_memory_type = sysv
dynamic_shared_memory_type = sysv
listen_addresses = ''
unix_socket_directories = '$PWD'
fsync = off
SETTINGS
"$programs/pg_ctl" -D data -w -l log start >start.log || { cat start.log log; exit 1; }
trap '"$programs/pg_ctl" -D data -m immediate stop >/dev/null 2>&1 || true' EXIT
"$programs/psql" -XAtc 'select version()'
"$programs/pgbench" -i -q -s 2 2>/dev/null
"$programs/pgbench" -c 4 -j 2 -t 500 2>/dev/null | grep -E 'actually processed|^tps'
echo
"$home/partage" ls
echo
"$programs/pg_ctl" -D data -m fast -w stop
trap - EXIT
