// Hands out the checkpoint's tensors by reference, one at a time, so that an executor can repack and drop each.
#pragma once
#include <mlx/mlx.h>
#include <string>
#include <unordered_map>
#include <vector>

#include "decoder/load_progress.h"
#include "decoder/spec.h"
#include "encoder/spec.h"

namespace semantic {

class TensorSource {
 public:
  // Opens safetensors shards or one GGUF file and checks that every tensor the spec names is there.
  // `progress` is told how many bytes there are, and how many were taken. Throws Error(ModelFile) naming the file, or the tensors that
  // are missing.
  TensorSource(const std::vector<std::string>& files, const DecoderSpec& spec, LoadProgress& progress);
  TensorSource(const std::vector<std::string>& files, const EncoderSpec& spec, LoadProgress& progress);

  // The tensor with its ops applied, evaluated and row-contiguous. Throws Error(ModelFile) naming the tensor.
  // The last take of a name (the spec says how many there are) makes the source forget it, so that memory returns
  // to the system as soon as the executor drops its handle.
  mlx::core::array take(const TensorRef& ref);

 private:
  using Uses = std::unordered_map<std::string, int>;  // by the tensor's name
  TensorSource(const std::vector<std::string>& files, const Uses& uses, LoadProgress& progress);

  struct Entry {
    mlx::core::array tensor;
    int takes_left;
  };
  std::unordered_map<std::string, Entry> tensors_;
  LoadProgress& progress_;
};

// Throws Error(ModelFile) unless `a` has exactly this shape.
void expect_shape(const mlx::core::array& a, const mlx::core::Shape& want, const TensorRef& ref);

}  // namespace semantic
