#include "cpu/kernels.h"
#include "error.h"

namespace semantic::cpu {

#if defined(__x86_64__)
namespace avx512 {
extern const Kernels kTable;
}
namespace avx2 {
extern const Kernels kTable;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels kTable;
}
#endif
namespace portable {
extern const Kernels kTable;
}

namespace {

// The table of `name`, or null where this CPU or this build lacks it.
const Kernels* find_kernels(std::string_view name) {
#if defined(__x86_64__)
  if (name == "avx512" && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return &avx512::kTable;
  }
  // Every CPU with AVX2 and FMA has F16C.
  if (name == "avx2" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2::kTable;
#elif defined(__aarch64__)
  if (name == "neon") return &neon::kTable;
#endif
  if (name == "portable") return &portable::kTable;
  return nullptr;
}

}  // namespace

const Kernels& select_kernels(std::string_view name) {
  if (name == "auto") {
    for (const char* each : {"avx512", "avx2", "neon"}) {
      if (const Kernels* found = find_kernels(each)) return *found;
    }
    return portable::kTable;
  }
  if (const Kernels* found = find_kernels(name)) return *found;
  throw Error(ErrorCode::InvalidArgument, "cpu.select",
              "instruction set '" + std::string(name) + "' wanted, this CPU has '" + select_kernels("auto").name + "'");
}

}  // namespace semantic::cpu
