#include "mlx/linear.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

void cast(std::optional<mx::array>& tensor, mx::Dtype type) {
  if (!tensor || !mx::issubdtype(tensor->dtype(), mx::floating) || tensor->dtype() == type) return;
  tensor = mx::astype(*tensor, type);
  mx::eval(*tensor);
}

int64_t size_of_tensor(const std::optional<mx::array>& tensor) { return tensor ? static_cast<int64_t>(tensor->nbytes()) : 0; }

}  // namespace

Linear::Linear(LinearWeights weights, const LinearSpec& spec, mx::Dtype activations)
    : weights_(std::move(weights)), activations_(activations), quantization_(spec.quantization) {
  std::optional<mx::array> weight = std::move(weights_.weight);
  cast(weight, activations);
  weights_.weight = std::move(*weight);
  cast(weights_.scales, activations);
  cast(weights_.biases, activations);
  cast(weights_.bias, activations);
  if (quantization_) mode_ = quantization_->mode == QuantizationSpec::Mode::Mxfp4 ? "mxfp4" : "affine";
}

mx::array Linear::operator()(const mx::array& x) const {
  const auto y = quantization_ ? mx::quantized_matmul(x, weights_.weight, *weights_.scales, weights_.biases, true,
                                                      quantization_->group_size, quantization_->bits, mode_)
                               : mx::matmul(x, mx::swapaxes(weights_.weight, -1, -2));
  return weights_.bias ? mx::add(y, *weights_.bias) : y;
}

mx::array Linear::through_experts(const mx::array& x, const mx::array& experts, bool sorted) const {
  const auto y = quantization_
                     ? mx::gather_qmm(x, weights_.weight, *weights_.scales, weights_.biases, std::nullopt, experts, true,
                                      quantization_->group_size, quantization_->bits, mode_, std::nullopt, sorted)
                     : mx::gather_mm(x, mx::swapaxes(weights_.weight, -1, -2), std::nullopt, experts, sorted);
  if (!weights_.bias) return y;
  return mx::add(y, mx::expand_dims(mx::take(*weights_.bias, experts, 0), -2));
}

mx::array Linear::rows(const mx::array& ids) const {
  const auto packed = mx::take(weights_.weight, ids, 0);
  if (!quantization_) return packed;
  std::optional<mx::array> biases;
  if (weights_.biases) biases = mx::take(*weights_.biases, ids, 0);
  return mx::dequantize(packed, mx::take(*weights_.scales, ids, 0), biases, quantization_->group_size,
                        quantization_->bits, mode_, std::nullopt, activations_);
}

int64_t Linear::bytes() const {
  return size_of_tensor(weights_.weight) + size_of_tensor(weights_.scales) + size_of_tensor(weights_.biases) +
         size_of_tensor(weights_.bias);
}

mx::Dtype float_type_of(const LinearWeights& weights) {
  const mx::Dtype type = weights.scales ? weights.scales->dtype() : weights.weight.dtype();
  return mx::issubdtype(type, mx::floating) ? type : mx::bfloat16;  // mxfp4's scales are no floats
}

}  // namespace semantic
