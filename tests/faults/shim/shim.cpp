// Preloaded into a process under test: counts its calls on files below FAULTS_DIR and makes the one that the test chose end the
// process, or fail. It stands before libc, so it sees Node's threads, the addon's and the database's alike.
#include "control.h"

#include <alloca.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

// Defines `symbol` of libc under a name of our own: its headers declare the functions with other exception rules.
#define INTERPOSE(symbol) __asm__(#symbol) __attribute__((visibility("default"), used))
#define REAL(type, symbol)                                            \
  static const auto real = reinterpret_cast<type>(dlsym(RTLD_NEXT, #symbol))

namespace {

Control* control = nullptr;
char root[PATH_MAX];
size_t root_length = 0;
int log_file = -1;

__attribute__((constructor)) void start() {
  const char* file = getenv("FAULTS_CONTROL");
  const char* directory = getenv("FAULTS_DIR");
  if (file == nullptr || directory == nullptr) return;
  root_length = strlen(directory);
  if (root_length >= sizeof root) return;
  memcpy(root, directory, root_length + 1);
  if (const char* log = getenv("FAULTS_LOG"))
    log_file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0));
  if (fd < 0) abort();
  void* page = mmap(nullptr, kControlBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) abort();
  syscall(SYS_close, fd);
  control = static_cast<Control*>(page);
}

// Path below the directory watched; null for any other.
const char* watched(const char* path) {
  if (strncmp(path, root, root_length) != 0) return nullptr;
  return path[root_length] == '/' ? path + root_length + 1 : path[root_length] == '\0' ? "." : nullptr;
}

struct Target {
  char path[PATH_MAX];
  const char* below = nullptr;

  explicit Target(int fd) { follow("/proc/self/fd/%d", fd, nullptr); }
  Target(int directory, const char* name) {
    if (name[0] == '/') {
      snprintf(path, sizeof path, "%s", name);
      below = watched(path);
    } else {
      follow(directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", directory, name);
    }
  }

 private:
  void follow(const char* format, int fd, const char* name) {
    char link[64];
    snprintf(link, sizeof link, format, fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return;
    path[n] = '\0';
    if (name != nullptr) snprintf(path + n, sizeof path - static_cast<size_t>(n), "/%s", name);
    below = watched(path);
  }
};

[[noreturn]] void die() {
  for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

struct Step {
  int fail = 0;        // errno to give instead of making the call
  bool half = false;   // only half of the bytes
  bool last = false;   // SIGKILL after it
};

bool concerns(Kind kind) {
  return control != nullptr && ((control->count_kinds.load() | (control->fail_with.load() == 0 ? 0 : control->fail_kinds.load())) & kind) != 0;
}

void fail_on(int error) { control->fail_with.store(error); }

Step begin(Kind kind, const char* name, const char* below, size_t bytes) {
  Step step;
  if (control->fail_with.load() != 0 && (control->fail_kinds.load() & kind) != 0) step.fail = control->fail_with.load();
  if ((control->count_kinds.load() & kind) != 0) {
    const int64_t n = control->calls.fetch_add(1) + 1;
    if (log_file >= 0) {
      char line[PATH_MAX + 96];
      const int length = snprintf(line, sizeof line, "%lld %u %s %zu %s\n", static_cast<long long>(n), kind, name, bytes, below);
      syscall(SYS_write, log_file, line, static_cast<size_t>(length));
    }
    if (n == control->at.load()) {
      const int error = control->action_errno.load();
      switch (static_cast<Action>(control->action.load())) {
        case kNone: break;
        case kKillBefore: die();
        case kKillAfter: step.last = true; break;
        case kKillHalf: step.half = step.last = true; break;
        case kFailOnce: step.fail = error; break;
        case kFailOn: fail_on(step.fail = error); break;
        case kFailHalf: step.half = true; fail_on(error); break;
      }
    }
  }
  if (step.fail != 0) control->failed.fetch_add(1);
  return step;
}

template <typename Call>
auto made(Kind kind, const char* name, const Target& target, size_t bytes, Call call) -> decltype(call(bytes)) {
  if (target.below == nullptr) return call(bytes);
  const Step step = begin(kind, name, target.below, bytes);
  if (step.fail != 0) {
    errno = step.fail;
    return -1;
  }
  const auto result = call(step.half && bytes > 1 ? bytes / 2 : bytes);
  if (step.last) die();
  return result;
}

// A call on an open file.
template <typename Call>
auto on_file(Kind kind, const char* name, int fd, size_t bytes, Call call) -> decltype(call(bytes)) {
  return concerns(kind) ? made(kind, name, Target(fd), bytes, call) : call(bytes);
}

// A call on a name.
template <typename Call>
int on_name(Kind kind, const char* name, int directory, const char* path, Call call) {
  auto plain = [&](size_t) { return call(); };
  return concerns(kind) && path != nullptr ? made(kind, name, Target(directory, path), 0, plain) : call();
}

size_t total(const iovec* parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  return bytes;
}

// The first `bytes` of the parts, by `call(parts, count)`.
template <typename Call>
ssize_t on_parts(Kind kind, const char* name, int fd, const iovec* parts, int count, Call call) {
  if (!concerns(kind)) return call(parts, count);
  const size_t all = total(parts, count);
  return on_file(kind, name, fd, all, [&](size_t bytes) -> ssize_t {
    if (bytes == all || count > IOV_MAX) return call(parts, count);
    // Not thread_local: Node has threads whose stack is too small for 16 KB of that.
    auto* cut = static_cast<iovec*>(alloca(sizeof(iovec) * static_cast<size_t>(count)));
    int n = 0;
    for (size_t left = bytes; left > 0; n++) {
      cut[n] = parts[n];
      if (cut[n].iov_len > left) cut[n].iov_len = left;
      left -= cut[n].iov_len;
    }
    return call(cut, n);
  });
}

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0; }

mode_t mode_of(int flags, va_list list) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0; }

template <typename Call>
int opened(const char* name, int directory, const char* path, int flags, Call call) {
  return writes(flags) ? on_name(kCreate, name, directory, path, call) : call();
}

template <typename Statfs>
int without_room(int result, Statfs* told) {
  if (result == 0 && control != nullptr && control->fail_with.load() != 0 && (control->fail_kinds.load() & kSpace) != 0)
    told->f_bfree = told->f_bavail = 0;
  return result;
}

int64_t shift() { return control == nullptr ? 0 : control->clock_offset_seconds.load(); }

}  // namespace

extern "C" {

#define OPEN(symbol)                                                                                        \
  int faults_##symbol(const char* path, int flags, ...) INTERPOSE(symbol);                                  \
  int faults_##symbol(const char* path, int flags, ...) {                                                   \
    REAL(int (*)(const char*, int, ...), symbol);                                                           \
    va_list list;                                                                                           \
    va_start(list, flags);                                                                                  \
    const mode_t mode = mode_of(flags, list);                                                               \
    va_end(list);                                                                                           \
    return opened("open", AT_FDCWD, path, flags, [&] { return real(path, flags, mode); });                  \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(symbol)                                                                                      \
  int faults_##symbol(int directory, const char* path, int flags, ...) INTERPOSE(symbol);                   \
  int faults_##symbol(int directory, const char* path, int flags, ...) {                                    \
    REAL(int (*)(int, const char*, int, ...), symbol);                                                      \
    va_list list;                                                                                           \
    va_start(list, flags);                                                                                  \
    const mode_t mode = mode_of(flags, list);                                                               \
    va_end(list);                                                                                           \
    return opened("open", directory, path, flags, [&] { return real(directory, path, flags, mode); });      \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t faults_write(int fd, const void* bytes, size_t n) INTERPOSE(write);
ssize_t faults_write(int fd, const void* bytes, size_t n) {
  REAL(ssize_t (*)(int, const void*, size_t), write);
  return on_file(kWrite, "write", fd, n, [&](size_t m) { return real(fd, bytes, m); });
}

ssize_t faults_read(int fd, void* bytes, size_t n) INTERPOSE(read);
ssize_t faults_read(int fd, void* bytes, size_t n) {
  REAL(ssize_t (*)(int, void*, size_t), read);
  return on_file(kRead, "read", fd, n, [&](size_t m) { return real(fd, bytes, m); });
}

#define PWRITE(symbol)                                                                                      \
  ssize_t faults_##symbol(int fd, const void* bytes, size_t n, off64_t at) INTERPOSE(symbol);               \
  ssize_t faults_##symbol(int fd, const void* bytes, size_t n, off64_t at) {                                \
    REAL(ssize_t (*)(int, const void*, size_t, off64_t), symbol);                                           \
    return on_file(kWrite, "pwrite", fd, n, [&](size_t m) { return real(fd, bytes, m, at); });              \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PREAD(symbol)                                                                                       \
  ssize_t faults_##symbol(int fd, void* bytes, size_t n, off64_t at) INTERPOSE(symbol);                     \
  ssize_t faults_##symbol(int fd, void* bytes, size_t n, off64_t at) {                                      \
    REAL(ssize_t (*)(int, void*, size_t, off64_t), symbol);                                                 \
    return on_file(kRead, "pread", fd, n, [&](size_t m) { return real(fd, bytes, m, at); });                \
  }
PREAD(pread)
PREAD(pread64)

#define PARTS(symbol, kind, name)                                                                           \
  ssize_t faults_##symbol(int fd, const iovec* parts, int count) INTERPOSE(symbol);                         \
  ssize_t faults_##symbol(int fd, const iovec* parts, int count) {                                          \
    REAL(ssize_t (*)(int, const iovec*, int), symbol);                                                      \
    return on_parts(kind, name, fd, parts, count, [&](const iovec* p, int c) { return real(fd, p, c); });   \
  }
