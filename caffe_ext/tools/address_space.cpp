// OpenBLAS asks for a buffer of 128 MiB a thread as it is loaded, and where the
// address space (ulimit -v) has no room for them it asks for ever. That is
// before main; what stands in an executable's .preinit_array is called before
// any library's initialization.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

// The threads that OpenBLAS will have: 4 of "4" and of "4,2" (nested).
static int Threads(char** environment) {
  const char name[] = "OMP_NUM_THREADS=";
  for (; *environment != nullptr; ++environment) {
    if (strncmp(*environment, name, sizeof(name) - 1) != 0) continue;
    const int threads = atoi(*environment + sizeof(name) - 1);
    if (threads > 0) return threads;
  }
  return sysconf(_SC_NPROCESSORS_ONLN);
}

static void CheckAddressSpace(int, char**, char** environment) {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return;
  }
  const int threads = Threads(environment);
  // Without buffers the libraries take some 450 MiB.
  const rlim_t least = (512 + 128 * rlim_t(threads)) << 20;
  if (limit.rlim_cur >= least) return;
  char sentence[256];
  const int length = snprintf(
      sentence, sizeof(sentence),
      "the address space is limited to %d MiB (ulimit -v), and Caffe's "
      "libraries alone want %d with %d threads: raise the limit, or set "
      "OMP_NUM_THREADS to less\n",
      static_cast<int>(limit.rlim_cur >> 20), static_cast<int>(least >> 20),
      threads);
  if (write(STDERR_FILENO, sentence, length) < 0) _exit(2);
  _exit(1);
}

using Initialization = void (*)(int, char**, char**);
__attribute__((section(".preinit_array"),
               used)) static Initialization check_address_space =
    CheckAddressSpace;
