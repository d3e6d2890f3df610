#!/bin/sh
# Healthy: the server answers, and its segment is there and somebody is attached. Root sees what the server's user sees, since
# PARTAGE_DIR names the namespace for both.
set -eu
setpriv --reuid=postgres --regid=postgres --init-groups /usr/bin/pg_isready --quiet --host=/run/postgresql
partage ls --json | grep -q '"nattch": [1-9]'
