#!/usr/bin/env bash
# What a user of the wheel does first, in an environment that holds nothing else:
#
#   tests/try_wheel.sh FILE...     # what pip is given: the wheel
#
# Faces are drawn, imported and trained on; pycaffe's own tests run.
set -euo pipefail
wheel=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
. venv/bin/activate
pip install --quiet "$wheel"
set -x
ls "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"/drml_caffe-*.dist-info/licenses |
  grep openblas
caffe --version
drml --version
drml generate faces --subjects 6 --tasks 2 --frames 12 --seed 1
drml import bp4d faces --out data/bp4d --fold 1 --sample none
share=$(python -c 'import sys; print(sys.prefix)')/share/drml
sed -e 's/^max_iter: .*/max_iter: 3/; s/^display: .*/display: 1/' \
  "$share/prototxt/drml_solver.prototxt" > solver.prototxt
ln -s "$share/prototxt" prototxt
mkdir out
sed 's/batch_size: 128/batch_size: 4/' prototxt/drml_train_val.prototxt > small.prototxt
sed -i 's#prototxt/drml_train_val#small#; /^test_/d' solver.prototxt
caffe train -solver solver.prototxt
drml evaluate --net prototxt/drml_deploy.prototxt --weights out/drml_iter_3.caffemodel \
  --data data/bp4d/fold1 --split test --out out/evaluation
drml predict --help > /dev/null
drml predict "$(find faces -name '*.jpg' -print -quit)" --out out/mine \
  --weights out/drml_iter_3.caffemodel --net prototxt/drml_deploy.prototxt \
  --mean data/bp4d/fold1/mean.binaryproto
tests=$(python -c 'import caffe; print(caffe.__path__[0])')/test
GLOG_minloglevel=2 python -W ignore -m unittest discover -s "$tests"
