#!/bin/sh
# Runs a command, and says what it is and how long it took.
#   timed.sh WHAT COMMAND...
set -u
what=$1
shift
printf '== %s\n' "$what" >&2
begin=$(date +%s)
"$@"
status=$?
taken=$(($(date +%s) - begin))
outcome="done"
[ "$status" = 0 ] || outcome="FAILED ($status)"
printf '== %s: %s in %d min %02d s\n' "$what" "$outcome" $((taken / 60)) $((taken % 60)) >&2
exit "$status"
