#include "decoder/norm_weight.h"

#include "error.h"

namespace semantic {

namespace mx = mlx::core;

mx::array load_floats(TensorSource& source, const TensorRef& ref, const mx::Shape& shape) {
  mx::array tensor = source.take(ref);
  expect_shape(tensor, shape, ref);
  if (!mx::issubdtype(tensor.dtype(), mx::floating)) {
    throw Error(ErrorCode::ModelFile, "decoder.load", "tensor " + ref.name + " should hold floats");
  }
  mx::array floats = mx::astype(tensor, mx::float32);
  mx::eval(floats);
  return floats;
}

mx::array load_vector(TensorSource& source, const TensorRef& ref, int size) { return load_floats(source, ref, mx::Shape{size}); }

mx::array load_norm_weight(TensorSource& source, const NormSpec& spec, int width) {
  mx::array weight = load_vector(source, spec.weight, width);
  if (spec.weight_offset == 0) return weight;
  weight = mx::add(weight, mx::array(static_cast<float>(spec.weight_offset)));
  mx::eval(weight);
  return weight;
}

}  // namespace semantic