PARTS(writev, kWrite, "writev")
PARTS(readv, kRead, "readv")

#define PARTS_AT(symbol, kind, name)                                                                        \
  ssize_t faults_##symbol(int fd, const iovec* parts, int count, off64_t at) INTERPOSE(symbol);             \
  ssize_t faults_##symbol(int fd, const iovec* parts, int count, off64_t at) {                              \
    REAL(ssize_t (*)(int, const iovec*, int, off64_t), symbol);                                             \
    return on_parts(kind, name, fd, parts, count, [&](const iovec* p, int c) { return real(fd, p, c, at); }); \
  }
PARTS_AT(pwritev, kWrite, "pwritev")
PARTS_AT(pwritev64, kWrite, "pwritev")
PARTS_AT(preadv, kRead, "preadv")
PARTS_AT(preadv64, kRead, "preadv")

ssize_t faults_sendfile64(int to, int from, off64_t* at, size_t n) INTERPOSE(sendfile64);
ssize_t faults_sendfile64(int to, int from, off64_t* at, size_t n) {
  REAL(ssize_t (*)(int, int, off64_t*, size_t), sendfile64);
  return on_file(kWrite, "sendfile", to, n, [&](size_t m) { return real(to, from, at, m); });
}

// libuv copies files with the bare system call.
long faults_syscall(long number, ...) INTERPOSE(syscall);
long faults_syscall(long number, ...) {
  REAL(long (*)(long, ...), syscall);
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  if (number != SYS_copy_file_range) return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return on_file(kWrite, "copy_file_range", static_cast<int>(a[2]), static_cast<size_t>(a[4]),
                 [&](size_t m) { return real(number, a[0], a[1], a[2], a[3], m, a[5]); });
}

