#include "mlx/attention.h"

#include <algorithm>
#include <limits>

#include "decoder/norm_weight.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

Linear load(TensorSource& source, const LinearSpec& spec, mx::Dtype activations) {
  return Linear(load_linear(source, spec), spec, activations);
}

std::optional<mx::array> load(TensorSource& source, const std::optional<NormSpec>& norm, int width, mx::Dtype type) {
  if (!norm) return std::nullopt;
  return mx::astype(load_norm_weight(source, *norm, width), type);
}

int64_t bytes_of(const std::optional<mx::array>& tensor) { return tensor ? static_cast<int64_t>(tensor->nbytes()) : 0; }

mx::array rows(const mx::array& x, int from, int count) {
  mx::Shape start(x.ndim(), 0);
  mx::Shape stop = x.shape();
  start[0] = from;
  stop[0] = from + count;
  return mx::slice(x, start, stop);
}

// Tokens [from, to) of [1, heads, tokens, head_dim].
mx::array tokens_of(const mx::array& x, int from, int to) {
  if (from == 0 && to == x.shape(2)) return x;
  return mx::slice(x, mx::Shape{0, 0, from, 0}, mx::Shape{x.shape(0), x.shape(1), to, x.shape(3)});
}

// [queries, keys] bool: the query at position p sees the keys at (p - window, p].
mx::array window_mask(int first_query, int queries, int first_key, int keys, std::optional<int> window) {
  const auto q = mx::expand_dims(mx::arange(first_query, first_query + queries, mx::int32), 1);
  const auto k = mx::expand_dims(mx::arange(first_key, first_key + keys, mx::int32), 0);
  const auto causal = mx::less_equal(k, q);
  return window ? mx::logical_and(causal, mx::greater(k, mx::subtract(q, mx::array(*window)))) : causal;
}

}  // namespace

RopeTable make_rope_table(const RopeSpec& spec, int head_dim, mx::Dtype activations) {
  std::vector<float> wavelengths;
  for (const double f : spec.inverse_frequencies) {
    wavelengths.push_back(f == 0 ? std::numeric_limits<float>::infinity() : static_cast<float>(1.0 / f));
  }
  const mx::array table(wavelengths.begin(), mx::Shape{static_cast<int>(wavelengths.size())});
  if (spec.attention_factor == 1.0F) return {spec.dims, table, std::nullopt};
  std::vector<float> factor(head_dim, 1.0F);
  std::fill_n(factor.begin(), std::min(spec.dims, head_dim), spec.attention_factor);
  return {spec.dims, table, mx::astype(mx::array(factor.begin(), mx::Shape{head_dim}), activations)};
}

Attention::Attention(TensorSource& source, const DecoderSpec& decoder, const AttentionSpec& spec, mx::Dtype activations,
                     const KvCodec& codec)
    : spec_(spec),
      codec_(codec),
      q_(load(source, spec.q, activations)),
      k_(load(source, spec.k, activations)),
      v_(load(source, spec.v, activations)),
      o_(load(source, spec.o, activations)),
      q_norm_(load(source, spec.q_norm, spec.head_dim, activations)),
      k_norm_(load(source, spec.k_norm, spec.head_dim, activations)),
      rope_(make_rope_table(decoder.ropes.at(spec.rope), spec.head_dim, activations)) {
  if (spec.gate) gate_.emplace(load(source, *spec.gate, activations));
  if (spec.sinks) sinks_ = mx::astype(load_vector(source, *spec.sinks, spec.heads), activations);
}

int64_t Attention::bytes() const {
  return q_.bytes() + k_.bytes() + v_.bytes() + o_.bytes() + (gate_ ? gate_->bytes() : 0) + bytes_of(q_norm_) + bytes_of(k_norm_) + bytes_of(sinks_);
}

mx::array Attention::rotate(const mx::array& heads, int position) const {
  const auto x = mx::expand_dims(mx::swapaxes(heads, 0, 1), 0);
  return mx::fast::rope(x, rope_.dims, false, std::nullopt, 1.0F, position, rope_.wavelengths);
}

