#!/usr/bin/env bash
# run_gtest.sh BUILD FILTER LOG: runs Caffe's test runner where its test data
# are, shows a line a test case, keeps everything in LOG.
set -uo pipefail
log=$PWD/$3
cd "$1/caffe" || exit 1
../test/test.testbin --gtest_color=no --gtest_filter="$2" > "$log" 2>&1 &
runner=$!
trap 'kill $runner 2> /dev/null' EXIT
tail --pid=$runner -n +1 -f "$log" 2> /dev/null |
  grep --line-buffered -aE '^\[-+\].*total\)|Failure$|^\[  FAILED|^\[  PASSED|^F[0-9]{8}' |
  awk '/total\)/ { printf "\r%4d test cases done", ++n; fflush(); next } { print "\n" $0 }'
wait $runner
status=$?
trap - EXIT
[ $status -eq 0 ] || { echo "run_gtest.sh: failed; see $3" >&2; tail -n 5 "$log" >&2; }
exit $status
