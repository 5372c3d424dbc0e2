#!/usr/bin/env bash
# run_gtest.sh BUILD FILTER LOG: runs Caffe's test runner where its test data are, a
# part of the tests on each processor, shows how far it is, keeps everything in LOG.
set -uo pipefail
log=$PWD/$3
export GTEST_TOTAL_SHARDS=$(nproc)
cd "$1/caffe" || exit 1
trap 'kill $(jobs -p) 2> /dev/null' EXIT
for ((part = 0; part < GTEST_TOTAL_SHARDS; part++)); do
  logs[part]=$log.$part
  GTEST_SHARD_INDEX=$part ../test/test.testbin --gtest_color=no --gtest_filter="$2" \
    > "${logs[part]}" 2>&1 &
  runners[part]=$!
done
done_of() { cat "${logs[@]}" | grep -acE '^\[       OK \]'; }
while [ "$(jobs -rp)" ]; do
  [ ! -t 1 ] || printf '\r%5d tests done' "$(done_of)"
  sleep 1
done
status=0
for runner in "${runners[@]}"; do wait "$runner" || status=1; done
printf '\r%5d tests passed\n' "$(done_of)"
cat "${logs[@]}" > "$log"
rm "${logs[@]}"
grep -aE 'Failure$|^\[  FAILED|^F[0-9]{8}' "$log"
[ $status -eq 0 ] || { echo "run_gtest.sh: failed; see $3" >&2; tail -n 5 "$log" >&2; }
exit $status