mx::array Attention::operator()(const mx::array& x, const BatchLayout& layout, std::span<const BatchEntry> batch,
                                int layer) const {
  const int n = x.shape(0);
  const int d = spec_.head_dim;
  auto q = mx::reshape(q_(x), mx::Shape{n, spec_.heads, d});
  auto k = mx::reshape(k_(x), mx::Shape{n, spec_.kv_heads, d});
  const auto v = mx::reshape(v_(x), mx::Shape{n, spec_.kv_heads, d});
  if (q_norm_) q = mx::fast::rms_norm(q, *q_norm_, spec_.q_norm->eps);
  if (k_norm_) k = mx::fast::rms_norm(k, *k_norm_, spec_.k_norm->eps);
  if (rope_.factor) {
    q = mx::multiply(q, *rope_.factor);
    k = mx::multiply(k, *rope_.factor);
  }

  // [singles, heads, 1, head_dim], each row at its own position.
  std::optional<mx::array> single_q, single_k;
  if (layout.singles > 0) {
    const mx::array positions(layout.positions.begin(), mx::Shape{layout.singles});
    const auto rotate_singles = [&](const mx::array& heads) {
      const auto each = mx::expand_dims(rows(heads, 0, layout.singles), 2);
      return mx::fast::rope(each, rope_.dims, false, std::nullopt, 1.0F, positions, rope_.wavelengths);
    };
    single_q = rotate_singles(q);
    single_k = rotate_singles(k);
  }

  std::vector<mx::array> outputs;  // each [tokens, heads * head_dim], by row
  for (size_t i = 0; i < layout.entries.size(); ++i) {
    const LayoutEntry& entry = layout.entries[i];
    const bool single = static_cast<int>(i) < layout.singles;
    const auto of_entry = [&](const mx::array& heads) { return rows(heads, entry.row, entry.tokens); };
    const auto query = single ? of_entry(*single_q) : rotate(of_entry(q), entry.position);
    const auto key = single ? of_entry(*single_k) : rotate(of_entry(k), entry.position);
    const auto value = mx::expand_dims(mx::swapaxes(of_entry(v), 0, 1), 0);
    auto& kv = static_cast<MlxSequenceKv&>(*batch[entry.batch_index].kv);
    const auto view = kv.append(layer, key, value);
    const auto out = attend(query, view, entry.position);
    outputs.push_back(mx::reshape(mx::swapaxes(out, 1, 2), mx::Shape{entry.tokens, spec_.heads * d}));
  }
  const auto attended = outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
  return o_(gate_ ? mx::multiply(attended, mx::sigmoid((*gate_)(x))) : attended);
}

mx::array Attention::attend(const mx::array& q, const MlxSequenceKv::View& kv, int position) const {
  const int tokens = q.shape(2);
  // Keys no query of this chunk can see are left out, so that a decoding query needs no mask at all.
  const int first_visible = spec_.window ? std::max(kv.start, position - *spec_.window + 1) : kv.start;
  const auto visible = [&](const mx::array& x) {
    return codec_.decode(tokens_of(x, first_visible - kv.start, x.shape(2)), spec_.head_dim);
  };
  const auto k = visible(kv.k);
  const auto v = visible(kv.v);
  const bool whole = mx::default_device() == mx::Device::gpu || tokens <= kCpuQueryBlock;
  if (whole) return attend_block(q, k, v, position, first_visible);
  std::vector<mx::array> blocks;
  for (int from = 0; from < tokens; from += kCpuQueryBlock) {
    const int to = std::min(tokens, from + kCpuQueryBlock);
    const int keys = position + to - first_visible;
    blocks.push_back(attend_block(tokens_of(q, from, to), tokens_of(k, 0, keys), tokens_of(v, 0, keys), position + from,
                                  first_visible));
  }
  return mx::concatenate(blocks, 2);
}

mx::array Attention::attend_block(const mx::array& q, const mx::array& k, const mx::array& v, int first_query,
                                  int first_key) const {
  const int queries = q.shape(2);
  const int last_query = first_query + queries - 1;
  const bool cut = spec_.window && last_query - first_key >= *spec_.window;
  std::optional<mx::array> mask;
  if (cut || (spec_.softcap && queries > 1)) mask = window_mask(first_query, queries, first_key, k.shape(2), spec_.window);
  if (spec_.softcap) return softcapped(q, k, v, mask);
  const std::string mode = mask ? "array" : queries > 1 ? "causal" : "";
  return mx::fast::scaled_dot_product_attention(q, k, v, spec_.scale, mode, mask, sinks_);
}

mx::array Attention::softcapped(const mx::array& q, const mx::array& k, const mx::array& v,
                                const std::optional<mx::array>& mask) const {
  const int queries = q.shape(2);
  const int group = spec_.heads / spec_.kv_heads;
  const auto cap = mx::array(*spec_.softcap, q.dtype());
  const auto grouped = mx::reshape(q, mx::Shape{1, spec_.kv_heads, group, queries, spec_.head_dim});
  const auto keys = mx::swapaxes(mx::expand_dims(k, 2), -1, -2);
  auto scores = mx::multiply(mx::matmul(grouped, keys), mx::array(spec_.scale, q.dtype()));
  scores = mx::multiply(mx::tanh(mx::divide(scores, cap)), cap);
  const auto none = mx::array(-std::numeric_limits<float>::infinity(), q.dtype());
  if (mask) scores = mx::where(*mask, scores, none);
  if (sinks_) {
    const auto sink = mx::reshape(*sinks_, mx::Shape{1, spec_.kv_heads, group, 1, 1});
    scores = mx::concatenate({mx::broadcast_to(sink, mx::Shape{1, spec_.kv_heads, group, queries, 1}), scores}, -1);
  }
  auto weights = mx::softmax(scores, -1, true);
  if (sinks_) {
    auto stop = weights.shape();
    weights = mx::slice(weights, mx::Shape{0, 0, 0, 0, 1}, stop);
  }
  return mx::reshape(mx::matmul(weights, mx::expand_dims(v, 2)), q.shape());
}

}  // namespace semantic