#define SYNC(symbol)                                                                                        \
  int faults_##symbol(int fd) INTERPOSE(symbol);                                                            \
  int faults_##symbol(int fd) {                                                                             \
    REAL(int (*)(int), symbol);                                                                             \
    return on_file(kSync, #symbol, fd, 0, [&](size_t) { return real(fd); });                                \
  }
SYNC(fsync)
SYNC(fdatasync)

#define FTRUNCATE(symbol)                                                                                   \
  int faults_##symbol(int fd, off64_t length) INTERPOSE(symbol);                                            \
  int faults_##symbol(int fd, off64_t length) {                                                             \
    REAL(int (*)(int, off64_t), symbol);                                                                    \
    return on_file(kTruncate, "ftruncate", fd, 0, [&](size_t) { return real(fd, length); });                \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define ON_PATH(symbol, kind)                                                                               \
  int faults_##symbol(const char* path) INTERPOSE(symbol);                                                  \
  int faults_##symbol(const char* path) {                                                                   \
    REAL(int (*)(const char*), symbol);                                                                     \
    return on_name(kind, #symbol, AT_FDCWD, path, [&] { return real(path); });                              \
  }
ON_PATH(unlink, kName)
ON_PATH(rmdir, kName)

#define FROM_TO(symbol, kind)                                                                               \
  int faults_##symbol(const char* from, const char* to) INTERPOSE(symbol);                                  \
  int faults_##symbol(const char* from, const char* to) {                                                   \
    REAL(int (*)(const char*, const char*), symbol);                                                        \
    return on_name(kind, #symbol, AT_FDCWD, to, [&] { return real(from, to); });                            \
  }
FROM_TO(rename, kName)
FROM_TO(link, kName)

int faults_mkdir(const char* path, mode_t mode) INTERPOSE(mkdir);
int faults_mkdir(const char* path, mode_t mode) {
  REAL(int (*)(const char*, mode_t), mkdir);
  return on_name(kCreate, "mkdir", AT_FDCWD, path, [&] { return real(path, mode); });
}

int faults_statfs64(const char* path, struct statfs64* told) INTERPOSE(statfs64);
int faults_statfs64(const char* path, struct statfs64* told) {
  REAL(int (*)(const char*, struct statfs64*), statfs64);
  return without_room(real(path, told), told);
}

int faults_clock_gettime(clockid_t clock, timespec* now) INTERPOSE(clock_gettime);
int faults_clock_gettime(clockid_t clock, timespec* now) {
  REAL(int (*)(clockid_t, timespec*), clock_gettime);
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  return result;
}

int faults_gettimeofday(timeval* now, void* zone) INTERPOSE(gettimeofday);
int faults_gettimeofday(timeval* now, void* zone) {
  REAL(int (*)(timeval*, void*), gettimeofday);
  const int result = real(now, zone);
  if (result == 0 && now != nullptr) now->tv_sec += shift();
  return result;
}

time_t faults_time(time_t* at) INTERPOSE(time);
time_t faults_time(time_t* at) {
  REAL(time_t (*)(time_t*), time);
  const time_t now = real(nullptr) + shift();
  if (at != nullptr) *at = now;
  return now;
}

}  // extern "C"
