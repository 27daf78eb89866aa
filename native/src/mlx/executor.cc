// The `mlx` executor: a step is one MLX graph, built and evaluated on the engine thread.
#include <algorithm>
#include <cstring>
#include <optional>

#include "decoder/norm_weight.h"
#include "executor.h"
#include "mlx/attention.h"
#include "mlx/feed_forward.h"
#include "mlx/gated_delta.h"

namespace semantic {
namespace {

namespace mx = mlx::core;

bool on_gpu() { return mx::default_device() == mx::Device::gpu; }

// On a GPU the checkpoint's own type; MLX's CPU kernels are scalar, and inexact when quantized, in anything but f32.
mx::Dtype activation_type(const LinearWeights& embedding) { return on_gpu() ? float_type_of(embedding) : mx::float32; }

// `rows-v1`: per layer keys [kv_heads][tokens][row width], then values alike; KvCodec says what a row is. Devices compute
// different bits.
KvLayout make_kv_layout(const std::vector<LayerKvShape>& shapes, const KvCodec& codec) {
  const std::string device = !on_gpu() ? "cpu" : mx::metal::is_available() ? "metal" : "cuda";
  KvLayout layout{std::string("mlx/rows-v1/") + codec.stored_name() + "/" + device, {}};
  for (const LayerKvShape& s : shapes) layout.layers.push_back({s.recurs() ? 0 : 2 * s.kv_heads * codec.row_bytes(s.head_dim), 0, s.state_bytes()});
  return layout;
}

class Norm {
 public:
  Norm(TensorSource& source, const NormSpec& spec, int width, mx::Dtype type)
      : weight_(mx::astype(load_norm_weight(source, spec, width), type)), eps_(spec.eps) {}
  mx::array operator()(const mx::array& x) const { return mx::fast::rms_norm(x, weight_, eps_); }
  int64_t bytes() const { return static_cast<int64_t>(weight_.nbytes()); }

 private:
  mx::array weight_;
  float eps_;
};

struct Layer {
  Norm input_norm;
  std::variant<Attention, GatedDelta> mixer;
  std::optional<Norm> post_attention_norm;
  Norm feed_forward_norm;
  std::unique_ptr<FeedForward> feed_forward;
  std::optional<Norm> post_feed_forward_norm;

  mx::array operator()(const mx::array& x, const BatchLayout& layout, std::span<const BatchEntry> batch, int index) const {
    auto attended = std::visit([&](const auto& mix) { return mix(input_norm(x), layout, batch, index); }, mixer);
    if (post_attention_norm) attended = (*post_attention_norm)(attended);
    const auto h = mx::add(x, attended);
    auto fed = (*feed_forward)(feed_forward_norm(h));
    if (post_feed_forward_norm) fed = (*post_feed_forward_norm)(fed);
    return mx::add(h, fed);
  }

  LayerKvShape kv_shape(const LayerSpec& spec) const {
    if (const auto* attention = std::get_if<Attention>(&mixer)) return attention->kv_shape();
    const GatedDeltaSpec& r = *spec.recurrence;
    return {0, 0, std::nullopt, mx::Shape{r.kernel - 1, r.channels()}, mx::Shape{r.value_heads, r.value_dim, r.key_dim}};
  }

  int64_t bytes() const {
    int64_t sum = input_norm.bytes() + std::visit([](const auto& mix) { return mix.bytes(); }, mixer) + feed_forward_norm.bytes() + feed_forward->bytes();
    if (post_attention_norm) sum += post_attention_norm->bytes();
    if (post_feed_forward_norm) sum += post_feed_forward_norm->bytes();
    return sum;
  }
};

Layer load_layer(TensorSource& source, const DecoderSpec& spec, const LayerSpec& layer, mx::Dtype type, const KvCodec& codec) {
  const auto norm = [&](const NormSpec& n) { return Norm(source, n, spec.hidden_size, type); };
  const auto maybe = [&](const std::optional<NormSpec>& n) { return n ? std::optional<Norm>(norm(*n)) : std::nullopt; };
  using Mixer = std::variant<Attention, GatedDelta>;
  return {norm(layer.input_norm),
          layer.recurrence ? Mixer(GatedDelta(source, *layer.recurrence, type)) : Mixer(Attention(source, spec, layer.attention, type, codec)),
          maybe(layer.post_attention_norm), norm(layer.feed_forward_norm),
          make_feed_forward(source, layer, type), maybe(layer.post_feed_forward_norm)};
}

class MlxExecutor final : public Executor {
 public:
  MlxExecutor(const DecoderSpec& spec, TensorSource& source, KvFormat kv)
      : MlxExecutor(spec, source, kv, load_linear(source, spec.embedding)) {}

