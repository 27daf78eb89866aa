// Vec: 16 f32 lanes in four q registers (AArch64).
#pragma once
#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace semantic::cpu::neon {

struct Vec {
  float32x4_t v[4];
};
struct Words {
  uint32x4_t v[4];
};

constexpr int kTileRows = 6, kTilePanels = 1;
constexpr int gemv_panels(int) { return 1; }  // scales and biases of a second panel would not fit 32 registers

#define SEMANTIC_EACH(expression)         \
  Vec r;                                  \
  for (int i = 0; i < 4; ++i) r.v[i] = expression; \
  return r

static inline Vec set1(float s) { SEMANTIC_EACH(vdupq_n_f32(s)); }
static inline Vec zero() { return set1(0); }
static inline Vec load(const float* p) { SEMANTIC_EACH(vld1q_f32(p + 4 * i)); }
static inline void store(float* p, Vec a) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
static inline Vec load_n(const float* p, int n) {
  float t[16] = {};
  std::memcpy(t, p, sizeof(float) * static_cast<unsigned>(n));
  return load(t);
}
static inline void store_n(float* p, Vec a, int n) {
  float t[16];
  store(t, a);
  std::memcpy(p, t, sizeof(float) * static_cast<unsigned>(n));
}
static inline Vec load_f16(const uint16_t* p) { SEMANTIC_EACH(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)))); }
static inline Vec load_bf16(const uint16_t* p) { SEMANTIC_EACH(vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16))); }
static inline void store_f16(uint16_t* p, Vec a) {
  for (int i = 0; i < 4; ++i) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(a.v[i])));
}
// To nearest, ties to even; not for NaN.
static inline void store_bf16(uint16_t* p, Vec a) {
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t u = vreinterpretq_u32_f32(a.v[i]);
    const uint32x4_t up = vaddq_u32(vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1)), vdupq_n_u32(0x7FFF));
    vst1_u16(p + 4 * i, vshrn_n_u32(vaddq_u32(u, up), 16));
  }
}

static inline Vec fma(Vec a, Vec b, Vec c) { SEMANTIC_EACH(vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
static inline Vec add(Vec a, Vec b) { SEMANTIC_EACH(vaddq_f32(a.v[i], b.v[i])); }
static inline Vec sub(Vec a, Vec b) { SEMANTIC_EACH(vsubq_f32(a.v[i], b.v[i])); }
static inline Vec mul(Vec a, Vec b) { SEMANTIC_EACH(vmulq_f32(a.v[i], b.v[i])); }
static inline Vec div(Vec a, Vec b) { SEMANTIC_EACH(vdivq_f32(a.v[i], b.v[i])); }
static inline Vec max(Vec a, Vec b) { SEMANTIC_EACH(vmaxq_f32(a.v[i], b.v[i])); }
static inline Vec min(Vec a, Vec b) { SEMANTIC_EACH(vminq_f32(a.v[i], b.v[i])); }
static inline Vec select_less(Vec x, Vec y, Vec a, Vec b) { SEMANTIC_EACH(vbslq_f32(vcltq_f32(x.v[i], y.v[i]), a.v[i], b.v[i])); }
static inline Vec scale_by_power(Vec p, Vec t) {
  SEMANTIC_EACH(vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(p.v[i]), vshlq_n_u32(vreinterpretq_u32_f32(t.v[i]), 23))));
}
static inline Vec keep_range(Vec v, int lo, int hi, Vec fill) {
  const int32_t first[4] = {0, 1, 2, 3};
  const int32x4_t lane = vld1q_s32(first);
  SEMANTIC_EACH(vbslq_f32(vandq_u32(vcgeq_s32(lane, vdupq_n_s32(lo - 4 * i)), vcltq_s32(lane, vdupq_n_s32(hi - 4 * i))), v.v[i], fill.v[i]));
}
static inline float reduce_add(Vec v) {
  const float32x4_t b = vaddq_f32(vaddq_f32(v.v[0], v.v[2]), vaddq_f32(v.v[1], v.v[3]));
  const float32x2_t c = vadd_f32(vget_low_f32(b), vget_high_f32(b));
  return vget_lane_f32(c, 0) + vget_lane_f32(c, 1);
}
static inline float reduce_max(Vec v) { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.v[0], v.v[1]), vmaxq_f32(v.v[2], v.v[3]))); }

