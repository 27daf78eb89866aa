#include "mlx/gated_delta.h"

#include <cmath>

#include "decoder/norm_weight.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

constexpr float kNormEps = 1e-6F;  // of the sum of squares of q and k, fixed in the family's code

Linear load(TensorSource& source, const LinearSpec& spec, mx::Dtype activations) {
  return Linear(load_linear(source, spec), spec, activations);
}

mx::array load_convolution(TensorSource& source, const GatedDeltaSpec& spec) {
  const mx::array conv = source.take(spec.conv);
  expect_shape(conv, mx::Shape{spec.channels(), spec.kernel}, spec.conv);
  return mx::astype(conv, mx::float32);
}

// Indices [from, to) of an axis.
mx::array part(const mx::array& x, int axis, int from, int to) {
  mx::Shape start(x.ndim(), 0);
  mx::Shape stop = x.shape();
  start[axis] = from;
  stop[axis] = to;
  return mx::slice(x, start, stop);
}

mx::array silu(const mx::array& x) { return mx::multiply(x, mx::sigmoid(x)); }

}  // namespace

GatedDelta::GatedDelta(TensorSource& source, const GatedDeltaSpec& spec, mx::Dtype activations)
    : spec_(spec),
      activations_(activations),
      q_(load(source, spec.q, activations)),
      k_(load(source, spec.k, activations)),
      v_(load(source, spec.v, activations)),
      z_(load(source, spec.z, activations)),
      b_(load(source, spec.b, activations)),
      a_(load(source, spec.a, activations)),
      o_(load(source, spec.o, activations)),
      conv_(load_convolution(source, spec)),
      rate_(mx::negative(mx::exp(load_vector(source, spec.a_log, spec.value_heads)))),
      dt_bias_(load_vector(source, spec.dt_bias, spec.value_heads)),
      norm_(load_norm_weight(source, spec.norm, spec.value_dim)) {
  mx::eval({conv_, rate_, dt_bias_, norm_});
}

int64_t GatedDelta::bytes() const {
  int64_t sum = 0;
  for (const Linear* linear : {&q_, &k_, &v_, &z_, &b_, &a_, &o_}) sum += linear->bytes();
  for (const mx::array* tensor : {&conv_, &rate_, &dt_bias_, &norm_}) sum += static_cast<int64_t>(tensor->nbytes());
  return sum;
}

GatedDelta::Run GatedDelta::recur(const RecurrentState& from, const mx::array& mixed, const mx::array& decay, const mx::array& beta) const {
  const int tokens = mixed.shape(0), kept = spec_.kernel - 1, channels = spec_.channels(), keys = spec_.keys();
  const auto inputs = mx::concatenate({from.inputs, mixed}, 0);
  auto sum = mx::zeros(mx::Shape{tokens, channels}, mx::float32);
  for (int tap = 0; tap < spec_.kernel; ++tap) {
    const auto weight = mx::reshape(part(conv_, 1, tap, tap + 1), mx::Shape{1, channels});
    sum = mx::add(sum, mx::multiply(part(inputs, 0, tap, tap + tokens), weight));
  }
  const auto convolved = silu(sum);
  const float scale = 1 / std::sqrt(static_cast<float>(spec_.key_dim)), eps = kNormEps * scale * scale;
  const auto heads = [&](int at, float factor) {
    const auto x = mx::reshape(part(convolved, 1, at, at + keys), mx::Shape{tokens, spec_.key_heads, spec_.key_dim});
    const auto normed = mx::multiply(mx::fast::rms_norm(x, std::nullopt, eps), mx::array(factor));
    return mx::repeat(normed, spec_.value_heads / spec_.key_heads, 1);  // [tokens, value_heads, key_dim]
  };
  const auto q = heads(0, scale * scale), k = heads(keys, scale);
  const auto v = mx::reshape(part(convolved, 1, 2 * keys, channels), mx::Shape{tokens, spec_.value_heads, spec_.value_dim});

  mx::array state = from.state;  // [value_heads, value_dim, key_dim]
  std::vector<mx::array> out;
  for (int t = 0; t < tokens; ++t) {
    const auto of_token = [&](const mx::array& x) { return mx::squeeze(part(x, 0, t, t + 1), 0); };
    const auto key = mx::expand_dims(of_token(k), 1), query = mx::expand_dims(of_token(q), 1);
    state = mx::multiply(state, mx::reshape(of_token(decay), mx::Shape{spec_.value_heads, 1, 1}));
    const auto remembered = mx::sum(mx::multiply(state, key), -1);
    const auto delta = mx::multiply(mx::subtract(of_token(v), remembered), mx::expand_dims(of_token(beta), 1));
    state = mx::add(state, mx::multiply(key, mx::expand_dims(delta, -1)));
    out.push_back(mx::sum(mx::multiply(state, query), -1));
  }
  return {mx::stack(out, 0), {mx::contiguous(part(inputs, 0, tokens, tokens + kept)), state}};
}

mx::array GatedDelta::operator()(const mx::array& x, const BatchLayout& layout, std::span<const BatchEntry> batch, int layer) const {
  const int n = x.shape(0);
  const auto mixed = mx::astype(mx::concatenate({q_(x), k_(x), v_(x)}, 1), mx::float32);
  const auto beta = mx::sigmoid(mx::astype(b_(x), mx::float32));
  const auto steps = mx::logaddexp(mx::add(mx::astype(a_(x), mx::float32), dt_bias_), mx::array(0.0F));  // softplus
  const auto decay = mx::exp(mx::multiply(rate_, steps));
  std::vector<mx::array> outputs;
  for (const LayoutEntry& entry : layout.entries) {
    const auto of_entry = [&](const mx::array& rows) { return part(rows, 0, entry.row, entry.row + entry.tokens); };
    auto& kv = static_cast<MlxSequenceKv&>(*batch[entry.batch_index].kv);
    Run run = recur(kv.state(layer), of_entry(mixed), of_entry(decay), of_entry(beta));
    kv.set_state(layer, std::move(run.state));
    outputs.push_back(run.out);
  }
  const auto out = outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
  const auto z = mx::reshape(mx::astype(z_(x), mx::float32), mx::Shape{n, spec_.value_heads, spec_.value_dim});
  const auto gated = mx::multiply(mx::fast::rms_norm(out, norm_, spec_.norm.eps), silu(z));
  return o_(mx::astype(mx::reshape(gated, mx::Shape{n, spec_.values()}), activations_));
}

}  // namespace semantic
