#!/bin/sh
# Runs the producer and the consumer side by side and shows the namespace while both are there.
set -eu
home=$(dirname "$0")
echo "$PARTAGE_DIR" >>"$DEMO_NAMESPACES"
talk=$(mktemp -d /tmp/partage-talk.XXXXXX)
trap 'rm -rf "$talk"' EXIT
mkfifo "$talk/said" "$talk/go"

"$home/producer" <"$talk/go" >"$talk/said" &
exec 3>"$talk/go" 4<"$talk/said"
read -r line <&4
echo "producer: $line"
"$home/consumer" >"$talk/consumer" &
while read -r line <&4; do
    [ "$line" != delivered ] || break
    echo "producer: $line"
done
sed 's/^/consumer: /' "$talk/consumer"
echo
"$home/partage" ls
echo
echo "go on" >&3
while read -r line <&4; do echo "producer: $line"; done
wait
