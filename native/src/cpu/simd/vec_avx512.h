// Vec: 16 f32 lanes in one zmm register.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace semantic::cpu::avx512 {

using Vec = __m512;
using Words = __m512i;  // 16 uint32

constexpr int kTileRows = 6, kTilePanels = 4;
constexpr int gemv_panels(int rows) { return rows <= 2 ? 4 : 2; }

static inline Vec zero() { return _mm512_setzero_ps(); }
static inline Vec set1(float v) { return _mm512_set1_ps(v); }
static inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
static inline void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
static inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }
static inline Vec load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
static inline void store_n(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }
static inline Vec load_f16(const uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
static inline Vec load_bf16(const uint16_t* p) {
  const __m512i w = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
}
static inline void store_f16(uint16_t* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
// To nearest, ties to even; not for NaN.
static inline void store_bf16(uint16_t* p, Vec v) {
  const __m512i u = _mm512_castps_si512(v);
  const __m512i up = _mm512_add_epi32(_mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7FFF));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_add_epi32(u, up), 16)));
}

static inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
static inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
static inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
static inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
static inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
static inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
// x < y ? a : b
static inline Vec select_less(Vec x, Vec y, Vec a, Vec b) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), b, a); }
// p * 2^n where t = n + 1.5 * 2^23
static inline Vec scale_by_power(Vec p, Vec t) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}
// Lanes outside [lo, hi) become fill.
static inline Vec keep_range(Vec v, int lo, int hi, Vec fill) {
  const unsigned upper = hi >= 16 ? 0xFFFFu : hi <= 0 ? 0u : (1u << hi) - 1;
  const unsigned lower = lo >= 16 ? 0xFFFFu : lo <= 0 ? 0u : (1u << lo) - 1;
  return _mm512_mask_blend_ps(static_cast<__mmask16>(upper & ~lower), fill, v);
}

static inline float reduce_add(Vec v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
static inline float reduce_max(Vec v) { return _mm512_reduce_max_ps(v); }

static inline Words load_words(const void* p) { return _mm512_loadu_si512(p); }
static inline Vec nibble(Words w, int j) {
  const Vec table = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_permutexvar_ps(_mm512_srli_epi32(w, 4 * j), table);  // looks at the lowest 4 bits only
}
static inline Vec fp4(Words w, int j) {
  const Vec table = _mm512_setr_ps(0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6);
  return _mm512_permutexvar_ps(_mm512_srli_epi32(w, 4 * j), table);
}
// Byte j of each word.
static inline Vec byte_of(Words w, int j) {
  const __m512i index = _mm512_add_epi32(_mm512_set4_epi32(0x8080800C, 0x80808008, 0x80808004, 0x80808000), _mm512_set1_epi32(j));
  return _mm512_cvtepi32_ps(_mm512_shuffle_epi8(w, index));
}
static inline Vec load_u8(const unsigned char* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
// Bits 0..3, and 4..7, of 16 bytes.
static inline Vec low4_of(__m128i bytes) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(bytes, _mm_set1_epi8(15))));
}
static inline Vec load_low4(const unsigned char* p) { return low4_of(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
static inline Vec load_high4(const unsigned char* p) {
  return low4_of(_mm_srli_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), 4));
}

// For dot.inl.
using Ints = __m512i;  // 16 int32
using Quad = __m512i;  // 4 int8, in every lane
constexpr int dot_panels(int rows) { return rows <= 2 ? 4 : rows == 3 ? 3 : rows <= 6 ? 2 : 1; }
constexpr int kDotRows = 8;  // most rows of a tile: more do not fit the first cache with 1536 inputs
constexpr int kQ8Code = 0, kFp4Code = 12;  // what codes are above the values they stand for

static inline Ints all_ints(int32_t v) { return _mm512_set1_epi32(v); }
static inline Ints shift_left8(Ints v, int32_t plus) { return _mm512_add_epi32(_mm512_slli_epi32(v, 8), all_ints(plus)); }
static inline Vec to_floats(Ints v) { return _mm512_cvtepi32_ps(v); }
static inline Quad quad(const int8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return _mm512_set1_epi32(v);
}
static inline Words low_nibbles(Words w) { return _mm512_and_si512(w, _mm512_set1_epi8(15)); }
static inline Words high_nibbles(Words w) { return _mm512_and_si512(_mm512_srli_epi32(w, 4), _mm512_set1_epi8(15)); }
static inline Words q8_codes(Words w) { return w; }
// Twice the value of an fp4, and kFp4Code.
static inline Words fp4_codes(Words nibbles) {
  const __m128i table = _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), nibbles);
}
#if defined(__AVX512VNNI__)
// sum + the products of a word's 4 codes; `wide`: codes of more than 7 bits.
template <bool wide>
static inline Ints dot(Ints sum, Words even, Quad x_even, Words odd, Quad x_odd) {
  return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, even, x_even), odd, x_odd);
}
#endif
// Bits 0..7 of each lane's bits, or 8..15 of them + 128, in the order 0 2 4 6 1 3 5 7 of each 8.
static inline void store_codes(int8_t* p, Vec t, bool high) {
  __m512i i = _mm512_castps_si512(t);
  if (high) i = _mm512_srli_epi32(_mm512_add_epi32(i, _mm512_set1_epi32(128)), 8);
  const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_shuffle_epi8(_mm512_cvtepi32_epi8(i), order));
}
static inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
static inline void prefetch_far(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1); }  // to the second level

}  // namespace semantic::cpu::avx512
