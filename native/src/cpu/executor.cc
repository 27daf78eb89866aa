// The cpu executor: a step is cut into slices of at most kSliceRows rows, each one program on the thread pool.
#include "executor.h"

#include <algorithm>
#include <string>

#include "cpu/kv.h"
#include "cpu/rounding.h"
#include "cpu/run.h"
#include "cpu/run_moe.h"
#include "error.h"

namespace semantic {
namespace cpu {
namespace {

// `panel16-v1`: see KvShape::image_layout(). All instruction sets compute the same bits.
// Keys and values of another way of computing are others.
KvLayout kv_layout_of(const std::vector<KvShape>& shapes, const RecurrentLayout& recurrent, KvFormat format, Compute compute) {
  const std::string computed = compute == Compute::Exact ? "" : std::string("/") + compute_name(compute) + "-v1";
  KvLayout layout{std::string("cpu/panel16-v1/") + kv_format_name(format) + computed, {}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    layout.layers.push_back(shapes[i].image_layout());
    layout.layers.back().state_bytes = static_cast<int64_t>(recurrent.layers[i].bytes);
  }
  return layout;
}

std::vector<KvShape> kv_shapes(const DecoderSpec& spec, KvFormat format) {
  std::vector<KvShape> shapes;
  for (const LayerSpec& layer : spec.layers) {
    if (layer.recurrence) {
      shapes.push_back({0, kLanes, kLanes, 0, format});
      continue;
    }
    const AttentionSpec& a = layer.attention;
    shapes.push_back({a.kv_heads, a.head_dim, (a.head_dim + kLanes - 1) / kLanes * kLanes, a.window.value_or(0), format});
  }
  return shapes;
}

void check_spec(const DecoderSpec& spec, KvFormat format) {
  const auto refuse = [](size_t layer, const std::string& message) {
    throw Error(ErrorCode::InvalidArgument, "cpu.load", "layer " + std::to_string(layer) + ": " + message);
  };
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (spec.layers[i].recurrence) continue;
    const AttentionSpec& a = spec.layers[i].attention;
    if (a.heads < 1 || a.kv_heads < 1 || a.heads % a.kv_heads != 0 || a.heads / a.kv_heads > kMaxAttendRows) {
      refuse(i, "heads a multiple of kv heads wanted, got " + std::to_string(a.heads) + " and " + std::to_string(a.kv_heads));
    }
    check_kv_format(format, a.head_dim, "cpu.load");
    if (a.rope < 0 || a.rope >= static_cast<int>(spec.ropes.size()) || spec.ropes[a.rope].dims > a.head_dim) {
      refuse(i, "a rope of at most " + std::to_string(a.head_dim) + " dims wanted, got number " + std::to_string(a.rope));
    }
    if (const auto* moe = std::get_if<MoeFeedForwardSpec>(&spec.layers[i].feed_forward); moe && (moe->top_k < 1 || moe->top_k > moe->experts)) {
      refuse(i, "top_k of at most " + std::to_string(moe->experts) + " wanted, got " + std::to_string(moe->top_k));
    }
  }
}

class CpuExecutor final : public Executor {
 public:
  CpuExecutor(const DecoderSpec& spec, TensorSource& source, KvFormat kv, Compute compute, ThreadPool& pool, const Kernels& kernels)
      : spec_((check_spec(spec, kv), spec)), pool_(pool), kernels_(kernels), kv_shapes_(kv_shapes(spec, kv)), recurrent_(spec),
        kv_layout_(std::make_shared<KvLayout>(kv_layout_of(kv_shapes_, recurrent_, kv, compute))),
        weights_(load_weights(spec, source, pool)), fine_above_(fine_above(compute)), scratch_(spec_, pool.threads(), compute != Compute::Exact) {
    for (const LayerSpec& layer : spec_.layers) {
      if (layer.recurrence) {
        layer_plans_.push_back(kNoPlan);
        continue;
      }
      const AttentionSpec& a = layer.attention;
      const AttentionPlan plan{.heads = a.heads, .kv_heads = a.kv_heads, .head_dim = a.head_dim, .window = a.window.value_or(0), .layer = static_cast<int>(layer_plans_.size()),
                               .tile_parts = {}, .tiles = {}, .jobs = {}};
      const auto same = std::find_if(plans_.begin(), plans_.end(), [&](const AttentionPlan& p) {
        return p.heads == plan.heads && p.kv_heads == plan.kv_heads && p.head_dim == plan.head_dim && p.window == plan.window;
      });
      layer_plans_.push_back(static_cast<int>(same - plans_.begin()));
      if (same == plans_.end()) plans_.push_back(plan);
    }
  }

  std::unique_ptr<SequenceKv> create_sequence() override { return std::make_unique<CpuSequenceKv>(kv_shapes_, recurrent_, counters_); }
  int64_t kv_bytes_to_append(const SequenceKv& kv, int tokens) const override {
    return static_cast<const CpuSequenceKv&>(kv).bytes_to_append(tokens);
  }
  int64_t kv_bytes_to_extend(const SequenceKv& kv, int tokens, int length) const override {
    return static_cast<const CpuSequenceKv&>(kv).bytes_to_extend(tokens, length);
  }
  std::shared_ptr<const KvLayout> kv_layout() const override { return kv_layout_; }
  int64_t scratch_bytes(int tokens, int logit_rows, int hidden_rows) const override {
    const int64_t floats = int64_t{logit_rows} * spec_.vocab_size + int64_t{hidden_rows} * spec_.hidden_size;
    return scratch_.bytes(std::min(tokens, kSliceRows)) + floats * static_cast<int64_t>(sizeof(float));
  }
  int64_t weight_bytes() const override { return weights_.bytes; }
  int64_t kv_bytes_per_token() const override {
    int64_t bytes = 0;
    for (const KvShape& s : kv_shapes_) bytes += s.bytes_per_token();
    return bytes;
  }
  const KvCounters& kv_counters() const override { return counters_; }

