// Vec: 16 f32 lanes in two ymm registers. Needs AVX2, FMA and F16C.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace semantic::cpu::avx2 {

struct Vec {
  __m256 lo, hi;
};
struct Words {
  __m256i lo, hi;  // 16 uint32
};

constexpr int kTileRows = 6, kTilePanels = 1;
constexpr int gemv_panels(int rows) { return rows <= 2 ? 2 : 1; }

static inline Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline Vec set1(float v) {
  const __m256 s = _mm256_set1_ps(v);
  return {s, s};
}
static inline Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void store(float* p, Vec v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
static inline __m256i first_lanes(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
static inline Vec load_n(const float* p, int n) {
  return {_mm256_maskload_ps(p, first_lanes(n)), n > 8 ? _mm256_maskload_ps(p + 8, first_lanes(n - 8)) : _mm256_setzero_ps()};
}
static inline void store_n(float* p, Vec v, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), v.lo);
  if (n > 8) _mm256_maskstore_ps(p + 8, first_lanes(n - 8), v.hi);
}
static inline __m128i load8(const uint16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
static inline Vec load_f16(const uint16_t* p) { return {_mm256_cvtph_ps(load8(p)), _mm256_cvtph_ps(load8(p + 8))}; }
static inline __m256 from_bf16(__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); }
static inline Vec load_bf16(const uint16_t* p) { return {from_bf16(load8(p)), from_bf16(load8(p + 8))}; }
static inline void store_f16(uint16_t* p, Vec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline __m256i bf16_of(__m256 v) {  // in 32 bits; to nearest, ties to even; not for NaN
  const __m256i u = _mm256_castps_si256(v);
  const __m256i up = _mm256_add_epi32(_mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1)), _mm256_set1_epi32(0x7FFF));
  return _mm256_srli_epi32(_mm256_add_epi32(u, up), 16);
}
static inline void store_bf16(uint16_t* p, Vec v) {
  const __m256i packed = _mm256_packus_epi32(bf16_of(v.lo), bf16_of(v.hi));  // 64-bit quarters 0 2 1 3
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xD8));
}

static inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)}; }
static inline Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
static inline Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
static inline Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
static inline Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
static inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
static inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
static inline Vec select_less(Vec x, Vec y, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(x.lo, y.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(x.hi, y.hi, _CMP_LT_OQ))};
}
static inline __m256 scale8(__m256 p, __m256 t) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}
static inline Vec scale_by_power(Vec p, Vec t) { return {scale8(p.lo, t.lo), scale8(p.hi, t.hi)}; }
static inline __m256 keep8(__m256 v, int lo, int hi, __m256 fill) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(lo), lane), inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(hi), lane);
  return _mm256_blendv_ps(fill, v, _mm256_castsi256_ps(_mm256_andnot_si256(below, inside)));
}
static inline Vec keep_range(Vec v, int lo, int hi, Vec fill) { return {keep8(v.lo, lo, hi, fill.lo), keep8(v.hi, lo - 8, hi - 8, fill.hi)}; }

static inline float reduce_add(Vec v) {
  const __m256 a = _mm256_add_ps(v.lo, v.hi);
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
static inline float reduce_max(Vec v) {
  const __m256 a = _mm256_max_ps(v.lo, v.hi);
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

static inline Words load_words(const void* p) {
  const auto* w = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(w), _mm256_loadu_si256(w + 1)};
}
static inline __m256 bits8(__m256i w, int shift, int mask) {
  return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(w, shift), _mm256_set1_epi32(mask)));
}
static inline Vec nibble(Words w, int j) { return {bits8(w.lo, 4 * j, 15), bits8(w.hi, 4 * j, 15)}; }
static inline __m256 u8x8(const unsigned char* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
static inline Vec load_u8(const unsigned char* p) { return {u8x8(p), u8x8(p + 8)}; }
// Byte j of each word.
static inline __m256 byte8(__m256i w, int j) {
  const __m256i first = _mm256_setr_epi32(0x80808000, 0x80808004, 0x80808008, 0x8080800C, 0x80808000, 0x80808004, 0x80808008, 0x8080800C);
  return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(w, _mm256_add_epi32(first, _mm256_set1_epi32(j))));
}
static inline Vec byte_of(Words w, int j) { return {byte8(w.lo, j), byte8(w.hi, j)}; }
// Bits 0..3, and 4..7, of 16 bytes.
static inline Vec low4_of(__m128i bytes) {
  const __m128i low = _mm_and_si128(bytes, _mm_set1_epi8(15));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(low)), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(low, 8)))};
}
static inline Vec load_low4(const unsigned char* p) { return low4_of(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
static inline Vec load_high4(const unsigned char* p) {
  return low4_of(_mm_srli_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), 4));
}
static inline __m256 fp4x8(__m256i w, int j) {
  const __m256 table = _mm256_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6);
  const __m256i n = _mm256_srli_epi32(w, 4 * j);
  const __m256i sign = _mm256_slli_epi32(_mm256_srli_epi32(n, 3), 31);
  return _mm256_xor_ps(_mm256_permutevar8x32_ps(table, n), _mm256_castsi256_ps(sign));  // looks at the lowest 3 bits only
}
static inline Vec fp4(Words w, int j) { return {fp4x8(w.lo, j), fp4x8(w.hi, j)}; }

