#!/bin/sh
# Prints the directory of PostgreSQL's programs, of the newest version that is installed; fails if there is none.
set -u
# Debian's directories, and Alpine's; elsewhere they are in PATH.
for directory in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/libexec/postgresql*/ | sort -rV) $(echo "$PATH" | tr : ' '); do
    if [ -x "$directory/postgres" ] && [ -x "$directory/initdb" ]; then
        echo "${directory%/}"
        exit 0
    fi
done
exit 1
