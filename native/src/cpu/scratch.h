// Memory that a step works in; grows to the largest slice seen and is kept.
#pragma once
#include <vector>

#include "cpu/kernels.h"
#include "cpu/page_buffer.h"
#include "cpu/plan.h"
#include "decoder/spec.h"

namespace semantic::cpu {

// [rows][width] f32 at a stride that is a multiple of 16, with some to spare so that rows do not share cache sets.
struct Rows {
  float* data = nullptr;
  ptrdiff_t stride = 0;
  std::vector<const float*> pointers;  // of each row

  float* operator[](int row) const { return data + row * stride; }
  unsigned char* bytes_of(int row) const { return reinterpret_cast<unsigned char*>(data + row * stride); }
};

struct ThreadScratch {
  float* dequantized;        // gemm's scratch
  float *acc_a, *acc_b;      // [kLinearRows][16 * kMaxTilePanels]
  float* normed;             // [kGemvRows][hidden]
  const float* normed_rows[kGemvRows];
  Rows codes;                // [kGemvRows]: as Scratch::codes
  float* scores;             // [kScoredRows][kAttendKeys]
  float *block_max, *block_sum, *block_out;  // [kMaxAttendRows](...[value_stride])
  float *max, *sum, *out;                    // the same, merged so far
  float *staged_keys, *staged_values;        // [kAttendKeys / 16][head_dim][16] and [kAttendKeys][value_stride], f32 or the KV's type
  const float* queries[kMaxAttendRows];
  int lo[kMaxAttendRows], hi[kMaxAttendRows];
};

inline constexpr int kLinearRows = 252;  // rows of one chunk of a linear layer; a multiple of every tile's rows

// What the threads' memory depends on: the widest of each kind over all layers.
struct ThreadSizes {
  int hidden;
  int group;        // inputs per scale, where quantized
  int code_floats;  // of a quantized row; 0 = none
  int head;         // head_dim
};

// Memory for all of `threads`, which point into it from then on.
PageBuffer make_thread_memory(std::vector<ThreadScratch>& threads, const ThreadSizes& sizes);

ptrdiff_t row_stride(int width);  // of Rows

class Scratch {
 public:
  // `codes`: with room for quantized rows.
  Scratch(const DecoderSpec& spec, int threads, bool codes);

  // Makes room for a slice of `rows` rows. Throws Error(OutOfMemory, "cpu.step").
  void prepare(int rows);
  void prepare_partials(size_t floats, int counters);
  int64_t bytes(int rows) const;  // what prepare(rows) needs, partials and threads included

  Rows hidden;      // [rows][hidden]: the residual stream
  Rows normed;      // [rows][hidden]
  Rows projected;   // [rows][hidden]: a block's output where a norm follows it
  Rows q, k, v;     // [rows][heads * head_dim] ...
  Rows attended;    // [rows][heads * head_dim]
  Rows gate;        // as attended: what gates it, before the sigmoid
  Rows mixed, convolved;  // [rows][channels] of a recurrent layer: q, k and v before and after the convolution
  Rows beta, decay;       // [rows][value heads] of a recurrent layer, as projected
  Rows activated;   // [rows or rows * top_k][feed-forward width]
  Rows routed;      // [rows][experts]
  Rows expert_out;  // [rows * top_k][hidden]
  Rows codes;       // [rows or rows * top_k] quantized rows (quantized_row.h), as bytes
  std::vector<Rows> cos, sin;  // per rope: [rows][dims / 2]
  std::vector<ThreadScratch> threads;
  float* partials = nullptr;
  std::vector<std::atomic<int>> pending;  // blocks of a split tile that are done; the last to finish puts it back to 0

 private:
  struct Width {
    Rows* rows;
    int width;
    int per_row;  // rows of it per row of the slice
  };
  size_t floats_per_row() const;

  std::vector<Width> widths_;
  PageBuffer row_memory_, thread_memory_, partial_memory_;
  int rows_ = 0;
};

}  // namespace semantic::cpu