// For dot.inl.
struct Ints {
  __m256i lo, hi;  // 16 int32
};
using Quad = __m256i;  // 4 int8, in every lane
constexpr int dot_panels(int rows) { return rows == 1 ? 2 : 1; }
constexpr int kDotRows = 4;  // most rows of a tile
constexpr int kQ8Code = 0, kFp4Code = 12;  // what codes are above the values they stand for

static inline Ints all_ints(int32_t v) { return {_mm256_set1_epi32(v), _mm256_set1_epi32(v)}; }
static inline Ints shift_left8(Ints v, int32_t plus) {
  const __m256i p = _mm256_set1_epi32(plus);
  return {_mm256_add_epi32(_mm256_slli_epi32(v.lo, 8), p), _mm256_add_epi32(_mm256_slli_epi32(v.hi, 8), p)};
}
static inline Vec to_floats(Ints v) { return {_mm256_cvtepi32_ps(v.lo), _mm256_cvtepi32_ps(v.hi)}; }
static inline Quad quad(const int8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return _mm256_set1_epi32(v);
}
static inline __m256i low4_bytes(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
static inline Words low_nibbles(Words w) { return {low4_bytes(w.lo), low4_bytes(w.hi)}; }
static inline Words high_nibbles(Words w) { return {low4_bytes(_mm256_srli_epi32(w.lo, 4)), low4_bytes(_mm256_srli_epi32(w.hi, 4))}; }
static inline Words q8_codes(Words w) { return w; }
// Twice the value of an fp4, and kFp4Code.
static inline Words fp4_codes(Words nibbles) {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
  return {_mm256_shuffle_epi8(table, nibbles.lo), _mm256_shuffle_epi8(table, nibbles.hi)};
}
// sum + the products of a word's 4 codes; `wide`: codes of more than 7 bits, whose products in pairs would saturate 16 bits.
template <bool wide>
static inline __m256i dot8(__m256i sum, __m256i even, Quad x_even, __m256i odd, Quad x_odd) {
#if defined(__AVXVNNI__)
  return _mm256_dpbusd_avx_epi32(_mm256_dpbusd_avx_epi32(sum, even, x_even), odd, x_odd);
#else
  const __m256i ones = _mm256_set1_epi16(1);
  const auto add_pairs = [&](__m256i pairs) { sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones)); };
  if constexpr (wide) {
    const __m256i top = _mm256_set1_epi8(-128);
    const auto add_split = [&](__m256i codes, Quad x) {
      add_pairs(_mm256_maddubs_epi16(_mm256_andnot_si256(top, codes), x));
      add_pairs(_mm256_maddubs_epi16(_mm256_and_si256(top, codes), x));
    };
    add_split(even, x_even);
    add_split(odd, x_odd);
  } else {
    add_pairs(_mm256_add_epi16(_mm256_maddubs_epi16(even, x_even), _mm256_maddubs_epi16(odd, x_odd)));
  }
  return sum;
#endif
}
template <bool wide>
static inline Ints dot(Ints sum, Words even, Quad x_even, Words odd, Quad x_odd) {
  return {dot8<wide>(sum.lo, even.lo, x_even, odd.lo, x_odd), dot8<wide>(sum.hi, even.hi, x_even, odd.hi, x_odd)};
}
// Bits 0..7 of each lane's bits, or 8..15 of them + 128, in the order 0 2 4 6 1 3 5 7 of each 8.
static inline void store_codes8(int8_t* p, __m256 t, bool high) {
  __m256i i = _mm256_castps_si256(t);
  if (high) i = _mm256_srli_epi32(_mm256_add_epi32(i, _mm256_set1_epi32(128)), 8);
  const __m256i order = _mm256_setr_epi8(0, 8, -1, -1, 4, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                         -1, -1, 0, 8, -1, -1, 4, 12, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i halves = _mm256_shuffle_epi8(i, order);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_or_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}
static inline void store_codes(int8_t* p, Vec t, bool high) {
  store_codes8(p, t.lo, high);
  store_codes8(p + 8, t.hi, high);
}
static inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
static inline void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }  // to the second level

}  // namespace semantic::cpu::avx2
