#include "mlx/feed_forward.h"

#include <numbers>

namespace semantic {

namespace mx = mlx::core;

namespace {

mx::array gelu_tanh(const mx::array& x) {
  const auto c = [&](double value) { return mx::array(static_cast<float>(value), x.dtype()); };
  const auto cubed = mx::multiply(mx::square(x), x);
  const auto inner = mx::multiply(c(std::sqrt(2.0 / std::numbers::pi)), mx::add(x, mx::multiply(c(0.044715), cubed)));
  return mx::multiply(mx::multiply(c(0.5), x), mx::add(c(1.0), mx::tanh(inner)));
}

mx::array activate(const Activation& activation, mx::array gate, mx::array up) {
  switch (activation.kind) {
    case Activation::Kind::Silu:
      return mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), up);
    case Activation::Kind::GeluTanh:
      return mx::multiply(gelu_tanh(gate), up);
    case Activation::Kind::SwigluClamped:
      break;
  }
  const auto limit = mx::array(activation.limit, gate.dtype());
  gate = mx::minimum(gate, limit);
  up = mx::clip(up, mx::negative(limit), limit);
  const auto swish = mx::multiply(gate, mx::sigmoid(mx::multiply(mx::array(activation.alpha, gate.dtype()), gate)));
  return mx::multiply(swish, mx::add(up, mx::array(1.0F, up.dtype())));
}

class DenseFeedForward final : public FeedForward {
 public:
  DenseFeedForward(TensorSource& source, const DenseFeedForwardSpec& spec, mx::Dtype type)
      : activation_(spec.activation),
        gate_(load_linear(source, spec.gate), spec.gate, type),
        up_(load_linear(source, spec.up), spec.up, type),
        down_(load_linear(source, spec.down), spec.down, type) {}

  mx::array operator()(const mx::array& x) const override { return down_(activate(activation_, gate_(x), up_(x))); }
  int64_t bytes() const override { return gate_.bytes() + up_.bytes() + down_.bytes(); }

 private:
  Activation activation_;
  Linear gate_, up_, down_;
};

class MoeFeedForward final : public FeedForward {
 public:
  MoeFeedForward(TensorSource& source, const MoeFeedForwardSpec& spec, mx::Dtype type)
      : activation_(spec.activation),
        top_k_(spec.top_k),
        softmax_over_all_(spec.softmax_over_all),
        router_(load_linear(source, spec.router), spec.router, type),
        gate_(load_linear(source, spec.gate, spec.experts), spec.gate, type),
        up_(load_linear(source, spec.up, spec.experts), spec.up, type),
        down_(load_linear(source, spec.down, spec.experts), spec.down, type) {}

  mx::array operator()(const mx::array& x) const override {
    const int n = x.shape(0);
    const auto logits = router_(x);  // [N, experts]
    const int experts = logits.shape(1);
    const auto order = mx::argpartition(logits, experts - top_k_, -1);
    const auto chosen = mx::slice(order, mx::Shape{0, experts - top_k_}, mx::Shape{n, experts});  // [N, top_k]
    const auto of_chosen = [&](const mx::array& x) { return mx::take_along_axis(x, chosen, -1); };
    const auto weights = softmax_over_all_ ? of_chosen(mx::softmax(logits, -1, true)) : mx::softmax(of_chosen(logits), -1, true);
    const auto out = n * top_k_ >= kSortFrom ? sorted_by_expert(x, chosen) : one_by_one(x, chosen);  // [N, top_k, hidden]
    return mx::sum(mx::multiply(out, mx::expand_dims(weights, -1)), -2);
  }
  int64_t bytes() const override { return router_.bytes() + gate_.bytes() + up_.bytes() + down_.bytes(); }

 private:
  static constexpr int kSortFrom = 64;  // expert calls from which sorting pays on a GPU (mlx-lm's figure)

  mx::array through(const mx::array& x, const mx::array& experts, bool sorted) const {
    const auto gate = gate_.through_experts(x, experts, sorted);
    const auto up = up_.through_experts(x, experts, sorted);
    return down_.through_experts(activate(activation_, gate, up), experts, sorted);
  }

  mx::array one_by_one(const mx::array& x, const mx::array& chosen) const {
    const auto rows = mx::reshape(x, mx::Shape{x.shape(0), 1, 1, x.shape(1)});
    return mx::squeeze(through(rows, chosen, false), 2);
  }

  // Rows that go to the same expert next to each other, so that its weights are read once.
  mx::array sorted_by_expert(const mx::array& x, const mx::array& chosen) const {
    const auto flat = mx::flatten(chosen);
    const auto order = mx::argsort(flat);
    const auto rows = mx::take(x, mx::floor_divide(order, mx::array(top_k_, order.dtype())), 0);
    const auto out = through(mx::expand_dims(rows, 1), mx::take(flat, order), true);  // [N * top_k, 1, hidden]
    const auto unsorted = mx::take(mx::squeeze(out, 1), mx::argsort(order), 0);
    return mx::reshape(unsorted, mx::Shape{x.shape(0), top_k_, unsorted.shape(1)});
  }

  Activation activation_;
  int top_k_;
  bool softmax_over_all_;
  Linear router_, gate_, up_, down_;
};

}  // namespace

std::unique_ptr<FeedForward> make_feed_forward(TensorSource& source, const LayerSpec& spec, mx::Dtype activations) {
  if (const auto* dense = std::get_if<DenseFeedForwardSpec>(&spec.feed_forward)) {
    return std::make_unique<DenseFeedForward>(source, *dense, activations);
  }
  return std::make_unique<MoeFeedForward>(source, std::get<MoeFeedForwardSpec>(spec.feed_forward), activations);
}

}  // namespace semantic
