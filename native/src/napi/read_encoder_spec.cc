#include <limits>

#include "napi/read_spec.h"

namespace semantic {
namespace {

LayerNormSpec read_layer_norm(const ObjectReader& o) {
  return {read_ref(o.object("weight")), read_ref(o.object("bias")),
          static_cast<float>(o.number("eps", 0, std::numeric_limits<double>::infinity()))};
}

EncoderLayerSpec read_layer(const ObjectReader& o, const EncoderSpec& encoder) {
  const int hidden = encoder.hidden_size, width = encoder.width;
  const auto square = [&](const char* key) { return read_linear(o, key, hidden, hidden); };
  return {square("q"), square("k"), square("v"), square("o"), read_layer_norm(o.object("attentionNorm")),
          read_linear(o, "up", hidden, width), read_linear(o, "down", width, hidden), read_layer_norm(o.object("feedForwardNorm"))};
}

}  // namespace

EncoderSpec read_encoder_spec(const ObjectReader& o) {
  EncoderSpec spec{};
  spec.architecture = o.text("architecture");
  spec.vocab_size = o.integer("vocabSize", 1);
  spec.hidden_size = o.integer("hiddenSize", 1);
  spec.context_length = o.integer("contextLength", 1);
  spec.heads = o.integer("heads", 1);
  spec.head_dim = o.integer("headDim", 1);
  if (int64_t{spec.heads} * spec.head_dim != spec.hidden_size) o.refuse("headDim", "hiddenSize / heads");
  spec.width = o.integer("feedForwardWidth", 1);
  spec.scale = static_cast<float>(o.number("scale"));
  spec.embedding = read_linear(o, "tokens", spec.hidden_size, spec.vocab_size);
  spec.positions = read_ref(o.object("positions"));
  spec.token_type = read_ref(o.object("tokenType"));
  spec.embedding_norm = read_layer_norm(o.object("embeddingNorm"));
  for (const ObjectReader& layer : o.objects("layers")) spec.layers.push_back(read_layer(layer, spec));
  if (spec.layers.empty()) o.refuse("layers", "an array of at least one layer");
  return spec;
}

}  // namespace semantic
