#include "napi/read_spec.h"

#include <limits>

namespace semantic {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TensorOp read_op(const ObjectReader& o) {
  TensorOp op{};
  op.kind = static_cast<TensorOp::Kind>(o.choice("op", {"unpermute-rope", "view", "flatten", "slice", "group-rows", "transpose"}));
  switch (op.kind) {
    case TensorOp::Kind::UnpermuteRope:
      op.heads = o.integer("heads", 1);
      break;
    case TensorOp::Kind::View:
      op.dtype = o.choice("dtype", {"uint32", "uint8"}) == 0 ? "uint32" : "uint8";
      break;
    case TensorOp::Kind::Flatten:
      op.axis = o.integer("start", 0);
      break;
    case TensorOp::Kind::Slice:
      op.axis = o.integer("axis", -8);
      op.start = o.integer("start", 0);
      op.step = o.integer("step", 1);
      if (!o.is_null("stop")) op.stop = o.integer("stop", 0);
      break;
    case TensorOp::Kind::GroupRows:
      op.groups = o.integer("groups", 1);
      op.start = o.integer("start", 0);
      op.stop = o.integer("stop", 1);
      break;
    case TensorOp::Kind::Transpose:
      break;
  }
  return op;
}

}  // namespace

TensorRef read_ref(const ObjectReader& o) {
  TensorRef ref{o.text("name"), {}};
  for (const ObjectReader& op : o.objects("ops")) ref.ops.push_back(read_op(op));
  return ref;
}

namespace {

QuantizationSpec read_quantization(const ObjectReader& o) {
  const auto mode = static_cast<QuantizationSpec::Mode>(o.choice("mode", {"affine", "mxfp4"}));
  return {mode, o.integer("bits", 2), o.integer("groupSize", 1), read_ref(o.object("scales")), o.optional("biases", read_ref)};
}

LinearSpec read_linear(const ObjectReader& o) {
  return {read_ref(o.object("weight")), o.integer("inFeatures", 1), o.integer("outFeatures", 1), o.optional("bias", read_ref),
          o.optional("quantization", read_quantization)};
}

}  // namespace

LinearSpec read_linear(const ObjectReader& o, const char* key, int in, int out) {
  const ObjectReader inner = o.object(key);
  LinearSpec linear = read_linear(inner);
  if (linear.in_features != in) inner.refuse("inFeatures", std::to_string(in));
  if (linear.out_features != out) inner.refuse("outFeatures", std::to_string(out));
  return linear;
}

