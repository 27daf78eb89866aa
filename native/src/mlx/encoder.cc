// The mlx executor's encoders: a batch is one graph, linear layers over the rows of all inputs, attention input by input.
#include "encoder.h"

#include <mlx/mlx.h>

#include <algorithm>
#include <cstring>

#include "decoder/norm_weight.h"
#include "mlx/linear.h"

namespace semantic {
namespace {

namespace mx = mlx::core;

bool on_gpu() { return mx::default_device() == mx::Device::gpu; }

struct LayerNorm {
  mx::array weight, bias;
  float eps;

  mx::array operator()(const mx::array& x) const { return mx::fast::layer_norm(x, weight, bias, eps); }
  int64_t bytes() const { return static_cast<int64_t>(weight.nbytes() + bias.nbytes()); }
};

struct EncoderLayer {
  Linear q, k, v, o;
  LayerNorm attention_norm;
  Linear up, down;
  LayerNorm feed_forward_norm;

  int64_t bytes() const {
    return q.bytes() + k.bytes() + v.bytes() + o.bytes() + up.bytes() + down.bytes() + attention_norm.bytes() + feed_forward_norm.bytes();
  }
};

mx::array gelu(const mx::array& x) {
  const auto half = mx::array(0.5F, x.dtype()), root = mx::array(0.70710678F, x.dtype()), one = mx::array(1.0F, x.dtype());
  return mx::multiply(mx::multiply(x, half), mx::add(one, mx::erf(mx::multiply(x, root))));
}

class MlxEncoder final : public Encoder {
 public:
  MlxEncoder(const EncoderSpec& spec, TensorSource& source) : MlxEncoder(spec, source, load_linear(source, spec.embedding)) {}

  void encode(std::span<const std::span<const int32_t>> inputs, Pooling pooling, std::vector<float>& vectors) override {
    std::vector<int32_t> tokens, positions;
    for (const auto& input : inputs) {
      tokens.insert(tokens.end(), input.begin(), input.end());
      for (size_t i = 0; i < input.size(); ++i) positions.push_back(static_cast<int32_t>(i));
    }
    const int rows = static_cast<int>(tokens.size());
    const mx::array ids(tokens.begin(), mx::Shape{rows}), at(positions.begin(), mx::Shape{rows});
    auto x = embedding_norm_(mx::add(embedding_.rows(ids), mx::take(positions_, at, 0)));
    for (const EncoderLayer& layer : layers_) x = run(layer, x, inputs);
    const auto pooled = mx::contiguous(mx::astype(pool(x, inputs, pooling), mx::float32));
    mx::eval(pooled);
    vectors.resize(pooled.size());
    std::memcpy(vectors.data(), pooled.data<float>(), pooled.nbytes());
  }

  int64_t scratch_bytes(int64_t tokens, int, int longest) const override {
    // Rows alive at once, each twice for casts; and on a CPU, without a fused kernel, the scores of the longest input.
    const int64_t row = 2 * (8 * int64_t{spec_.hidden_size} + 3 * int64_t{spec_.width}) * static_cast<int64_t>(mx::size_of(type_));
    return tokens * row + (on_gpu() ? 0 : 3 * int64_t{spec_.heads} * longest * longest * 4);
  }

  int64_t weight_bytes() const override {
    int64_t sum = embedding_.bytes() + static_cast<int64_t>(positions_.nbytes()) + embedding_norm_.bytes();
    for (const EncoderLayer& layer : layers_) sum += layer.bytes();
    return sum;
  }

 private:
  MlxEncoder(const EncoderSpec& spec, TensorSource& source, LinearWeights embedding)
      : spec_(spec),
        type_(on_gpu() ? float_type_of(embedding) : mx::float32),
        embedding_(std::move(embedding), spec.embedding, type_),
        positions_(load_positions(source)),
        embedding_norm_(load_norm(source, spec.embedding_norm)) {
    const auto linear = [&](const LinearSpec& l) { return Linear(load_linear(source, l), l, type_); };
    for (const EncoderLayerSpec& l : spec.layers) {
      layers_.push_back({linear(l.q), linear(l.k), linear(l.v), linear(l.o), load_norm(source, l.attention_norm), linear(l.up),
                         linear(l.down), load_norm(source, l.feed_forward_norm)});
    }
  }

  mx::array cast(const mx::array& x) const {
    auto y = mx::astype(x, type_);
    mx::eval(y);
    return y;
  }

  // [context_length, hidden], the token type's row added.
  mx::array load_positions(TensorSource& source) const {
    const auto table = load_floats(source, spec_.positions, mx::Shape{spec_.context_length, spec_.hidden_size});
    return cast(mx::add(table, load_vector(source, spec_.token_type, spec_.hidden_size)));
  }

  LayerNorm load_norm(TensorSource& source, const LayerNormSpec& norm) const {
    return {cast(load_vector(source, norm.weight, spec_.hidden_size)), cast(load_vector(source, norm.bias, spec_.hidden_size)), norm.eps};
  }

  mx::array run(const EncoderLayer& layer, const mx::array& x, std::span<const std::span<const int32_t>> inputs) const {
    const auto attended = layer.o(attend(layer.q(x), layer.k(x), layer.v(x), inputs));
    const auto h = layer.attention_norm(mx::add(x, attended));
    return layer.feed_forward_norm(mx::add(h, layer.down(gelu(layer.up(h)))));
  }

  mx::array attend(const mx::array& q, const mx::array& k, const mx::array& v, std::span<const std::span<const int32_t>> inputs) const {
    std::vector<mx::array> outputs;
    int row = 0;
    for (const auto& input : inputs) {
      const int count = static_cast<int>(input.size());
      const auto heads = [&](const mx::array& all) {  // [1, heads, count, head_dim]
        const auto rows = mx::slice(all, mx::Shape{row, 0}, mx::Shape{row + count, spec_.hidden_size});
        return mx::swapaxes(mx::reshape(rows, mx::Shape{1, count, spec_.heads, spec_.head_dim}), 1, 2);
      };
      const auto out = mx::fast::scaled_dot_product_attention(heads(q), heads(k), heads(v), spec_.scale);
      outputs.push_back(mx::reshape(mx::swapaxes(out, 1, 2), mx::Shape{count, spec_.hidden_size}));
      row += count;
    }
    return outputs.size() == 1 ? outputs.front() : mx::concatenate(outputs, 0);
  }

  // [inputs, hidden]
  mx::array pool(const mx::array& x, std::span<const std::span<const int32_t>> inputs, Pooling pooling) const {
    std::vector<mx::array> vectors;
    int row = 0;
    for (const auto& input : inputs) {
      const int count = static_cast<int>(input.size()), last = row + count - 1;
      const int from = pooling == Pooling::Last ? last : row, to = pooling == Pooling::First ? row : last;
      const auto rows = mx::slice(x, mx::Shape{from, 0}, mx::Shape{to + 1, spec_.hidden_size});
      vectors.push_back(mx::mean(mx::astype(rows, mx::float32), 0, true));
      row += count;
    }
    return mx::concatenate(vectors, 0);
  }

  const EncoderSpec spec_;
  mx::Dtype type_;
  Linear embedding_;
  mx::array positions_;
  LayerNorm embedding_norm_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace

std::unique_ptr<Encoder> make_mlx_encoder(const EncoderSpec& spec, TensorSource& source) {
  return std::make_unique<MlxEncoder>(spec, source);
}

}  // namespace semantic
