// How keys and values are stored and what that costs: the twin of src/core/domain/kv-format.ts.
#pragma once
#include "error.h"

namespace semantic {

enum class KvFormat { F32, F16, BF16, Q8, Q4 };  // in the order of KvFormat in index.d.ts

// q8 and q4 are MLX's affine codes, x = code * scale + bias, in groups of 64 elements of one token's key, or value, of one
// head. Where a head is no multiple of 64 its last group is shorter. A group's scale and bias are f16, rounded after the codes
// were chosen, as MLX does; a token's codes depend on that token alone, so they never change once written.
inline constexpr int kKvGroup = 64;

constexpr const char* kv_format_name(KvFormat format) {
  constexpr const char* names[] = {"f32", "f16", "bf16", "q8", "q4"};
  return names[static_cast<int>(format)];
}

constexpr bool is_quantized(KvFormat format) { return format == KvFormat::Q8 || format == KvFormat::Q4; }

constexpr int kv_element_bits(KvFormat format) {
  switch (format) {
    case KvFormat::F32: return 32;
    case KvFormat::F16:
    case KvFormat::BF16: return 16;
    case KvFormat::Q8: return 8;
    default: return 4;
  }
}

// Groups of a head, each with 2 + 2 bytes of scale and bias; 0 for floats.
constexpr int kv_groups(KvFormat format, int head_dim) { return is_quantized(format) ? (head_dim + kKvGroup - 1) / kKvGroup : 0; }

// Bytes of one token's key, or value, of one head.
constexpr int kv_head_bytes(KvFormat format, int head_dim) {
  return head_dim * kv_element_bits(format) / 8 + 4 * kv_groups(format, head_dim);
}

// Codes fill whole 32-bit words: both executors refuse heads whose codes would not.
inline void check_kv_format(KvFormat format, int head_dim, const char* origin) {
  if (!is_quantized(format) || head_dim % 8 == 0) return;
  throw Error(ErrorCode::InvalidArgument, origin,
              "kvFormat q8 and q4 want heads that are a multiple of 8 wide, got " + std::to_string(head_dim) + "; f16 takes any");
}

}  // namespace semantic
