// Vec: 16 f32 lanes as an array; loops that any compiler can vectorise. For CPUs without the other instruction sets.
#pragma once
#include <cstdint>
#include <cstring>

namespace semantic::cpu::portable {

struct Vec {
  float v[16];
};
struct Words {
  uint32_t v[16];
};

constexpr int kTileRows = 4, kTilePanels = 1;
constexpr int gemv_panels(int) { return 1; }

#define SEMANTIC_EACH(expression)         \
  Vec r;                                  \
  for (int i = 0; i < 16; ++i) r.v[i] = expression; \
  return r

static inline float as_float(uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
static inline uint32_t as_bits(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}
// A fused multiply-add where there is one; else through double, whose product is exact: the same but for rare double rounding.
static inline float fma1(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_fmaf(a, b, c);
#else
  return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c));
#endif
}
// IEEE half: the exponent is rebased by a multiply, which also normalises denormals; infinities and NaN keep theirs.
static inline float from_f16(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, rest = h & 0x7FFF;
  const uint32_t finite = as_bits(as_float(rest << 13) * 0x1p112f);
  return as_float(sign | (rest >= 0x7C00 ? 0x7F800000u | rest << 13 : finite));
}
static inline uint16_t to_f16(float f) {
  const uint32_t u = as_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7FFFFFFF;
  if (a >= 0x7F800000) return static_cast<uint16_t>(sign | 0x7C00 | (a > 0x7F800000 ? 0x200 | (a >> 13 & 0x3FF) : 0));
  if (a >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);  // rounds past 65504
  if (a < 0x38800000) {                                              // below 2^-14: a multiple of 2^-24
    const float rounded = as_float(a) + 0.5f;                        // 0.5 has an ulp of 2^-24
    return static_cast<uint16_t>(sign | (as_bits(rounded) - 0x3F000000));
  }
  return static_cast<uint16_t>(sign | ((a - 0x38000000 + 0xFFF + (a >> 13 & 1)) >> 13));
}

static inline Vec set1(float s) { SEMANTIC_EACH(s); }
static inline Vec zero() { return set1(0); }
static inline Vec load(const float* p) { SEMANTIC_EACH(p[i]); }
static inline void store(float* p, Vec a) { std::memcpy(p, a.v, sizeof a.v); }
static inline Vec load_n(const float* p, int n) { SEMANTIC_EACH(i < n ? p[i] : 0); }
static inline void store_n(float* p, Vec a, int n) { std::memcpy(p, a.v, sizeof(float) * static_cast<unsigned>(n)); }
static inline Vec load_f16(const uint16_t* p) { SEMANTIC_EACH(from_f16(p[i])); }
static inline Vec load_bf16(const uint16_t* p) { SEMANTIC_EACH(as_float(static_cast<uint32_t>(p[i]) << 16)); }
static inline void store_f16(uint16_t* p, Vec a) {
  for (int i = 0; i < 16; ++i) p[i] = to_f16(a.v[i]);
}
// To nearest, ties to even; not for NaN.
static inline void store_bf16(uint16_t* p, Vec a) {
  for (int i = 0; i < 16; ++i) {
    const uint32_t u = as_bits(a.v[i]);
    p[i] = static_cast<uint16_t>((u + 0x7FFF + (u >> 16 & 1)) >> 16);
  }
}

static inline Vec fma(Vec a, Vec b, Vec c) { SEMANTIC_EACH(fma1(a.v[i], b.v[i], c.v[i])); }
static inline Vec add(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] + b.v[i]); }
static inline Vec sub(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] - b.v[i]); }
static inline Vec mul(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] * b.v[i]); }
static inline Vec div(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] / b.v[i]); }
static inline Vec max(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
static inline Vec min(Vec a, Vec b) { SEMANTIC_EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
static inline Vec select_less(Vec x, Vec y, Vec a, Vec b) { SEMANTIC_EACH(x.v[i] < y.v[i] ? a.v[i] : b.v[i]); }
static inline Vec scale_by_power(Vec p, Vec t) { SEMANTIC_EACH(as_float(as_bits(p.v[i]) + (as_bits(t.v[i]) << 23))); }
static inline Vec keep_range(Vec v, int lo, int hi, Vec fill) { SEMANTIC_EACH(i >= lo && i < hi ? v.v[i] : fill.v[i]); }
// The same tree as the other instruction sets: lanes 8 apart, then 4, 2, 1.
static inline float reduce_add(Vec v) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) v.v[i] += v.v[i + half];
  }
  return v.v[0];
}
static inline float reduce_max(Vec v) {
  float m = v.v[0];
  for (int i = 1; i < 16; ++i) m = v.v[i] > m ? v.v[i] : m;
  return m;
}

static inline Words load_words(const void* p) {
  Words r;
  std::memcpy(r.v, p, sizeof r.v);
  return r;
}
static inline Vec nibble(Words w, int j) { SEMANTIC_EACH(static_cast<float>(static_cast<int32_t>(w.v[i] >> (4 * j) & 15))); }
static inline Vec load_u8(const unsigned char* p) { SEMANTIC_EACH(static_cast<float>(p[i])); }
// Bits 0..3, and 4..7, of 16 bytes.
static inline Vec load_low4(const unsigned char* p) { SEMANTIC_EACH(static_cast<float>(p[i] & 15)); }
static inline Vec load_high4(const unsigned char* p) { SEMANTIC_EACH(static_cast<float>(p[i] >> 4)); }
// Bits e1 e0 m become exponent and mantissa of an f32 that is 2^-126 too small (denormal for e = 0): one multiply, exact.
static inline Vec fp4(Words w, int j) {
  SEMANTIC_EACH(as_float((w.v[i] >> (4 * j) & 7) << 22 | (w.v[i] >> (4 * j) & 8) << 28) * 0x1p126f);
}
static inline void prefetch(const void*) {}
static inline void prefetch_far(const void*) {}

#undef SEMANTIC_EACH

}  // namespace semantic::cpu::portable
