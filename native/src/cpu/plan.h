// What one slice of a step does: at most kSliceRows rows, one token each, cut from the batch in order. Built on the engine
// thread, then only read. Results do not depend on how a batch is cut.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpu/kernels.h"
#include "cpu/kv.h"

namespace semantic::cpu {

inline constexpr int kSliceRows = 512;

// Consecutive rows of one sequence.
struct SlicePart {
  CpuSequenceKv* kv;
  int row, count;
  int position;  // of the first row
};

// Rows that land in one 16-key panel, so that no two threads write one cache line.
struct AppendJob {
  int part, row, count;
};

// Some tokens of one part, as rows of a tile: [tokens][heads of a group], token by token.
struct TilePart {
  int part, row, tokens;
  int query;                   // its first row in the tile
  int first_block, end_block;  // of kAttendKeys keys, absolute: what any of its tokens sees
  int same_until;              // before this block it lies in the memory of the tile's part before it
};

// What one thread attends at a time: parts that begin in the same memory, or one part alone.
struct AttendTile {
  int first_part, parts;    // of AttentionPlan::tile_parts
  int rows;                 // query rows of all
  int first_block, blocks;  // that any of them sees
  size_t partials;          // where its partial results start, if split
  int counter;              // index of its first pending counter (one per KV head), if split
};

// One KV head of a tile: all its blocks, or some of them whose results go to the partials.
struct AttendJob {
  int tile, head;
  int block, blocks;
};

// The same for all layers of one shape.
struct AttentionPlan {
  int heads, kv_heads, head_dim, window;
  int layer;  // the first of them
  bool split = false;
  std::vector<TilePart> tile_parts;
  std::vector<AttendTile> tiles;
  std::vector<AttendJob> jobs;
  size_t partial_floats = 0;
  int counters = 0;

  int group() const { return heads / kv_heads; }
  std::span<const TilePart> parts_of(const AttendTile& tile) const {
    return {tile_parts.data() + tile.first_part, static_cast<size_t>(tile.parts)};
  }
  // Tokens of KV that a part did not read for itself, in one layer.
  int64_t shared_reads() const;
};

struct Slice {
  std::vector<int32_t> tokens;   // [rows]
  std::vector<int> positions;    // [rows]
  std::vector<int> part_of;      // [rows]: index into parts
  std::vector<SlicePart> parts;
  std::vector<AppendJob> appends;
  std::vector<AttentionPlan> attention;
  std::vector<int> logit_rows;  // rows whose logits are wanted, in order
  float* logits = nullptr;      // [logit_rows][vocab]
  std::vector<int> hidden_rows; // rows whose final hidden state is wanted, in order
  float* hidden = nullptr;      // [hidden_rows][hidden size]

  int rows() const { return static_cast<int>(tokens.size()); }
};

// Adds rows of one sequence: tokens at `position`.. of `kv`, as many as fit. Returns how many it took.
int add_part(Slice& slice, CpuSequenceKv* kv, std::span<const int32_t> tokens, int position);

// Fills appends and the attention plans for the shapes that slice.attention lists. The parts' KV has room for their rows already.
void plan_attention(Slice& slice, int threads);

// Bound of AttentionPlan::partial_floats.
inline constexpr size_t kMaxPartialFloats = size_t{4} << 20;

}  // namespace semantic::cpu
