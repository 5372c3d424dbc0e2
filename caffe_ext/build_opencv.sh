#!/usr/bin/env bash
# Builds what Caffe needs of OpenCV, static: core, imgproc, and imgcodecs for JPEG and
# PNG. Debian's own imgcodecs wants GDAL, and with it half of the system, which a wheel
# would have to hold.
#
#   caffe_ext/build_opencv.sh BUILD_DIR
#
# leaves it in BUILD_DIR/opencv. The source is Debian 12's, or $OPENCV_SOURCE (a folder).
set -euo pipefail
ext=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
sha256=40a59ba7e5c18a43652de0a08733c9843a39bba619b1f3e26a5fac4a6f041423
work=$build/opencv-work

[ ! -e "$build/opencv/.installed" ] || exit 0
source=${OPENCV_SOURCE:-$work/source}
if [ -z "${OPENCV_SOURCE:-}" ] && [ ! -e "$source/.checked" ]; then
  mkdir -p "$source"
  "$ext/debian_source.sh" bookworm opencv "$work" > "$work/log" || {
    echo "opencv: error: no source ($(tail -n 1 "$work/log")); unpack OpenCV 4's" \
      "elsewhere and run: make wheel OPENCV_SOURCE=/path/to/it" >&2
    exit 1
  }
  echo "$sha256 $work/opencv_4.6.0+dfsg.orig.tar.xz" | sha256sum --check --quiet
  tar -xf "$work/opencv_4.6.0+dfsg.orig.tar.xz" -C "$source" --strip-components=1
  touch "$source/.checked"
fi

with=$(for name in 1394 ADE CAROTENE EIGEN FFMPEG GDAL GDCM GSTREAMER GTK IMGCODEC_HDR IPP \
  ITT JASPER LAPACK OPENCL OPENEXR OPENJPEG OPENMP PROTOBUF PTHREADS_PF QT QUIRC TBB TIFF \
  V4L VA WEBP; do echo "-DWITH_$name=0"; done)
without=$(for name in SHARED_LIBS TESTS PERF_TESTS EXAMPLES DOCS JAVA opencv_apps \
  opencv_python3; do echo "-DBUILD_$name=0"; done)
launcher=$(command -v ccache || true)
cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX="$build/opencv" -DCMAKE_POSITION_INDEPENDENT_CODE=1 \
  -DCMAKE_C_COMPILER_LAUNCHER="$launcher" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
  -DBUILD_LIST=core,imgproc,imgcodecs -DCPU_BASELINE=SSE3 -DCPU_DISPATCH= -DCV_TRACE=0 \
  -DOPENCV_GENERATE_PKGCONFIG=0 $with $without > "$work/cmake.log" 2>&1 ||
  { tail "$work/cmake.log" >&2; exit 1; }
ninja -C "$work/build" -j "${JOBS:-$(nproc)}" install > "$work/ninja.log" ||
  { tail "$work/ninja.log" >&2; exit 1; }
touch "$build/opencv/.installed"
rm -rf "$work"
