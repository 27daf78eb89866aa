#include "decoder/spec_tensors.h"

namespace semantic {
namespace {

using VisitTensor = std::function<void(const TensorRef&)>;

void visit_norm(const NormSpec& norm, const VisitTensor& visit) { visit(norm.weight); }

void visit_norm(const std::optional<NormSpec>& norm, const VisitTensor& visit) {
  if (norm) visit(norm->weight);
}

}  // namespace

void visit_linear(const LinearSpec& linear, const VisitTensor& visit) {
  visit(linear.weight);
  if (linear.bias) visit(*linear.bias);
  if (!linear.quantization) return;
  visit(linear.quantization->scales);
  if (linear.quantization->biases) visit(*linear.quantization->biases);
}

void for_each_linear(const DecoderSpec& spec, const std::function<void(const LinearSpec&, int)>& visit) {
  visit(spec.embedding, 1);
  for (const LayerSpec& layer : spec.layers) {
    if (layer.recurrence) {
      const GatedDeltaSpec& r = *layer.recurrence;
      for (const LinearSpec* linear : {&r.q, &r.k, &r.v, &r.z, &r.b, &r.a, &r.o}) visit(*linear, 1);
    } else {
      const AttentionSpec& attention = layer.attention;
      for (const LinearSpec* linear : {&attention.q, &attention.k, &attention.v, &attention.o}) visit(*linear, 1);
      if (attention.gate) visit(*attention.gate, 1);
    }
    if (const auto* dense = std::get_if<DenseFeedForwardSpec>(&layer.feed_forward)) {
      for (const LinearSpec* linear : {&dense->gate, &dense->up, &dense->down}) visit(*linear, 1);
    } else {
      const auto& moe = std::get<MoeFeedForwardSpec>(layer.feed_forward);
      visit(moe.router, 1);
      for (const LinearSpec* linear : {&moe.gate, &moe.up, &moe.down}) visit(*linear, moe.experts);
    }
  }
  if (spec.head) visit(*spec.head, 1);
}

void for_each_tensor(const DecoderSpec& spec, const VisitTensor& visit) {
  for_each_linear(spec, [&](const LinearSpec& linear, int) { visit_linear(linear, visit); });
  for (const LayerSpec& layer : spec.layers) {
    visit_norm(layer.input_norm, visit);
    if (layer.recurrence) {
      for (const TensorRef* ref : {&layer.recurrence->conv, &layer.recurrence->a_log, &layer.recurrence->dt_bias}) visit(*ref);
      visit_norm(layer.recurrence->norm, visit);
    }
    visit_norm(layer.attention.q_norm, visit);
    visit_norm(layer.attention.k_norm, visit);
    visit_norm(layer.post_attention_norm, visit);
    visit_norm(layer.feed_forward_norm, visit);
    visit_norm(layer.post_feed_forward_norm, visit);
    if (layer.attention.sinks) visit(*layer.attention.sinks);
  }
  visit_norm(spec.final_norm, visit);
}

}  // namespace semantic
