#include "cpu/encoder_weights.h"

#include "cpu/weight_loader.h"

namespace semantic::cpu {
namespace {

class EncoderLoader {
 public:
  EncoderLoader(const EncoderSpec& spec, WeightLoader& load) : spec_(spec), load_(load) {}

  std::vector<float> positions() {
    std::vector<float> table = load_.table(spec_.positions, spec_.context_length, spec_.hidden_size);
    const std::vector<float> type = load_.vector(spec_.token_type, spec_.hidden_size);
    for (size_t i = 0; i < table.size(); ++i) table[i] += type[i % type.size()];
    bytes_ += table.size() * sizeof(float);
    return table;
  }

  LayerNorm norm(const LayerNormSpec& norm) {
    bytes_ += 2 * static_cast<size_t>(spec_.hidden_size) * sizeof(float);
    return {load_.vector(norm.weight, spec_.hidden_size), load_.vector(norm.bias, spec_.hidden_size), norm.eps};
  }

  EncoderLayerWeights layer(const EncoderLayerSpec& layer) {
    return {load_.linear(layer.q),  load_.linear(layer.k),    load_.linear(layer.v),      load_.linear(layer.o),
            norm(layer.attention_norm), load_.linear(layer.up), load_.linear(layer.down), norm(layer.feed_forward_norm)};
  }

  int64_t bytes() const { return load_.bytes() + static_cast<int64_t>(bytes_); }

 private:
  const EncoderSpec& spec_;
  WeightLoader& load_;
  size_t bytes_ = 0;
};

}  // namespace

EncoderWeights load_weights(const EncoderSpec& spec, TensorSource& source, ThreadPool& pool) {
  EncoderWeights out;
  WeightLoader load(source, out.arena, pool);
  EncoderLoader encoder(spec, load);
  out.embedding = load.linear(spec.embedding);
  out.positions = encoder.positions();
  out.embedding_norm = encoder.norm(spec.embedding_norm);
  out.layers.reserve(spec.layers.size());
  for (const EncoderLayerSpec& layer : spec.layers) out.layers.push_back(encoder.layer(layer));
  out.bytes = encoder.bytes();
  return out;
}

}  // namespace semantic::cpu