static inline Words load_words(const void* p) {
  Words r;
  for (int i = 0; i < 4; ++i) r.v[i] = vld1q_u32(static_cast<const uint32_t*>(p) + 4 * i);
  return r;
}
static inline uint32x4_t shifted(uint32x4_t w, int bits) { return vshlq_u32(w, vdupq_n_s32(-bits)); }
static inline Vec nibble(Words w, int j) { SEMANTIC_EACH(vcvtq_f32_u32(vandq_u32(shifted(w.v[i], 4 * j), vdupq_n_u32(15)))); }
static inline Vec from_u8(uint8x16_t b) {
  const uint16x8_t lo = vmovl_u8(vget_low_u8(b)), hi = vmovl_u8(vget_high_u8(b));
  return {{vcvtq_f32_u32(vmovl_u16(vget_low_u16(lo))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(lo))),
           vcvtq_f32_u32(vmovl_u16(vget_low_u16(hi))), vcvtq_f32_u32(vmovl_u16(vget_high_u16(hi)))}};
}
static inline Vec load_u8(const unsigned char* p) { return from_u8(vld1q_u8(p)); }
// Byte j of each word.
static inline Vec byte_of(Words w, int j) { SEMANTIC_EACH(vcvtq_f32_u32(vandq_u32(shifted(w.v[i], 8 * j), vdupq_n_u32(255)))); }
// Bits 0..3, and 4..7, of 16 bytes.
static inline Vec load_low4(const unsigned char* p) { return from_u8(vandq_u8(vld1q_u8(p), vdupq_n_u8(15))); }
static inline Vec load_high4(const unsigned char* p) { return from_u8(vshrq_n_u8(vld1q_u8(p), 4)); }
// Bits e1 e0 m become exponent and mantissa of an f32 that is 2^-126 too small (denormal for e = 0): one multiply, exact.
static inline float32x4_t fp4x4(uint32x4_t n) {
  const uint32x4_t magnitude = vshlq_n_u32(vandq_u32(n, vdupq_n_u32(7)), 22);
  const uint32x4_t sign = vshlq_n_u32(vshrq_n_u32(n, 3), 31);
  return vmulq_f32(vreinterpretq_f32_u32(vorrq_u32(magnitude, sign)), vdupq_n_f32(0x1p126f));
}
static inline Vec fp4(Words w, int j) { SEMANTIC_EACH(fp4x4(shifted(w.v[i], 4 * j))); }

// For dot.inl.
struct Ints {
  int32x4_t v[4];
};
using Quad = int8x16_t;  // 4 int8, in every lane
constexpr int dot_panels(int) { return 1; }
constexpr int kDotRows = 4;  // most rows of a tile
constexpr int kQ8Code = -128, kFp4Code = 0;  // what codes are above the values they stand for

static inline Ints all_ints(int32_t s) {
  Ints r;
  for (int i = 0; i < 4; ++i) r.v[i] = vdupq_n_s32(s);
  return r;
}
static inline Ints shift_left8(Ints a, int32_t plus) {
  for (int i = 0; i < 4; ++i) a.v[i] = vaddq_s32(vshlq_n_s32(a.v[i], 8), vdupq_n_s32(plus));
  return a;
}
static inline Vec to_floats(Ints a) { SEMANTIC_EACH(vcvtq_f32_s32(a.v[i])); }
static inline Quad quad(const int8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return vreinterpretq_s8_s32(vdupq_n_s32(v));
}
static inline Words low_nibbles(Words w) {
  for (int i = 0; i < 4; ++i) w.v[i] = vandq_u32(w.v[i], vdupq_n_u32(0x0F0F0F0F));
  return w;
}
static inline Words high_nibbles(Words w) {
  for (int i = 0; i < 4; ++i) w.v[i] = vreinterpretq_u32_u8(vshrq_n_u8(vreinterpretq_u8_u32(w.v[i]), 4));
  return w;
}
static inline Words q8_codes(Words w) {  // to int8
  for (int i = 0; i < 4; ++i) w.v[i] = veorq_u32(w.v[i], vdupq_n_u32(0x80808080));
  return w;
}
// Twice the value of an fp4.
static inline Words fp4_codes(Words nibbles) {
  const int8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  const int8x16_t table = vld1q_s8(values);
  for (int i = 0; i < 4; ++i) nibbles.v[i] = vreinterpretq_u32_s8(vqtbl1q_s8(table, vreinterpretq_u8_u32(nibbles.v[i])));
  return nibbles;
}
static inline int32x4_t dot4(int32x4_t sum, uint32x4_t codes, Quad x) {
  const int8x16_t c = vreinterpretq_s8_u32(codes);
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(sum, c, x);
#else
  const int16x8_t lo = vmull_s8(vget_low_s8(c), vget_low_s8(x)), hi = vmull_high_s8(c, x);
  return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(lo), vpaddlq_s16(hi)));
#endif
}
// sum + the products of a word's 4 codes.
template <bool>
static inline Ints dot(Ints sum, Words even, Quad x_even, Words odd, Quad x_odd) {
  for (int i = 0; i < 4; ++i) sum.v[i] = dot4(dot4(sum.v[i], even.v[i], x_even), odd.v[i], x_odd);
  return sum;
}
// Bits 0..7 of each lane's bits, or 8..15 of them + 128, in the order 0 2 4 6 1 3 5 7 of each 8.
static inline void store_codes(int8_t* p, Vec t, bool high) {
  uint32x4_t v[4];
  for (int i = 0; i < 4; ++i) {
    v[i] = vreinterpretq_u32_f32(t.v[i]);
    if (high) v[i] = vshrq_n_u32(vaddq_u32(v[i], vdupq_n_u32(128)), 8);
  }
  const uint8x8_t lo = vmovn_u16(vcombine_u16(vmovn_u32(v[0]), vmovn_u32(v[1])));
  const uint8x8_t hi = vmovn_u16(vcombine_u16(vmovn_u32(v[2]), vmovn_u32(v[3])));
  const uint8_t order[16] = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
  vst1q_u8(reinterpret_cast<uint8_t*>(p), vqtbl1q_u8(vcombine_u8(lo, hi), vld1q_u8(order)));
}
static inline void prefetch(const void* p) { __builtin_prefetch(p); }
static inline void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }  // to the second level

#undef SEMANTIC_EACH

}  // namespace semantic::cpu::neon
