#!/bin/sh
# Runs every target of fuzz/ for so many inputs, prints what each did, and ends with 1 if one found something.
#   fuzz.sh [TARGET...]     RUNS=n inputs (100000) for those that need a process or a file each, ten times as many for
#                           the others; SANITIZER=address for another build
# What a run has learnt stays in target/fuzz/corpus, what it found in target/fuzz/found.
set -u
cd "$(dirname "$0")/.."
out=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
sanitizer=${SANITIZER:-none}
# The flags that instrument the code are not among the stable compiler's.
export RUSTC_BOOTSTRAP=1
[ $# -gt 0 ] || set -- $(sed -n 's/^path = "targets\/\(.*\)\.rs"/\1/p' fuzz/Cargo.toml)

cargo fuzz build --fuzz-dir fuzz --target-dir "$out" --sanitizer "$sanitizer" || exit 2
run=$(mktemp -d /dev/shm/partage-test-fuzz-XXXXXX) || exit 2
trap 'rm -rf "$run"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$out/found"

failed=0
for target; do
    mkdir -p "$out/corpus/$target"
    seeds=
    [ ! -d "fuzz/seeds/$target" ] || seeds=fuzz/seeds/$target
    runs=${RUNS:-100000}
    longest=400
    case $target in
    recording) runs=$((runs * 10)) longest=16384 ;;
    parsers) runs=$((runs * 10)) ;;
    esac
    log=$out/$target.log
    # shellcheck disable=SC2086 # a word or none
    PARTAGE_FUZZ_DIR=$run/$target cargo fuzz run --fuzz-dir fuzz --target-dir "$out" \
        --sanitizer "$sanitizer" "$target" "$out/corpus/$target" $seeds -- \
        -runs="$runs" -max_len="$longest" -len_control=0 -timeout=60 -print_final_stats=1 \
        -artifact_prefix="$out/found/$target-" >"$log" 2>&1
    status=$?
    done_=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    if [ "$status" = 0 ] && [ "${done_:-0}" -ge "$runs" ]; then
        findings=0
    else
        findings=1 failed=1
        grep -a -A 8 'FINDING\|panicked at\|ERROR: libFuzzer\|^error' "$log" | head -n 40 >&2
    fi
    echo "fuzz $target: ${done_:-0} inputs, ${covered:-0} places reached, $findings findings"
done
exit $failed
