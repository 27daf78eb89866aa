// DecoderSpec of src/core/domain/decoder-spec.ts, as C++ data. Field for field the same; see there for meanings.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace semantic {

struct TensorOp {
  enum class Kind { UnpermuteRope, View, Flatten, Slice, GroupRows, Transpose };
  Kind kind;
  int heads = 0;               // UnpermuteRope
  std::string dtype;           // View
  int axis = 0;                // Slice; Flatten: first axis merged
  int start = 0, step = 1;     // Slice, GroupRows
  std::optional<int> stop;     // Slice, GroupRows
  int groups = 0;              // GroupRows
};

struct TensorRef {
  std::string name;
  std::vector<TensorOp> ops;
};

struct QuantizationSpec {
  enum class Mode { Affine, Mxfp4 };
  Mode mode;
  int bits, group_size;
  TensorRef scales;
  std::optional<TensorRef> biases;
};

struct LinearSpec {
  TensorRef weight;
  int in_features, out_features;
  std::optional<TensorRef> bias;
  std::optional<QuantizationSpec> quantization;
};

struct NormSpec {
  TensorRef weight;
  float eps;
  int weight_offset;
};

struct RopeSpec {
  int dims;
  std::vector<double> inverse_frequencies;  // [dims / 2]
  float attention_factor;
};

struct Activation {
  enum class Kind { Silu, GeluTanh, SwigluClamped };
  Kind kind;
  float alpha = 0, limit = 0;
};

struct AttentionSpec {
  int heads, kv_heads, head_dim;
  float scale;
  LinearSpec q, k, v, o;
  std::optional<LinearSpec> gate;
  std::optional<NormSpec> q_norm, k_norm;
  int rope;
  std::optional<int> window;
  std::optional<TensorRef> sinks;
  std::optional<float> softcap;
};

struct GatedDeltaSpec {
  int key_heads, value_heads, key_dim, value_dim, kernel;
  LinearSpec q, k, v, z, b, a, o;
  TensorRef conv;  // [channels, kernel]
  TensorRef a_log, dt_bias;
  NormSpec norm;

  int keys() const { return key_heads * key_dim; }
  int values() const { return value_heads * value_dim; }
  int channels() const { return 2 * keys() + values(); }
};

struct DenseFeedForwardSpec {
  Activation activation;
  LinearSpec gate, up, down;
};

struct MoeFeedForwardSpec {
  Activation activation;
  int experts, top_k;
  bool softmax_over_all;  // else over the chosen only
  LinearSpec router, gate, up, down;
};

struct LayerSpec {
  NormSpec input_norm;
  AttentionSpec attention;  // of no meaning where there is a recurrence
  std::optional<GatedDeltaSpec> recurrence;
  std::optional<NormSpec> post_attention_norm;
  NormSpec feed_forward_norm;
  std::variant<DenseFeedForwardSpec, MoeFeedForwardSpec> feed_forward;
  std::optional<NormSpec> post_feed_forward_norm;
};

struct DecoderSpec {
  std::string architecture;
  int vocab_size, hidden_size, context_length;
  LinearSpec embedding;
  float embedding_scale;
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;
  NormSpec final_norm;
  std::optional<LinearSpec> head;  // none = tied to the embedding
  std::optional<float> logit_softcap;
};

}  // namespace semantic