  std::unique_ptr<SequenceKv> create_sequence() override {
    return std::make_unique<MlxSequenceKv>(kv_shapes_, kv_codec_, counters_);
  }

  int64_t kv_bytes_to_append(const SequenceKv& kv, int tokens) const override {
    return static_cast<const MlxSequenceKv&>(kv).bytes_to_append(tokens);
  }

  int64_t kv_bytes_to_extend(const SequenceKv& kv, int tokens, int length) const override {
    return static_cast<const MlxSequenceKv&>(kv).bytes_to_extend(tokens, length);
  }
  std::shared_ptr<const KvLayout> kv_layout() const override { return kv_layout_; }

  int64_t scratch_bytes(int tokens, int logit_rows, int hidden_rows) const override {
    // Rows alive at once: residual, normed, q, k, v, attention's output, gate, up, their product, each twice for casts.
    return tokens * row_bytes_ + int64_t{logit_rows} * spec_.vocab_size * 12 + int64_t{hidden_rows} * spec_.hidden_size * 12 + score_bytes(tokens);
  }

  void step(std::span<const BatchEntry> batch, bool all_logits, BatchOutput& out) override {
    const BatchLayout layout = lay_out(batch, all_logits);
    auto h = embed(layout);
    for (size_t i = 0; i < layers_.size(); ++i) h = layers_[i](h, layout, batch, static_cast<int>(i));
    std::vector<mx::array> results;
    for (const BatchEntry& entry : batch) static_cast<MlxSequenceKv&>(*entry.kv).collect(results);
    // Where nobody reads h the last layer's attention and feed-forward are never evaluated.
    std::optional<mx::array> logits, hidden;
    if (!layout.logit_rows.empty()) results.push_back(logits.emplace(head_rows(h, layout)));
    if (!layout.hidden_rows.empty()) results.push_back(hidden.emplace(mx::contiguous(mx::astype(normed(h, layout.hidden_rows), mx::float32))));
    mx::eval(std::move(results));
    copy_out(logits, out.logits);
    copy_out(hidden, out.hidden);
    for (const BatchEntry& entry : batch) static_cast<MlxSequenceKv&>(*entry.kv).commit(static_cast<int>(entry.tokens.size()));
  }

  int64_t weight_bytes() const override {
    int64_t sum = embedding_.bytes() + final_norm_.bytes() + (head_ ? head_->bytes() : 0);
    for (const Layer& layer : layers_) sum += layer.bytes();
    return sum;
  }

  int64_t kv_bytes_per_token() const override {
    int64_t sum = 0;
    for (const LayerKvShape& shape : kv_shapes_) sum += shape.recurs() ? 0 : 2 * shape.kv_heads * kv_codec_.row_bytes(shape.head_dim);
    return sum;
  }

  const KvCounters& kv_counters() const override { return *counters_; }

 private:
  MlxExecutor(const DecoderSpec& spec, TensorSource& source, KvFormat kv, LinearWeights embedding)
      : spec_(spec),
        type_(activation_type(embedding)),
        kv_codec_(kv, type_),
        embedding_(std::move(embedding), spec.embedding, type_),
        final_norm_(source, spec.final_norm, spec.hidden_size, type_) {
    if (spec.head) head_.emplace(load_linear(source, *spec.head), *spec.head, type_);
    for (const LayerSpec& layer : spec.layers) {
      if (!layer.recurrence) check_kv_format(kv, layer.attention.head_dim, "mlx.load");
      layers_.push_back(load_layer(source, spec, layer, type_, kv_codec_));
      kv_shapes_.push_back(layers_.back().kv_shape(layer));
      row_bytes_ = std::max(row_bytes_, row_bytes_of(layer));
    }
    kv_layout_ = std::make_shared<KvLayout>(make_kv_layout(kv_shapes_, kv_codec_));
  }

