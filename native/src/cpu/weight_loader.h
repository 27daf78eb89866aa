// Takes tensors from a source, one at a time, in the layouts of the cpu executor, and counts their bytes.
#pragma once
#include <optional>
#include <vector>

#include "cpu/pack_panels.h"
#include "cpu/weights.h"
#include "decoder/linear_weights.h"

namespace semantic::cpu {

// Everything throws Error(ModelFile | OutOfMemory).
class WeightLoader {
 public:
  WeightLoader(TensorSource& source, WeightArena& arena, ThreadPool& pool) : source_(source), arena_(arena), pool_(pool) {}

  int64_t bytes() const { return bytes_; }

  // experts = 0: tensors of [out, ...]; else [experts, out, ...].
  Linear linear(const LinearSpec& spec, int experts = 0);
  Norm norm(const NormSpec& spec, int width);
  std::optional<Norm> norm(const std::optional<NormSpec>& spec, int width);
  std::vector<float> vector(const TensorRef& ref, int size);
  std::vector<float> table(const TensorRef& ref, int rows, int width);  // [rows][width]

 private:
  PanelMatrix dense(const LinearSpec& spec, int experts, const LinearWeights& from);
  PanelMatrix quantized(const LinearSpec& spec, const QuantizationSpec& q, int experts, LinearWeights& from);

  TensorSource& source_;
  WeightArena& arena_;
  ThreadPool& pool_;
  int64_t bytes_ = 0;
};

}  // namespace semantic::cpu