  void step(std::span<const BatchEntry> batch, bool all_logits, BatchOutput& out) override {
    check_tokens(batch);
    int64_t rows = 0, logit_rows = 0, hidden_rows = 0;
    for (const BatchEntry& e : batch) {
      rows += static_cast<int64_t>(e.tokens.size());
      logit_rows += e.wants_logits ? 1 : 0;
      hidden_rows += e.wants_hidden ? static_cast<int64_t>(e.tokens.size()) : 0;
    }
    if (all_logits) logit_rows = rows;
    out.logits.resize(static_cast<size_t>(logit_rows) * spec_.vocab_size);

    out.hidden.resize(static_cast<size_t>(hidden_rows) * spec_.hidden_size);

    float* logits = out.logits.data();
    float* hidden = out.hidden.data();
    Slice slice = empty_slice(logits, hidden);
    for (const BatchEntry& e : batch) {
      auto* kv = static_cast<CpuSequenceKv*>(e.kv);
      for (size_t done = 0; done < e.tokens.size();) {
        const int at = kv->length() + pending_rows(slice, kv);
        const int count = add_part(slice, kv, e.tokens.subspan(done), at);
        if (count == 0) {
          run_and_commit(slice);
          slice = empty_slice(logits, hidden);
          continue;
        }
        const int last = slice.rows() - 1;
        done += static_cast<size_t>(count);
        for (int r = last + 1 - count; e.wants_hidden && r <= last; ++r) {
          slice.hidden_rows.push_back(r);
          hidden += spec_.hidden_size;
        }
        for (int r = all_logits ? last + 1 - count : last; r <= last; ++r) {
          if (!all_logits && (!e.wants_logits || done < e.tokens.size())) continue;
          slice.logit_rows.push_back(r);
          logits += spec_.vocab_size;
        }
      }
    }
    if (slice.rows() > 0) run_and_commit(slice);
    for (const BatchEntry& e : batch) static_cast<CpuSequenceKv*>(e.kv)->count_append();
  }

 private:
  Slice empty_slice(float* logits, float* hidden) const {
    Slice slice;
    slice.attention = plans_;
    slice.logits = logits;
    slice.hidden = hidden;
    return slice;
  }

  static int pending_rows(const Slice& slice, const CpuSequenceKv* kv) {
    return !slice.parts.empty() && slice.parts.back().kv == kv ? slice.parts.back().count : 0;
  }

  void check_tokens(std::span<const BatchEntry> batch) const {
    for (const BatchEntry& e : batch) {
      for (const int32_t token : e.tokens) {
        if (token >= 0 && token < spec_.vocab_size) continue;
        throw Error(ErrorCode::InvalidArgument, "cpu.step",
                    "token " + std::to_string(token) + " out of range 0.." + std::to_string(spec_.vocab_size - 1));
      }
    }
  }

  void run_and_commit(Slice& slice) {
    scratch_.prepare(slice.rows());
    for (const SlicePart& part : slice.parts) part.kv->reserve(part.count);
    plan_attention(slice, pool_.threads());
    for (const AttentionPlan& plan : slice.attention) scratch_.prepare_partials(plan.partial_floats, plan.counters);
    for (const int plan : layer_plans_) if (plan != kNoPlan) counters_.shared_reads += slice.attention[static_cast<size_t>(plan)].shared_reads();
    Run run{spec_, weights_, kv_shapes_, layer_plans_, kernels_, scratch_, routing_, slice, pool_.threads(), fine_above_};
    pool_.run([&](ThreadPool::Worker& worker) { run_slice(run, worker); });
    for (const SlicePart& part : slice.parts) part.kv->commit(part.count);
  }

  const DecoderSpec spec_;
  ThreadPool& pool_;
  const Kernels& kernels_;
  static constexpr int kNoPlan = -1;  // of a layer that recurs
  const std::vector<KvShape> kv_shapes_;
  const RecurrentLayout recurrent_;
  const std::shared_ptr<const KvLayout> kv_layout_;
  const Weights weights_;
  const std::optional<float> fine_above_;
  Scratch scratch_;
  Routing routing_;
  std::vector<AttentionPlan> plans_;
  std::vector<int> layer_plans_;
  KvCounters counters_;
};

}  // namespace
}  // namespace cpu

std::shared_ptr<ThreadPool> make_thread_pool(int threads, const std::string& instruction_set) {
  return std::make_shared<ThreadPool>(threads, cpu::select_kernels(instruction_set));
}

std::string instruction_set_of(const ThreadPool& pool) { return pool.kernels().name; }

void set_profile(ThreadPool& pool, StepProfile* profile) { pool.set_profile(profile); }

std::unique_ptr<Executor> make_cpu_executor(const DecoderSpec& spec, TensorSource& source, KvFormat kv, Compute compute, ThreadPool& pool) {
  return std::make_unique<cpu::CpuExecutor>(spec, source, kv, compute, pool, pool.kernels());
}

}  // namespace semantic
