// How rows of keys and values [.., head_dim] are stored in MLX arrays [.., row width]: as floats of the format's type, or, in
// the quantized formats, as uint32 words: the codes of mx::quantize, then per group one word with its scale and bias in f16.
#pragma once
#include <mlx/mlx.h>

#include "kv_format.h"

namespace semantic {

class KvCodec {
 public:
  KvCodec(KvFormat format, mlx::core::Dtype activations);

  mlx::core::Dtype type() const { return type_; }  // of what is stored
  const char* stored_name() const;                 // the format that this is, such as bf16 for f16 of a bf16 model on a GPU
  int row_width(int head_dim) const;               // elements of that type
  int64_t row_bytes(int head_dim) const { return int64_t{row_width(head_dim)} * static_cast<int64_t>(mlx::core::size_of(type_)); }
  mlx::core::array encode(const mlx::core::array& x) const;                    // [.., head_dim] -> [.., row width]
  mlx::core::array decode(const mlx::core::array& rows, int head_dim) const;  // the inverse, in the activations' type

 private:
  KvFormat format_;
  mlx::core::Dtype activations_;
  mlx::core::Dtype type_;
};

}  // namespace semantic
