#include "cpu/weight_loader.h"

#include <algorithm>
#include <utility>

#include "decoder/norm_weight.h"
#include "error.h"

namespace mx = mlx::core;

namespace semantic::cpu {
namespace {

PanelKind dense_kind(mx::Dtype t) {
  return t == mx::float32 ? PanelKind::F32 : t == mx::float16 ? PanelKind::F16 : PanelKind::BF16;
}

ScaleKind scale_kind(mx::Dtype t) {
  return t == mx::float32 ? ScaleKind::F32 : t == mx::float16 ? ScaleKind::F16 : ScaleKind::BF16;
}

std::vector<float> to_floats(const mx::array& a) {
  const mx::array f = mx::contiguous(mx::astype(a, mx::float32));
  mx::eval(f);
  return {f.data<float>(), f.data<float>() + f.size()};
}

mx::array as_float32(const mx::array& a) {
  mx::array f = mx::contiguous(mx::astype(a, mx::float32));
  mx::eval(f);
  return f;
}

RowMajorWeight described(const LinearSpec& spec, int experts, const LinearWeights& from) {
  RowMajorWeight w{};
  w.experts = std::max(1, experts);
  w.out = spec.out_features;
  w.in = spec.in_features;
  w.weight = from.weight.data<void>();
  return w;
}

}  // namespace

Linear WeightLoader::linear(const LinearSpec& spec, int experts) {
  LinearWeights from = load_linear(source_, spec, experts);
  Linear out;
  out.matrix = spec.quantization ? quantized(spec, *spec.quantization, experts, from) : dense(spec, experts, from);
  if (from.bias) {
    const std::vector<float> bias = to_floats(*from.bias);
    out.bias.assign(static_cast<size_t>(out.matrix.experts) * out.matrix.panels * kLanes, 0.0f);
    for (int e = 0; e < out.matrix.experts; ++e) {
      std::copy_n(bias.begin() + static_cast<ptrdiff_t>(e) * spec.out_features, spec.out_features,
                  out.bias.begin() + static_cast<ptrdiff_t>(e) * out.matrix.panels * kLanes);
    }
    out.matrix.bias = out.bias.data();
  }
  bytes_ += static_cast<int64_t>(out.matrix.bytes() + out.bias.size() * sizeof(float));
  return out;
}

Norm WeightLoader::norm(const NormSpec& spec, int width) {
  Norm out{to_floats(load_norm_weight(source_, spec, width)), spec.eps};
  bytes_ += static_cast<int64_t>(out.weight.size() * sizeof(float));
  return out;
}

std::optional<Norm> WeightLoader::norm(const std::optional<NormSpec>& spec, int width) {
  return spec ? std::optional<Norm>(norm(*spec, width)) : std::nullopt;
}

std::vector<float> WeightLoader::vector(const TensorRef& ref, int size) { return to_floats(load_vector(source_, ref, size)); }

std::vector<float> WeightLoader::table(const TensorRef& ref, int rows, int width) {
  return to_floats(load_floats(source_, ref, mx::Shape{rows, width}));
}

PanelMatrix WeightLoader::dense(const LinearSpec& spec, int experts, const LinearWeights& from) {
  RowMajorWeight w = described(spec, experts, from);
  w.kind = dense_kind(from.weight.dtype());
  w.group = spec.in_features;
  return pack_panels(w, arena_, pool_);
}

PanelMatrix WeightLoader::quantized(const LinearSpec& spec, const QuantizationSpec& q, int experts, LinearWeights& from) {
  if (q.group_size % 8 != 0) {
    throw Error(ErrorCode::ModelFile, "cpu.load",
                "tensor " + spec.weight.name + " has groups of " + std::to_string(q.group_size) + ", a multiple of 8 is wanted");
  }
  RowMajorWeight w = described(spec, experts, from);
  w.bits = q.bits;
  w.group = q.group_size;
  if (q.mode == QuantizationSpec::Mode::Mxfp4) {
    w.kind = PanelKind::Mxfp4;
    w.scale_kind = ScaleKind::BF16;
    w.scales = from.scales->data<void>();
    return pack_panels(w, arena_, pool_);
  }
  w.kind = q.bits == 4 ? PanelKind::Q4 : PanelKind::Q8;
  if (from.scales->dtype() != from.biases->dtype()) {
    from.scales = as_float32(*from.scales);
    from.biases = as_float32(*from.biases);
  }
  w.scale_kind = scale_kind(from.scales->dtype());
  w.scales = from.scales->data<void>();
  w.biases = from.biases->data<void>();
  return pack_panels(w, arena_, pool_);
}

}  // namespace semantic::cpu
