#include "llama_gguf_spec.h"

#include <cmath>

namespace semantic {
namespace {

constexpr int kHidden = 576, kLayers = 30, kHeads = 9, kKvHeads = 3, kHeadDim = 64, kFeedForward = 1536, kVocab = 49152;
constexpr int kContext = 8192, kGroup = 32;
constexpr double kRopeBase = 100000;
constexpr float kEps = 1e-5f;

// `permuted_heads`: llama.cpp wrote the rows in (pair, half) order.
LinearSpec linear(const std::string& stem, int in, int out, int bits = 4, int permuted_heads = 0) {
  std::vector<TensorOp> ops;
  if (permuted_heads > 0) {
    TensorOp unpermute{};
    unpermute.kind = TensorOp::Kind::UnpermuteRope;
    unpermute.heads = permuted_heads;
    ops.push_back(unpermute);
  }
  return {{stem + ".weight", ops},
          in,
          out,
          std::nullopt,
          QuantizationSpec{QuantizationSpec::Mode::Affine, bits, kGroup, {stem + ".scales", ops}, TensorRef{stem + ".biases", ops}}};
}

NormSpec norm(const std::string& stem) { return {{stem + ".weight", {}}, kEps, 0}; }

LayerSpec layer(int index) {
  const std::string p = "blk." + std::to_string(index) + ".";
  AttentionSpec a{};
  a.heads = kHeads;
  a.kv_heads = kKvHeads;
  a.head_dim = kHeadDim;
  a.scale = 1 / std::sqrt(static_cast<float>(kHeadDim));
  a.q = linear(p + "attn_q", kHidden, kHeads * kHeadDim, 4, kHeads);
  a.k = linear(p + "attn_k", kHidden, kKvHeads * kHeadDim, 4, kKvHeads);
  a.v = linear(p + "attn_v", kHidden, kKvHeads * kHeadDim);
  a.o = linear(p + "attn_output", kHeads * kHeadDim, kHidden);
  DenseFeedForwardSpec f{{Activation::Kind::Silu},
                         linear(p + "ffn_gate", kHidden, kFeedForward),
                         linear(p + "ffn_up", kHidden, kFeedForward),
                         linear(p + "ffn_down", kFeedForward, kHidden)};
  return {norm(p + "attn_norm"), a, std::nullopt, norm(p + "ffn_norm"), f, std::nullopt};
}

}  // namespace

DecoderSpec smollm2_135m_gguf_spec() {
  DecoderSpec spec{};
  spec.architecture = "llama";
  spec.vocab_size = kVocab;
  spec.hidden_size = kHidden;
  spec.context_length = kContext;
  spec.embedding = linear("token_embd", kHidden, kVocab, 8);
  spec.embedding_scale = 1;
  RopeSpec rope{kHeadDim, {}, 1};
  for (int i = 0; i < kHeadDim / 2; ++i) rope.inverse_frequencies.push_back(std::pow(kRopeBase, -2.0 * i / kHeadDim));
  spec.ropes.push_back(rope);
  for (int i = 0; i < kLayers; ++i) spec.layers.push_back(layer(i));
  spec.final_norm = norm("output_norm");
  return spec;
}

}  // namespace semantic
