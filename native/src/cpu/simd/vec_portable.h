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
// Byte j of each word.
static inline Vec byte_of(Words w, int j) { SEMANTIC_EACH(static_cast<float>(static_cast<int32_t>(w.v[i] >> (8 * j) & 255))); }
// Bits 0..3, and 4..7, of 16 bytes.
static inline Vec load_low4(const unsigned char* p) { SEMANTIC_EACH(static_cast<float>(p[i] & 15)); }
static inline Vec load_high4(const unsigned char* p) { SEMANTIC_EACH(static_cast<float>(p[i] >> 4)); }
// Bits e1 e0 m become exponent and mantissa of an f32 that is 2^-126 too small (denormal for e = 0): one multiply, exact.
static inline Vec fp4(Words w, int j) {
  SEMANTIC_EACH(as_float((w.v[i] >> (4 * j) & 7) << 22 | (w.v[i] >> (4 * j) & 8) << 28) * 0x1p126f);
}

// For dot.inl.
struct Ints {
  int32_t v[16];
};
struct Quad {
  int8_t v[4];
};
constexpr int dot_panels(int) { return 1; }
constexpr int kDotRows = 2;  // most rows of a tile
constexpr int kQ8Code = 0, kFp4Code = 12;  // what codes are above the values they stand for

static inline Ints all_ints(int32_t s) {
  Ints r;
  for (int i = 0; i < 16; ++i) r.v[i] = s;
  return r;
}
static inline Ints shift_left8(Ints a, int32_t plus) {
  for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] * 256 + plus;
  return a;
}
static inline Vec to_floats(Ints a) { SEMANTIC_EACH(static_cast<float>(a.v[i])); }
static inline Quad quad(const int8_t* p) {
  Quad q;
  std::memcpy(q.v, p, 4);
  return q;
}
static inline Words low_nibbles(Words w) {
  for (int i = 0; i < 16; ++i) w.v[i] &= 0x0F0F0F0F;
  return w;
}
static inline Words high_nibbles(Words w) {
  for (int i = 0; i < 16; ++i) w.v[i] = w.v[i] >> 4 & 0x0F0F0F0F;
  return w;
}
static inline Words q8_codes(Words w) { return w; }
// Twice the value of an fp4, and kFp4Code.
static inline Words fp4_codes(Words nibbles) {
  const uint8_t table[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
  for (int i = 0; i < 16; ++i) {
    uint32_t w = 0;
    for (int j = 0; j < 32; j += 8) w |= static_cast<uint32_t>(table[nibbles.v[i] >> j & 15]) << j;
    nibbles.v[i] = w;
  }
  return nibbles;
}
// sum + the products of a word's 4 codes.
template <bool>
static inline Ints dot(Ints sum, Words even, Quad x_even, Words odd, Quad x_odd) {
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 16; ++i) {
      sum.v[i] += static_cast<int32_t>(even.v[i] >> (8 * j) & 255) * x_even.v[j] + static_cast<int32_t>(odd.v[i] >> (8 * j) & 255) * x_odd.v[j];
    }
  }
  return sum;
}
// Bits 0..7 of each lane's bits, or 8..15 of them + 128, in the order 0 2 4 6 1 3 5 7 of each 8.
static inline void store_codes(int8_t* p, Vec t, bool high) {
  const int order[8] = {0, 2, 4, 6, 1, 3, 5, 7};
  for (int i = 0; i < 16; ++i) {
    const uint32_t u = as_bits(t.v[i / 8 * 8 + order[i % 8]]);
    p[i] = static_cast<int8_t>(static_cast<uint8_t>(high ? (u + 128) >> 8 : u));
  }
}
static inline void prefetch(const void*) {}
static inline void prefetch_far(const void*) {}

#undef SEMANTIC_EACH

}  // namespace semantic::cpu::portable
