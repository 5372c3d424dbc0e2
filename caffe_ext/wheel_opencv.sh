#!/usr/bin/env bash
# OpenCV's imgcodecs for a wheel: Debian's static library, but for one file of it,
# compiled anew to know JPEG and PNG only (and what needs no library). As it is, it wants
# GDAL, and with that half of the system, which a wheel would have to hold.
#
#   caffe_ext/wheel_opencv.sh FOLDER
#
# leaves FOLDER/libopencv_imgcodecs.a and no_opengl.o. The source is that of Debian's package, or
# $OPENCV_SOURCE (a folder, the same version).
set -euo pipefail
ext=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
result=libopencv_imgcodecs.a
[ ! -e $result ] || exit 0

if [ -z "${OPENCV_SOURCE:-}" ]; then
  OPENCV_SOURCE=$PWD/source
  version=$(dpkg-query -W -f '${Version}' libopencv-imgcodecs-dev | sed 's/+b[0-9]*$//')
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # Its first tarball is all that is wanted, which apt has checked even where the
  # mirror lacks another of the files.
  "$ext/debian_source.sh" "$suite" "opencv=$version" download > log ||
    [ -e "$(echo download/opencv_*.orig.tar.*)" ] || {
    echo "wheel: error: no source of OpenCV $version ($(tail -n 1 log)); unpack it" \
      "elsewhere and run: make wheel OPENCV_SOURCE=/path/to/it" >&2
    exit 1
  }
  mkdir -p source
  tar -xf download/opencv_*.orig.tar.* -C source --strip-components=1 --wildcards \
    '*/modules/core/include' '*/modules/imgproc/include' '*/modules/imgcodecs'
  rm -rf download
fi

# What OpenCV's own build writes into its headers.
mkdir -p config
printf '#define HAVE_%s\n' JPEG PNG > config/cvconfig.h
printf '#define CV_CPU%s_COMPILE_SSE 1\n' '' _BASELINE > config/cv_cpu_config.h
: > config/custom_hal.hpp
modules=$OPENCV_SOURCE/modules
${CXX:-g++} -O2 -fPIC -DNDEBUG -D__OPENCV_BUILD=1 -Iconfig -I"$modules/imgcodecs/src" \
  -I"$modules/imgcodecs/include" -I"$modules/imgproc/include" -I"$modules/core/include" \
  -I/usr/include/opencv4 -c "$modules/imgcodecs/src/loadsave.cpp" -o loadsave.cpp.o
# core asks for it when somebody has textures.
echo 'extern "C" void* glXGetProcAddressARB(const char*) { return 0; }' > no_opengl.cpp
${CXX:-g++} -fPIC -fvisibility=hidden -c no_opengl.cpp -o no_opengl.o
cp "/usr/lib/$(${CXX:-g++} -print-multiarch)/$result" new.a
ar r new.a loadsave.cpp.o
rm -rf source
mv new.a $result
