#include "decoder/weight_estimate.h"

#include "decoder/spec_tensors.h"
#include "encoder/spec_tensors.h"

namespace semantic {
namespace {

template <class Spec>
int64_t bytes_of_linears(const Spec& spec, int float_bytes) {
  int64_t bytes = 0;
  for_each_linear(spec, [&](const LinearSpec& linear, int experts) {
    const int64_t elements = int64_t{experts} * linear.in_features * linear.out_features;
    if (!linear.quantization) {
      bytes += elements * float_bytes;
      return;
    }
    const QuantizationSpec& q = *linear.quantization;
    const int group_bytes = q.mode == QuantizationSpec::Mode::Mxfp4 ? 1 : 2 * float_bytes;
    bytes += elements * q.bits / 8 + elements / q.group_size * group_bytes;
  });
  return bytes;
}

}  // namespace

int64_t estimate_weight_bytes(const DecoderSpec& spec, int float_bytes) { return bytes_of_linears(spec, float_bytes); }
int64_t estimate_weight_bytes(const EncoderSpec& spec, int float_bytes) { return bytes_of_linears(spec, float_bytes); }

}  // namespace semantic
