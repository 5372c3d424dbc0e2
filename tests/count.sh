#!/usr/bin/env bash
# count.sh FOLDER: closes `make test` with what each runner counted.
set -euo pipefail
cd "$1"
# number PATTERN LOG...: the sum of the first numbers in what matches; 0 for none.
number() {
  grep -ahoE "$1" "${@:2}" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }' || true
}
caffe=$(number '^\[  PASSED  \] [0-9]+' caffe.log clocks.log)
pycaffe=$(number '^Ran [0-9]+' pycaffe.log)
pycaffe_skipped=$(number 'skipped=[0-9]+' pycaffe.log)
pytest=$(number '[0-9]+ passed' pytest.log)
pytest_skipped=$(number '[0-9]+ skipped' pytest.log)
printf '\n== every test passed\n'
printf 'Caffe runner (C++): %5d passed\n' "$caffe"
printf 'pycaffe unittest:   %5d passed, %d skipped\n' $((pycaffe - pycaffe_skipped)) "$pycaffe_skipped"
printf 'pytest:             %5d passed, %d skipped\n' "$pytest" "$pytest_skipped"
printf '%d passed, 0 failed, %d skipped\n' \
  $((caffe + pycaffe - pycaffe_skipped + pytest)) $((pycaffe_skipped + pytest_skipped))
