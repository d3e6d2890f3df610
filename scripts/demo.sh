#!/bin/sh
# What `make run` shows: two C programs, then PostgreSQL, sharing memory where the kernel's
# System V calls fail with ENOSYS, each in a private namespace that is gone afterwards.
#   demo.sh DIRECTORY_OF_THE_RELEASE
set -eu
cd "$(dirname "$0")/.."
release=$1
postgresql=$(scripts/find-postgresql.sh || true)

title() { printf '\n== %s\n' "$*"; }

# A copy that any account can reach, wherever the build directory is.
home=$(mktemp -d /tmp/partage-demo.XXXXXX)
trap 'rm -rf "$home"' EXIT
chmod 755 "$home"
cp "$release"/partage "$release"/libpartage*.so scripts/demo-*.sh "$home"
for program in producer consumer; do
    cc -O2 -Wall -Wextra -o "$home/$program" "examples/c/$program.c"
done

# Each run notes its namespace here.
namespaces=$home/namespaces
touch "$namespaces"
chmod 666 "$namespaces"
export DEMO_NAMESPACES="$namespaces"

title "System V and POSIX shared memory between two C programs"
"$home/partage" run --private --without-kernel-sysv -- sh "$home/demo-programs.sh"

if [ -n "$postgresql" ]; then
    title "PostgreSQL, all of its memory in System V segments"
    mkdir "$home/server"
    set -- "$home/partage" run --private --without-kernel-sysv -- \
        sh "$home/demo-postgresql.sh" "$postgresql" "$home/server"
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$home/server"
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
else
    title "PostgreSQL is not installed: left out"
fi

title "What is left"
# The kernel's own segments need no look: none could be made.
left=$(while read -r namespace; do
    if [ -e "$namespace" ]; then echo "$namespace"; fi
done <"$namespaces")
[ ! -e /dev/shm/partage-example ] || left="$left /dev/shm/partage-example"
if [ -n "$left" ]; then
    echo "$left"
    exit 1
fi
echo "nothing: no namespace, no object, no segment"
