#include "decoder/tensor_source.h"

#include <new>

#include "decoder/spec_tensors.h"
#include "decoder/tensor_ops.h"
#include "encoder/spec_tensors.h"
#include "error.h"

namespace semantic {
namespace {

namespace mx = mlx::core;
using TensorMap = std::unordered_map<std::string, mx::array>;

constexpr const char* kOrigin = "decoder.load";
constexpr size_t kMissingNamesShown = 5;

TensorMap open_file(const std::string& file) {
  try {
    return file.ends_with(".gguf") ? mx::load_gguf(file).first : mx::load_safetensors(file).first;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, kOrigin, "no memory left to read " + file);
  } catch (const std::exception& e) {
    throw Error(ErrorCode::ModelFile, kOrigin, "cannot read " + file + ": " + e.what());
  }
}

template <class Spec>
std::unordered_map<std::string, int> count_uses(const Spec& spec) {
  std::unordered_map<std::string, int> uses;
  for_each_tensor(spec, [&](const TensorRef& ref) { ++uses[ref.name]; });
  return uses;
}

std::string list_missing(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMissingNamesShown); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kMissingNamesShown) text += " and " + std::to_string(names.size() - kMissingNamesShown) + " more";
  return text;
}

std::string to_text(const mx::Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

TensorSource::TensorSource(const std::vector<std::string>& files, const DecoderSpec& spec, LoadProgress& progress)
    : TensorSource(files, count_uses(spec), progress) {}
TensorSource::TensorSource(const std::vector<std::string>& files, const EncoderSpec& spec, LoadProgress& progress)
    : TensorSource(files, count_uses(spec), progress) {}

TensorSource::TensorSource(const std::vector<std::string>& files, const Uses& uses, LoadProgress& progress) : progress_(progress) {
  if (files.empty()) throw Error(ErrorCode::ModelFile, kOrigin, "no model file was given");
  for (const std::string& file : files) {
    for (auto& [name, tensor] : open_file(file)) {
      const auto use = uses.find(name);
      if (use != uses.end()) tensors_.insert_or_assign(name, Entry{tensor, use->second});
    }
  }
  int64_t total = 0;
  for (const auto& [name, entry] : tensors_) total += static_cast<int64_t>(entry.tensor.nbytes());
  progress_.taken_bytes = 0;
  progress_.total_bytes = total;
  std::vector<std::string> missing;
  for (const auto& [name, count] : uses) {
    if (!tensors_.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return;
  std::sort(missing.begin(), missing.end());
  throw Error(ErrorCode::ModelFile, kOrigin,
              files.front() + (files.size() > 1 ? " and its shards lack " : " lacks ") + std::to_string(missing.size()) +
                  (missing.size() == 1 ? " tensor: " : " tensors: ") + list_missing(missing));
}

mx::array TensorSource::take(const TensorRef& ref) {
  const auto found = tensors_.find(ref.name);
  if (found == tensors_.end()) {
    throw Error(ErrorCode::ModelFile, kOrigin, "tensor " + ref.name + " is not there, or was taken before");
  }
  mx::array tensor = found->second.tensor;
  const bool last = --found->second.takes_left == 0;
  if (last) tensors_.erase(found);
  try {
    mx::array result = mx::contiguous(apply_tensor_ops(tensor, ref));
    mx::eval(result);
    if (last) progress_.taken_bytes += static_cast<int64_t>(tensor.nbytes());
    return result;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, kOrigin, "no memory left for tensor " + ref.name);
  } catch (const std::exception& e) {
    throw Error(ErrorCode::ModelFile, kOrigin, "cannot read tensor " + ref.name + ": " + e.what());
  }
}

void expect_shape(const mx::array& a, const mx::Shape& want, const TensorRef& ref) {
  if (a.shape() == want) return;
  throw Error(ErrorCode::ModelFile, kOrigin,
              "tensor " + ref.name + " should have shape " + to_text(want) + ", has " + to_text(a.shape()));
}

}  // namespace semantic
