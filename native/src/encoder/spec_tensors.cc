#include "encoder/spec_tensors.h"

#include "decoder/spec_tensors.h"

namespace semantic {

void for_each_linear(const EncoderSpec& spec, const std::function<void(const LinearSpec&, int)>& visit) {
  visit(spec.embedding, 1);
  for (const EncoderLayerSpec& layer : spec.layers) {
    for (const LinearSpec* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.up, &layer.down}) visit(*linear, 1);
  }
}

void for_each_tensor(const EncoderSpec& spec, const std::function<void(const TensorRef&)>& visit) {
  const auto visit_norm = [&](const LayerNormSpec& norm) {
    visit(norm.weight);
    visit(norm.bias);
  };
  for_each_linear(spec, [&](const LinearSpec& linear, int) { visit_linear(linear, visit); });
  visit(spec.positions);
  visit(spec.token_type);
  visit_norm(spec.embedding_norm);
  for (const EncoderLayerSpec& layer : spec.layers) {
    visit_norm(layer.attention_norm);
    visit_norm(layer.feed_forward_norm);
  }
}

}  // namespace semantic
