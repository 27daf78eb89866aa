#include "mlx/kv_codec.h"

namespace semantic {

namespace mx = mlx::core;

namespace {

mx::Dtype stored_type(KvFormat format, mx::Dtype activations) {
  if (is_quantized(format)) return mx::uint32;
  if (format == KvFormat::F32) return mx::float32;
  // `f16` means 16 bits: bf16 models keep their own type on a GPU, so that attention needs no cast.
  return format == KvFormat::BF16 || activations == mx::bfloat16 ? mx::bfloat16 : mx::float16;
}

// x[.., from .. to)
mx::array columns(const mx::array& x, int from, int to) {
  mx::Shape start(x.ndim(), 0), stop = x.shape();
  start.back() = from;
  stop.back() = to;
  return mx::slice(x, start, stop);
}

mx::Shape with_width(const mx::array& x, int width) {
  mx::Shape shape = x.shape();
  shape.back() = width;
  return shape;
}

// Repeats the last element until the last group is whole: its least and largest stay what they are.
mx::array fill_groups(const mx::array& x) {
  const int width = x.shape(-1), missing = (kKvGroup - width % kKvGroup) % kKvGroup;
  if (missing == 0) return x;
  return mx::concatenate({x, mx::broadcast_to(columns(x, width - 1, width), with_width(x, missing))}, -1);
}

}  // namespace

KvCodec::KvCodec(KvFormat format, mx::Dtype activations)
    : format_(format), activations_(activations), type_(stored_type(format, activations)) {}

const char* KvCodec::stored_name() const { return kv_format_name(type_ == mx::bfloat16 ? KvFormat::BF16 : format_); }

int KvCodec::row_width(int head_dim) const {
  return is_quantized(format_) ? kv_head_bytes(format_, head_dim) / 4 : head_dim;
}

mx::array KvCodec::encode(const mx::array& x) const {
  if (!is_quantized(format_)) return mx::astype(x, type_);
  const int bits = kv_element_bits(format_), words = x.shape(-1) * bits / 32;
  const auto parts = mx::quantize(fill_groups(mx::astype(x, mx::float16)), kKvGroup, bits);
  const auto pairs = mx::stack({parts[1], parts[2]}, -1);  // [.., groups, 2] f16
  const auto scales = mx::squeeze(mx::view(pairs, mx::uint32), -1);
  return mx::concatenate({columns(parts[0], 0, words), scales}, -1);
}

mx::array KvCodec::decode(const mx::array& rows, int head_dim) const {
  if (!is_quantized(format_)) return mx::astype(rows, activations_);
  const int bits = kv_element_bits(format_), words = head_dim * bits / 32, groups = kv_groups(format_, head_dim);
  auto codes = columns(rows, 0, words);
  const int missing = groups * kKvGroup * bits / 32 - words;
  if (missing > 0) codes = mx::concatenate({codes, mx::zeros(with_width(codes, missing), mx::uint32)}, -1);
  const auto pairs = mx::view(mx::expand_dims(columns(rows, words, words + groups), -1), mx::float16);  // [.., groups, 2]
  // bf16 has too few bits for a scale: there the product is made in f16 and rounded once.
  const auto type = activations_ == mx::float32 ? mx::float32 : mx::float16;
  const auto of_pair = [&](int i) { return mx::astype(mx::squeeze(columns(pairs, i, i + 1), -1), type); };
  const auto x = mx::dequantize(codes, of_pair(0), of_pair(1), kKvGroup, bits);
  return mx::astype(columns(x, 0, head_dim), activations_);
}

}  // namespace semantic