  mx::array embed(const BatchLayout& layout) const {
    const mx::array ids(layout.tokens.begin(), mx::Shape{static_cast<int>(layout.tokens.size())});
    const auto rows = embedding_.rows(ids);
    return spec_.embedding_scale == 1.0F ? rows : mx::multiply(rows, mx::array(spec_.embedding_scale, type_));
  }

  static void copy_out(const std::optional<mx::array>& rows, std::vector<float>& out) {
    out.resize(rows ? rows->size() : 0);
    if (rows) std::memcpy(out.data(), rows->data<float>(), rows->nbytes());
  }

  // [rows, hidden size], only of the rows somebody asked for.
  mx::array normed(const mx::array& h, const std::vector<int32_t>& rows) const {
    const mx::array wanted(rows.begin(), mx::Shape{static_cast<int>(rows.size())});
    return final_norm_(mx::take(h, wanted, 0));
  }

  // f32 [rows, vocab], only of the rows somebody asked for.
  mx::array head_rows(const mx::array& h, const BatchLayout& layout) const {
    const auto x = normed(h, layout.logit_rows);
    auto logits = mx::astype(head_ ? (*head_)(x) : embedding_(x), mx::float32);
    if (spec_.logit_softcap) {
      const mx::array cap(*spec_.logit_softcap);
      logits = mx::multiply(mx::tanh(mx::divide(logits, cap)), cap);
    }
    return mx::contiguous(logits);
  }

  int64_t row_bytes_of(const LayerSpec& layer) const {
    const AttentionSpec& a = layer.attention;
    int64_t width = 0;
    if (const auto* dense = std::get_if<DenseFeedForwardSpec>(&layer.feed_forward)) {
      width = 3 * int64_t{dense->gate.out_features};
    } else {
      const auto& moe = std::get<MoeFeedForwardSpec>(layer.feed_forward);
      width = int64_t{moe.top_k} * (3 * int64_t{moe.gate.out_features} + 2 * spec_.hidden_size) + moe.experts;
    }
    width += 4 * int64_t{spec_.hidden_size} + int64_t{2} * (a.heads + a.kv_heads) * a.head_dim;
    if (a.gate) width += int64_t{2} * a.heads * a.head_dim;
    // In f32, and states between two tokens beside it.
    if (const auto& r = layer.recurrence) width += 2 * (int64_t{6} * r->channels() + int64_t{4} * r->value_heads * r->value_dim * r->key_dim);
    return 2 * width * static_cast<int64_t>(mx::size_of(type_));
  }

  // Scores and their softmax on the CPU, where no fused kernel exists; GPUs refuse by throwing, not by crashing.
  int64_t score_bytes(int tokens) const {
    if (on_gpu()) return 0;
    int64_t heads = 0;
    for (const LayerSpec& layer : spec_.layers) heads = std::max<int64_t>(heads, layer.attention.heads);
    return 3 * heads * std::min(tokens, kCpuQueryBlock) * int64_t{spec_.context_length} * 4;
  }

  DecoderSpec spec_;
  mx::Dtype type_;
  KvCodec kv_codec_;
  Linear embedding_;
  Norm final_norm_;
  std::optional<Linear> head_;
  std::vector<Layer> layers_;
  std::vector<LayerKvShape> kv_shapes_;
  std::shared_ptr<const KvLayout> kv_layout_;
  int64_t row_bytes_ = 0;
  std::shared_ptr<KvCounters> counters_ = std::make_shared<KvCounters>();
};

}  // namespace

std::unique_ptr<Executor> make_mlx_executor(const DecoderSpec& spec, TensorSource& source, KvFormat kv) {
  return std::make_unique<MlxExecutor>(spec, source, kv);
}

}  // namespace semantic