namespace {

NormSpec read_norm(const ObjectReader& o) {
  return {read_ref(o.object("weight")), static_cast<float>(o.number("eps", 0, kInfinity)),
          static_cast<int>(o.number("weightOffset", 0, 1))};
}

RopeSpec read_rope(const ObjectReader& o) {
  RopeSpec rope{o.integer("dims", 2), o.numbers("inverseFrequencies"), static_cast<float>(o.number("attentionFactor"))};
  if (rope.dims % 2 != 0) o.refuse("dims", "even");
  if (static_cast<int>(rope.inverse_frequencies.size()) != rope.dims / 2) {
    o.refuse("inverseFrequencies", std::to_string(rope.dims / 2) + " numbers");
  }
  return rope;
}

Activation read_activation(const ObjectReader& o) {
  Activation activation{static_cast<Activation::Kind>(o.choice("kind", {"silu", "gelu-tanh", "swiglu-clamped"}))};
  if (activation.kind == Activation::Kind::SwigluClamped) {
    activation.alpha = static_cast<float>(o.number("alpha"));
    activation.limit = static_cast<float>(o.number("limit", 0, kInfinity));
  }
  return activation;
}

AttentionSpec read_attention(const ObjectReader& o, const DecoderSpec& decoder) {
  const int heads = o.integer("heads", 1);
  const int kv_heads = o.integer("kvHeads", 1);
  const int head_dim = o.integer("headDim", 2);
  if (heads % kv_heads != 0) o.refuse("heads", "a multiple of kvHeads = " + std::to_string(kv_heads));
  const int rope = o.integer("rope", 0);
  if (rope >= static_cast<int>(decoder.ropes.size())) o.refuse("rope", "an index into ropes");
  if (decoder.ropes[rope].dims > head_dim) o.refuse("headDim", "at least the rope's dims");
  AttentionSpec a{.heads = heads,
                  .kv_heads = kv_heads,
                  .head_dim = head_dim,
                  .scale = static_cast<float>(o.number("scale")),
                  .q = read_linear(o, "q", decoder.hidden_size, heads * head_dim),
                  .k = read_linear(o, "k", decoder.hidden_size, kv_heads * head_dim),
                  .v = read_linear(o, "v", decoder.hidden_size, kv_heads * head_dim),
                  .o = read_linear(o, "o", heads * head_dim, decoder.hidden_size),
                  .gate = std::nullopt,
                  .q_norm = o.optional("qNorm", read_norm),
                  .k_norm = o.optional("kNorm", read_norm),
                  .rope = rope,
                  .window = std::nullopt,
                  .sinks = o.optional("sinks", read_ref),
                  .softcap = std::nullopt};
  if (!o.is_null("window")) a.window = o.integer("window", 1);
  if (!o.is_null("gate")) a.gate = read_linear(o, "gate", decoder.hidden_size, heads * head_dim);
  if (!o.is_null("softcap")) a.softcap = static_cast<float>(o.number("softcap"));
  return a;
}

GatedDeltaSpec read_recurrence(const ObjectReader& o, int hidden) {
  GatedDeltaSpec r{.key_heads = o.integer("keyHeads", 1),
                   .value_heads = o.integer("valueHeads", 1),
                   .key_dim = o.integer("keyDim", 1),
                   .value_dim = o.integer("valueDim", 1),
                   .kernel = o.integer("kernel", 1),
                   .q = {}, .k = {}, .v = {}, .z = {}, .b = {}, .a = {}, .o = {},
                   .conv = read_ref(o.object("conv")),
                   .a_log = read_ref(o.object("aLog")),
                   .dt_bias = read_ref(o.object("dtBias")),
                   .norm = read_norm(o.object("norm"))};
  if (r.value_heads % r.key_heads != 0) o.refuse("valueHeads", "a multiple of keyHeads = " + std::to_string(r.key_heads));
  r.q = read_linear(o, "q", hidden, r.keys());
  r.k = read_linear(o, "k", hidden, r.keys());
  r.v = read_linear(o, "v", hidden, r.values());
  r.z = read_linear(o, "z", hidden, r.values());
  r.b = read_linear(o, "b", hidden, r.value_heads);
  r.a = read_linear(o, "a", hidden, r.value_heads);
  r.o = read_linear(o, "o", r.values(), hidden);
  return r;
}

std::variant<DenseFeedForwardSpec, MoeFeedForwardSpec> read_feed_forward(const ObjectReader& o, int hidden) {
  const Activation activation = read_activation(o.object("activation"));
  const int width = o.object("gate").integer("outFeatures", 1);
  LinearSpec gate = read_linear(o, "gate", hidden, width);
  LinearSpec up = read_linear(o, "up", hidden, width);
  LinearSpec down = read_linear(o, "down", width, hidden);
  if (o.choice("kind", {"dense", "moe"}) == 0) return DenseFeedForwardSpec{activation, gate, up, down};
  const int experts = o.integer("experts", 1);
  const int top_k = o.integer("topK", 1);
  if (top_k > experts) o.refuse("topK", "at most experts = " + std::to_string(experts));
  const bool all = o.choice("softmaxOver", {"chosen", "all"}) == 1;
  return MoeFeedForwardSpec{activation, experts, top_k, all, read_linear(o, "router", hidden, experts), gate, up, down};
}

LayerSpec read_layer(const ObjectReader& o, const DecoderSpec& decoder) {
  const bool recurs = !o.is_null("recurrence");
  return {read_norm(o.object("inputNorm")),
          recurs ? AttentionSpec{} : read_attention(o.object("attention"), decoder),
          recurs ? std::optional(read_recurrence(o.object("recurrence"), decoder.hidden_size)) : std::nullopt,
          o.optional("postAttentionNorm", read_norm),
          read_norm(o.object("feedForwardNorm")),
          read_feed_forward(o.object("feedForward"), decoder.hidden_size),
          o.optional("postFeedForwardNorm", read_norm)};
}

}  // namespace

DecoderSpec read_spec(const ObjectReader& o) {
  DecoderSpec spec{};
  spec.architecture = o.text("architecture");
  spec.vocab_size = o.integer("vocabSize", 1);
  spec.hidden_size = o.integer("hiddenSize", 1);
  spec.context_length = o.integer("contextLength", 1);
  const ObjectReader embedding = o.object("embedding");
  spec.embedding = read_linear(embedding, "table", spec.hidden_size, spec.vocab_size);
  spec.embedding_scale = static_cast<float>(embedding.number("scale"));
  for (const ObjectReader& rope : o.objects("ropes")) spec.ropes.push_back(read_rope(rope));
  for (const ObjectReader& layer : o.objects("layers")) spec.layers.push_back(read_layer(layer, spec));
  if (spec.layers.empty()) o.refuse("layers", "an array of at least one layer");
  spec.final_norm = read_norm(o.object("finalNorm"));
  if (!o.is_null("head")) spec.head = read_linear(o, "head", spec.hidden_size, spec.vocab_size);
  if (!o.is_null("logitSoftcap")) spec.logit_softcap = static_cast<float>(o.number("logitSoftcap"));
  return spec;
}

}  // namespace semantic
