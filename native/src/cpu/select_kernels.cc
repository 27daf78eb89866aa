#include "cpu/kernels.h"
#include "error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace semantic::cpu {

#if defined(__x86_64__)
namespace avx512 {
extern const Kernels kTable;
extern const DotKernels kVnniDots;
}
namespace avx2 {
extern const Kernels kTable;
extern const DotKernels kDots, kVnniDots;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels kTable;
extern const DotKernels kDots, kDotprodDots;
}
#endif
namespace portable {
extern const Kernels kTable;
extern const DotKernels kDots;
}

namespace {

Kernels with_dots(Kernels table, const DotKernels& dots) {
  table.dots = dots;
  return table;
}

#if defined(__x86_64__)
// In 256 bits, which CPUs with AVX-512 run too.
const DotKernels& avx2_dots() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool vnni = __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;  // AVX-VNNI
  return vnni ? avx2::kVnniDots : avx2::kDots;
}
#elif defined(__aarch64__)
bool has_dotprod() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  return true;  // every Apple CPU that runs macOS
#endif
}
#endif

// The table of `name`, or null where this CPU or this build lacks it.
const Kernels* find_kernels(std::string_view name) {
#if defined(__x86_64__)
  // Every CPU with AVX2 and FMA has F16C.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (name == "avx512" && avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    static const Kernels kernels = with_dots(avx512::kTable, __builtin_cpu_supports("avx512vnni") ? avx512::kVnniDots : avx2_dots());
    return &kernels;
  }
  if (name == "avx2" && avx2) {
    static const Kernels kernels = with_dots(avx2::kTable, avx2_dots());
    return &kernels;
  }
#elif defined(__aarch64__)
  if (name == "neon") {
    static const Kernels kernels = with_dots(neon::kTable, has_dotprod() ? neon::kDotprodDots : neon::kDots);
    return &kernels;
  }
#endif
  if (name == "portable") {
    static const Kernels kernels = with_dots(portable::kTable, portable::kDots);
    return &kernels;
  }
  return nullptr;
}

}  // namespace

const Kernels& select_kernels(std::string_view name) {
  if (name == "auto") {
    for (const char* each : {"avx512", "avx2", "neon"}) {
      if (const Kernels* found = find_kernels(each)) return *found;
    }
    return *find_kernels("portable");
  }
  if (const Kernels* found = find_kernels(name)) return *found;
  throw Error(ErrorCode::InvalidArgument, "cpu.select",
              "instruction set '" + std::string(name) + "' wanted, this CPU has '" + select_kernels("auto").name + "'");
}

}  // namespace semantic::cpu
