#include "cpu/plan.h"

#include <algorithm>

#include "cpu/plan_tiles.h"

namespace semantic::cpu {
namespace {

constexpr int kMostSplitRows = 32;    // tiles larger than this are not split by blocks
constexpr int kJobsPerThread = 4;     // fewer jobs than this per thread: split
constexpr int kSplitJobs = 16;        // about as many jobs for each thread then

void plan_appends(Slice& slice) {
  for (size_t p = 0; p < slice.parts.size(); ++p) {
    const SlicePart& part = slice.parts[p];
    for (int done = 0; done < part.count;) {
      const int room = kLanes - (part.position + done) % kLanes;
      const int count = std::min(room, part.count - done);
      slice.appends.push_back({static_cast<int>(p), part.row + done, count});
      done += count;
    }
  }
}

bool few_tiles(const AttentionPlan& plan, int threads) {
  return threads > 1 && static_cast<int>(plan.tiles.size()) * plan.kv_heads < kJobsPerThread * threads;
}

// With few tiles, threads share one by blocks: each writes partial results, the last one to finish merges them in order.
bool try_split(AttentionPlan& plan, int threads) {
  if (!few_tiles(plan, threads)) return false;
  const size_t row_floats = static_cast<size_t>((plan.head_dim + kLanes - 1) / kLanes * kLanes) + 2;
  size_t floats = 0;
  int counters = 0;
  for (AttendTile& t : plan.tiles) {
    if (t.rows > kMostSplitRows) return false;
    t.partials = floats;
    t.counter = counters;
    floats += static_cast<size_t>(plan.kv_heads) * t.blocks * t.rows * row_floats;
    counters += plan.kv_heads;
  }
  if (floats > kMaxPartialFloats) return false;
  plan.partial_floats = floats;
  plan.counters = counters;
  return true;
}

// Blocks of a job of a split plan: few enough that threads finish together.
int blocks_per_job(const AttentionPlan& plan, int threads) {
  int blocks = 0;
  for (const AttendTile& tile : plan.tiles) blocks += tile.blocks * plan.kv_heads;
  return std::max(1, blocks / (kSplitJobs * threads));
}

void plan_jobs(AttentionPlan& plan, int threads) {
  const int split = blocks_per_job(plan, threads);
  for (size_t t = 0; t < plan.tiles.size(); ++t) {
    const AttendTile& tile = plan.tiles[t];
    for (int head = 0; head < plan.kv_heads; ++head) {
      const int most = plan.split ? split : tile.blocks;
      for (int b = 0; b < tile.blocks; b += most) {
        plan.jobs.push_back({static_cast<int>(t), head, tile.first_block + b, std::min(most, tile.blocks - b)});
      }
    }
  }
}

}  // namespace

int add_part(Slice& slice, CpuSequenceKv* kv, std::span<const int32_t> tokens, int position) {
  const int count = std::min(static_cast<int>(tokens.size()), kSliceRows - slice.rows());
  if (count <= 0) return 0;
  slice.parts.push_back({kv, slice.rows(), count, position});
  for (int i = 0; i < count; ++i) {
    slice.tokens.push_back(tokens[static_cast<size_t>(i)]);
    slice.positions.push_back(position + i);
    slice.part_of.push_back(static_cast<int>(slice.parts.size()) - 1);
  }
  return count;
}

int64_t AttentionPlan::shared_reads() const {
  int64_t blocks = 0;
  for (const AttendTile& tile : tiles) {
    const auto parts = parts_of(tile);
    for (size_t i = 1; i < parts.size(); ++i) {
      blocks += std::max(0, parts[i].same_until - std::max(parts[i].first_block, parts[i - 1].first_block));
    }
  }
  return blocks * kAttendKeys;
}

void plan_attention(Slice& slice, int threads) {
  plan_appends(slice);
  for (AttentionPlan& plan : slice.attention) {
    plan_tiles(slice, plan, kMostSplitRows);
    plan.split = try_split(plan, threads);
    if (!plan.split && few_tiles(plan, threads)) {  // more threads with something to do are worth more than fewer reads
      plan_tiles(slice, plan, 0);
      plan.split = try_split(plan, threads);
    }
    plan_jobs(plan, threads);
  }
}

}  // namespace semantic::cpu
