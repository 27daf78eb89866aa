#include <algorithm>
#include <limits>

#include "cpu/run.h"
#include "cpu/stage_kv.h"

namespace semantic::cpu {
namespace {

void set_queries(const Run& run, const AttentionPlan& plan, const AttendTile& tile, int head, ThreadScratch& t) {
  const int group = plan.group();
  for (const TilePart& part : plan.parts_of(tile)) {
    const float** queries = t.queries + part.query;
    for (int i = 0; i < part.tokens; ++i) {
      for (int g = 0; g < group; ++g) *queries++ = run.scratch.q[part.row + i] + (head * group + g) * plan.head_dim;
    }
  }
}

// What each of the part's rows sees of the block at `first`. Returns how many keys of it the last one sees.
int set_visible(const Run& run, const AttentionPlan& plan, const TilePart& part, int first, ThreadScratch& t) {
  const int group = plan.group();
  int hi = 0;
  for (int i = 0; i < part.tokens; ++i) {
    const int position = run.slice.positions[part.row + i];
    const int seen = plan.window > 0 && position >= plan.window ? position - plan.window + 1 : 0;
    const int lo = std::clamp(seen - first, 0, kAttendKeys);
    hi = std::clamp(position + 1 - first, 0, kAttendKeys);
    std::fill_n(t.lo + part.query + i * group, group, lo);
    std::fill_n(t.hi + part.query + i * group, group, hi);
  }
  return hi;
}

// Parts of a tile that see a block in the same memory, and their query rows.
struct BlockRun {
  std::span<const TilePart> parts;
  int query, rows;
};

// Calls body(BlockRun) for all of them, in order.
template <class Body>
void each_run(const AttentionPlan& plan, const AttendTile& tile, int block, Body&& body) {
  const auto parts = plan.parts_of(tile);
  const auto sees = [&](size_t i) { return parts[i].first_block <= block && block < parts[i].end_block; };
  for (size_t i = 0; i < parts.size();) {
    size_t end = i + 1;
    if (sees(i)) {
      while (end < parts.size() && sees(end) && block < parts[end].same_until) ++end;
      const TilePart& last = parts[end - 1];
      const int query = parts[i].query, rows = last.query + last.tokens * plan.group() - query;
      body(BlockRun{parts.subspan(i, end - i), query, rows});
    }
    i = end;
  }
}

// Where the keys lie that this thread most likely wants after `block` of the job: its next block, or the first one of the next job.
const void* keys_after(const Run& run, const AttentionPlan& plan, const AttendJob& job, int layer, int block) {
  const AttendJob* next = &job;
  if (++block == job.block + job.blocks) {
    if (&job != &plan.jobs.back()) ++next;
    block = next->block;
  }
  const TilePart& part = plan.tile_parts[plan.tiles[next->tile].first_part];
  return run.slice.parts[part.part].kv->key_panel(layer, next->head, std::clamp(block, part.first_block, part.end_block - 1) * kAttendKeys);
}

// max, sum, out: of the tile's rows; those of the run are written.
void attend_block(const Run& run, const AttentionPlan& plan, const BlockRun& rows, const AttendJob& job, int layer, int block, ThreadScratch& t,
                  float* max, float* sum, float* out) {
  const KvShape& shape = run.kv[layer];
  const CpuSequenceKv& kv = *run.slice.parts[rows.parts.front().part].kv;
  const int first = block * kAttendKeys;
  int keys = 0;
  for (const TilePart& part : rows.parts) keys = std::max(keys, set_visible(run, plan, part, first, t));
  const StagedKv staged = stage_kv(run.kernels, kv, shape, layer, job.head, first, first + keys, t);
  run.kernels.attend({.keys = staged.keys,
                      .values = staged.values,
                      .format = staged.format,
                      .head_dim = shape.head_dim,
                      .value_stride = shape.value_stride,
                      .rows = rows.rows,
                      .queries = t.queries + rows.query,
                      .lo = t.lo + rows.query,
                      .hi = t.hi + rows.query,
                      .softcap = run.spec.layers[layer].attention.softcap.value_or(0),
                      .scores = t.scores,
                      .max = max + rows.query,
                      .sum = sum + rows.query,
                      .out = out + static_cast<ptrdiff_t>(rows.query) * shape.value_stride,
                      .next = keys_after(run, plan, job, layer, block)});
}

// Merges blocks in order from a start of nothing: the one way a row's result comes about, split or not.
void start_merge(int rows, int stride, ThreadScratch& t) {
  std::fill_n(t.max, rows, -std::numeric_limits<float>::infinity());
  std::fill_n(t.sum, rows, 0.0f);
  std::fill_n(t.out, static_cast<ptrdiff_t>(rows) * stride, 0.0f);
}

void merge_block(const Kernels& kernels, const BlockRun& rows, int stride, ThreadScratch& t, const float* max, const float* sum,
                 const float* out) {
  const int r = rows.query;
  const ptrdiff_t at = static_cast<ptrdiff_t>(r) * stride;
  kernels.merge(rows.rows, t.max + r, t.sum + r, t.out + at, max + r, sum + r, out + at, stride);
}

void finish_rows(const Run& run, const AttentionPlan& plan, const AttendTile& tile, int layer, int head, ThreadScratch& t) {
  const int group = plan.group(), stride = run.kv[layer].value_stride;
  const std::vector<float>& sinks = run.weights.layers[layer].attention.sinks;
  for (const TilePart& part : plan.parts_of(tile)) {
    for (int i = 0; i < part.tokens * group; ++i) {
      const int r = part.query + i, query_head = head * group + i % group;
      run.kernels.finish(t.max[r], t.sum[r], sinks.empty() ? nullptr : &sinks[query_head], t.out + static_cast<ptrdiff_t>(r) * stride,
                         plan.head_dim, run.scratch.attended[part.row + i / group] + query_head * plan.head_dim);
    }
  }
}

void attend_whole(const Run& run, const AttentionPlan& plan, const AttendJob& job, int layer, ThreadScratch& t) {
  const AttendTile& tile = plan.tiles[job.tile];
  const int stride = run.kv[layer].value_stride;
  start_merge(tile.rows, stride, t);
  for (int block = job.block; block < job.block + job.blocks; ++block) {
    each_run(plan, tile, block, [&](const BlockRun& rows) {
      attend_block(run, plan, rows, job, layer, block, t, t.block_max, t.block_sum, t.block_out);
      merge_block(run.kernels, rows, stride, t, t.block_max, t.block_sum, t.block_out);
    });
  }
  finish_rows(run, plan, tile, layer, job.head, t);
}

void attend_part(const Run& run, const AttentionPlan& plan, const AttendJob& job, int layer, ThreadScratch& t) {
  const AttendTile& tile = plan.tiles[job.tile];
  const int stride = run.kv[layer].value_stride;
  const size_t block_floats = static_cast<size_t>(tile.rows) * (stride + 2);
  float* head = run.scratch.partials + tile.partials + static_cast<size_t>(job.head) * tile.blocks * block_floats;
  // Of a block: [rows] max, [rows] sum, [rows][value_stride] out.
  const auto of_block = [&](int block) { return head + static_cast<size_t>(block - tile.first_block) * block_floats; };
  for (int block = job.block; block < job.block + job.blocks; ++block) {
    float* mine = of_block(block);
    each_run(plan, tile, block, [&](const BlockRun& rows) {
      attend_block(run, plan, rows, job, layer, block, t, mine, mine + tile.rows, mine + 2 * tile.rows);
    });
  }

  std::atomic<int>& pending = run.scratch.pending[tile.counter + job.head];
  if (pending.fetch_add(job.blocks, std::memory_order_acq_rel) + job.blocks < tile.blocks) return;
  pending.store(0, std::memory_order_relaxed);
  start_merge(tile.rows, stride, t);
  for (int block = tile.first_block; block < tile.first_block + tile.blocks; ++block) {
    const float* of = of_block(block);
    each_run(plan, tile, block,
             [&](const BlockRun& rows) { merge_block(run.kernels, rows, stride, t, of, of + tile.rows, of + 2 * tile.rows); });
  }
  finish_rows(run, plan, tile, layer, job.head, t);
}

void prepare_head(const Kernels& kernels, const std::optional<Norm>& norm, const float* cos, const float* sin, int dims, int head_dim,
                  float scale, float* x) {
  if (norm) kernels.rms_norm(x, norm->weight.data(), head_dim, norm->eps, x);
  kernels.rotate(x, cos, sin, dims, head_dim, scale);
}

}  // namespace

void run_append(Run& run, ThreadPool::Worker& worker, int layer) {
  const AttentionSpec& spec = run.spec.layers[layer].attention;
  const AttentionWeights& weights = run.weights.layers[layer].attention;
  const KvFormat format = run.kv[layer].format;
  const int d = spec.head_dim, group = spec.heads / spec.kv_heads, dims = run.spec.ropes[spec.rope].dims;
  worker.phase(static_cast<int>(run.slice.appends.size()) * spec.kv_heads, [&](int chunk) {
    const AppendJob& job = run.slice.appends[chunk / spec.kv_heads];
    const int head = chunk % spec.kv_heads;
    const CpuSequenceKv& kv = *run.slice.parts[job.part].kv;
    for (int row = job.row; row < job.row + job.count; ++row) {
      const int position = run.slice.positions[row];
      const float *cos = run.scratch.cos[spec.rope][row], *sin = run.scratch.sin[spec.rope][row];
      for (int g = 0; g < group; ++g) {
        prepare_head(run.kernels, weights.q_norm, cos, sin, dims, d, spec.scale, run.scratch.q[row] + (head * group + g) * d);
      }
      float* k = run.scratch.k[row] + head * d;
      prepare_head(run.kernels, weights.k_norm, cos, sin, dims, d, 1, k);
      run.kernels.write_keys(k, d, format, kv.key_panel(layer, head, position), position % kLanes);
      run.kernels.write_values(run.scratch.v[row] + head * d, d, format, kv.value_row(layer, head, position));
    }
  });
}

void run_attention(Run& run, ThreadPool::Worker& worker, int layer) {
  const AttentionPlan& plan = run.slice.attention[run.layer_plans[layer]];
  ThreadScratch& t = run.scratch.threads[worker.index()];
  worker.phase(static_cast<int>(plan.jobs.size()), [&](int chunk) {
    const AttendJob& job = plan.jobs[chunk];
    set_queries(run, plan, plan.tiles[job.tile], job.head, t);
    plan.split ? attend_part(run, plan, job, layer, t) : attend_whole(run, plan, job, layer, t);
  });
}

}  // namespace semantic::cpu
