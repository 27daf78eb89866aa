#include "decoder/linear_weights.h"

#include "error.h"

namespace semantic {
namespace {

namespace mx = mlx::core;

[[noreturn]] void fail(const TensorRef& ref, const std::string& message) {
  throw Error(ErrorCode::ModelFile, "decoder.load", "tensor " + ref.name + " " + message);
}

mx::array take_as(TensorSource& source, const TensorRef& ref, const mx::Shape& shape, bool matches(mx::Dtype),
                  const char* wanted) {
  mx::array tensor = source.take(ref);
  if (!matches(tensor.dtype())) fail(ref, std::string("should hold ") + wanted);
  expect_shape(tensor, shape, ref);
  return tensor;
}

bool is_float(mx::Dtype t) { return t == mx::float32 || t == mx::float16 || t == mx::bfloat16; }
bool is_uint32(mx::Dtype t) { return t == mx::uint32; }
bool is_uint8(mx::Dtype t) { return t == mx::uint8; }

mx::Shape with_experts(int experts, mx::Shape shape) {
  if (experts > 0) shape.insert(shape.begin(), experts);
  return shape;
}

void check_packing(const LinearSpec& spec) {
  const QuantizationSpec& q = *spec.quantization;
  const bool mxfp4 = q.mode == QuantizationSpec::Mode::Mxfp4;
  if (mxfp4 && (q.bits != 4 || q.group_size != 32 || q.biases)) fail(spec.weight, "is mxfp4: 4 bits, groups of 32, no biases");
  if (!mxfp4 && !q.biases) fail(spec.weight, "is affine but has no biases");
  if (q.bits < 2 || q.bits > 8 || q.group_size < 1) fail(spec.weight, "has an unknown quantization");
  if (spec.in_features % q.group_size != 0 || spec.in_features * q.bits % 32 != 0) {
    fail(spec.weight, "has rows of " + std::to_string(spec.in_features) + ", not a multiple of its groups of " +
                          std::to_string(q.group_size));
  }
}

}  // namespace

LinearWeights load_linear(TensorSource& source, const LinearSpec& spec, int experts) {
  const int in = spec.in_features;
  const int out = spec.out_features;
  std::optional<mx::array> bias;
  if (spec.bias) bias = take_as(source, *spec.bias, with_experts(experts, mx::Shape{out}), is_float, "floats");
  if (!spec.quantization) {
    return {take_as(source, spec.weight, with_experts(experts, mx::Shape{out, in}), is_float, "floats"), {}, {}, bias};
  }
  check_packing(spec);
  const QuantizationSpec& q = *spec.quantization;
  const auto packed = with_experts(experts, mx::Shape{out, in * q.bits / 32});
  const auto grouped = with_experts(experts, mx::Shape{out, in / q.group_size});
  mx::array weight = take_as(source, spec.weight, packed, is_uint32, "packed uint32 words");
  if (q.mode == QuantizationSpec::Mode::Mxfp4) {
    return {weight, take_as(source, q.scales, grouped, is_uint8, "uint8 exponents"), {}, bias};
  }
  mx::array scales = take_as(source, q.scales, grouped, is_float, "floats");
  return {weight, scales, take_as(source, *q.biases, grouped, is_float, "floats"), bias};
}

}  // namespace semantic
