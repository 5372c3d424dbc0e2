#!/usr/bin/env bash
# sanitized_tests.sh BUILD FILTER: the sanitized test runner in PARTS parts (50), JOBS at
# a time. A part that passed is not run again while the program is the same, so that a
# call goes on where the last one was interrupted or failed. Logs: BUILD/parts.
set -uo pipefail
export GTEST_TOTAL_SHARDS=${PARTS:-50} FILTER=$2
PROGRAM=$(realpath "$1/test/test.testbin") || exit 1
LOGS=$(realpath -m "$1/parts")
export PROGRAM LOGS
mkdir -p "$LOGS"
cd "$1/caffe" || exit 1
# Other tests, other parts.
echo "$GTEST_TOTAL_SHARDS $FILTER" | cmp -s - "$LOGS/of" || {
  rm -f "$LOGS"/*.passed
  echo "$GTEST_TOTAL_SHARDS $FILTER" > "$LOGS/of"
}
# Upstream's tests, and their copies for oneDNN, leave what they allocate, clang's OpenMP
# what its threads have; this prints who else does, by a log.
leaks() {
  awk '/^Direct leak/ { looking = 1 }
    looking && /^ +#/ && ! / in (operator new|[a-z_]*alloc|[a-z_]*align|([^(]* )?std::)/ {
      if (! /\/(src\/caffe\/test|onednn_tests)\/test_|\/libomp\.so/) print
      looking = 0
    }
    looking && /^$/ { print "a leak by no known code"; looking = 0 }' "$1"
}
# Whether all that ran passed and nothing else is reported.
sound() {
  grep -aq '^\[  PASSED  \]' "$1" && ! grep -aq '^\[  FAILED  \]' "$1" \
    && [ -z "$(grep -a '^SUMMARY: ' "$1" | grep -v 'leaked in'; leaks "$1")" ]
}
export -f leaks sound
part() {
  local log=$LOGS/$1.log
  [ ! "$LOGS/$1.passed" -nt "$PROGRAM" ] || return 0
  rm -f "$LOGS/$1.passed"
  GTEST_SHARD_INDEX=$1 "$PROGRAM" --gtest_color=no --gtest_filter="$FILTER" > "$log" 2>&1
  if [ $? -le 1 ] && sound "$log"; then  # 1: for leaks
    touch "$LOGS/$1.passed"
    echo "part $1 of $GTEST_TOTAL_SHARDS: $(grep -ac '^\[       OK \]' "$log") tests passed"
  else
    echo "part $1 of $GTEST_TOTAL_SHARDS: failed; see $log" >&2
    grep -aE 'Failure$|^\[  FAILED|^F[0-9]{8}|ERROR: |WARNING: .*Sanitizer|runtime error' \
      "$log" | head -n 20 >&2
    leaks "$log" | head -n 20 >&2
    return 1
  fi
}
export -f part
seq 0 $((GTEST_TOTAL_SHARDS - 1)) | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'part {}'
status=$?
echo "$(cat "$LOGS"/*.log | grep -ac '^\[       OK \]') tests passed"
exit $status
