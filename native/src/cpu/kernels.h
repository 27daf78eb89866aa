// The table of kernels that each instruction set fills in. Plain data in, plain data out; they neither allocate nor throw.
//
// Exactness: every output of a linear layer in f32, every score and every weighted sum is one chain of fused multiply-adds in the
// order of k, started at 0. It is the same chain for one row and for many, so results do not depend on the batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpu/panel_matrix.h"
#include "cpu/quantized_row.h"
#include "kv_format.h"

namespace semantic::cpu {

inline constexpr int kGemvRows = 8;       // most rows that gemv takes
inline constexpr int kAttendKeys = 128;   // keys per attention block, aligned to absolute positions
inline constexpr int kDequantInputs = 1024;  // inputs that gemm dequantizes at a time (or one group, if larger)
inline constexpr int kMaxTilePanels = 4;
inline constexpr int kMaxAttendRows = 128;  // query rows per call of attend
inline constexpr int kScoredRows = 6;       // most of them that attend takes at a time

enum class ActivationKind : uint8_t { Silu, GeluTanh, SwigluClamped };

// One block of at most kAttendKeys keys of one KV head against some query rows.
struct AttendBlock {
  const void* keys;    // [keys / 16][head_dim][16]
  const void* values;  // [keys][value_stride]
  KvFormat format;     // of both; quantized ones are expanded to F32 before
  int head_dim;
  int value_stride;  // head_dim rounded up to 16
  int rows;
  const float* const* queries;  // [rows] -> [head_dim], scaled
  const int *lo, *hi;           // [rows] visible keys [lo, hi) of this block
  float softcap;                // 0 = none
  float* scores;                // scratch [kScoredRows][kAttendKeys]
  float *max, *sum;             // out [rows]; -inf and 0 where nothing is visible
  float* out;                   // out [rows][value_stride], not yet divided by sum
  const void* next;             // keys that are wanted next, as good as known: fetched meanwhile, never read
};

// One token of the gated delta rule in one head: S = decay * S; S += k (beta * (v - S^T k))^T; out = S^T q.
struct DeltaToken {
  float* state;  // [key_dim][stride], columns behind value_dim zero
  ptrdiff_t stride;
  int key_dim, value_dim;
  const float *q, *k, *v;
  float decay, beta;
  float* out;  // [value_dim]
};

// Linear layers on int8 activations. Several instruction sets may share one of these: all that fuse compute the same bits.
struct DotKernels {
  // x [n], a multiple of kQuantInputs, to records. Those whose largest input is above `fine_above` times the row's root mean square
  // become fine.
  void (*quantize)(const float* x, int n, float fine_above, unsigned char* y);
  // As gemv, for any number of quantized rows and any number of panels of a matrix that has_codes().
  void (*multiply)(const PanelMatrix& w, int panel, int panels, const unsigned char* x, ptrdiff_t x_stride, int rows, float* out,
                   ptrdiff_t out_stride);
};

struct Kernels {
  const char* name;
  int tile_panels;  // panels that gemm likes at once, <= kMaxTilePanels

  // out[r][0 .. 16 * panels) = W x for rows <= kGemvRows. `panel` counts through all experts.
  void (*gemv)(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t out_stride);
  // The same for any number of rows, panels <= tile_panels; scratch [max(kDequantInputs, group) * 16 * tile_panels].
  void (*gemm)(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t out_stride,
               float* scratch);
  // y[0 .. in) = row `row` of expert 0 times scale.
  void (*embed)(const PanelMatrix& w, int row, float scale, float* y);

  void (*rms_norm)(const float* x, const float* weight, int n, float eps, float* y);  // y may be x
  // y = (x - mean) / sqrt(variance + eps) * weight + bias; y may be x
  void (*layer_norm)(const float* x, const float* weight, const float* bias, int n, float eps, float* y);
  void (*store)(const float* acc, const float* bias, int n, float* y);                // y = acc + bias?
  void (*add)(const float* acc, const float* bias, int n, float* y);                  // y += acc + bias?
  void (*add_scaled)(const float* x, float factor, int n, float* y);                  // y += factor * x
  void (*activate)(ActivationKind kind, float alpha, float limit, const float* gate, const float* up, int n, float* y);
  void (*gelu)(const float* x, int n, float* y);  // x Phi(x), with the error function; y may be x
  void (*softcap)(float* x, int n, float cap);
  void (*gate)(const float* x, const float* gate, int n, float* y);  // y = x * sigmoid(gate); y may be x
  // y = silu of the sum over `taps` of x[tap] * w[tap * stride ..], element by element.
  void (*convolve)(const float* const* x, const float* w, ptrdiff_t stride, int taps, int n, float* y);
  void (*delta_rule)(const DeltaToken& token);
  // Rotates (x[i], x[i + dims / 2]) by the angles, in place, then multiplies all n by `scale`.
  void (*rotate)(float* x, const float* cos, const float* sin, int dims, int n, float scale);

  // A value row: [n] elements; quantized: codes, in q4 runs of 32 elements whose first half takes the low bits of 16 bytes, then
  // per group scale and bias in f16.
  void (*write_values)(const float* x, int n, KvFormat format, void* row);
  // One lane of a key panel: [n][16] elements; quantized: codes [n][16] bytes, or [n / 2][16] with the even element in the low
  // bits, then [groups][2][16] scales and biases in f16.
  void (*write_keys)(const float* x, int n, KvFormat format, void* panel, int lane);
  // Quantized panels to y [panels][n][16].
  void (*expand_keys)(const void* keys, int panels, int n, KvFormat format, float* y);
  // Quantized rows to y[row * stride + ..n).
  void (*expand_values)(const void* values, int rows, int n, KvFormat format, float* y, ptrdiff_t stride);

  void (*attend)(const AttendBlock& block);
  // Folds a block's (max, sum, out [rows][stride]) into the running ones, in the order of the blocks; stride a multiple of 16.
  void (*merge)(int rows, float* max, float* sum, float* out, const float* block_max, const float* block_sum, const float* block_out,
                int stride);
  // y = out / sum; `sink`: a virtual key's logit that takes probability only.
  void (*finish)(float max, float sum, const float* sink, const float* out, int n, float* y);

  DotKernels dots;  // select_kernels chooses them: a CPU may have an instruction set without its dot products
};

// `name`: auto, avx512, avx2, neon or portable. Throws Error(InvalidArgument, "cpu.select") where this CPU lacks it.
const Kernels& select_kernels(std::string_view name);

}  // namespace semantic::cpu
