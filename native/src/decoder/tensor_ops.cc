#include "decoder/tensor_ops.h"

#include "error.h"

namespace semantic {
namespace {

namespace mx = mlx::core;

// [heads * d, rest] holding each head's rows as (pair, half) -> (half, pair).
mx::array unpermute_rope(const mx::array& tensor, int heads) {
  const int rows = tensor.shape(0);
  if (heads < 1 || rows % (2 * heads) != 0) {
    throw std::invalid_argument(std::to_string(rows) + " rows are not " + std::to_string(heads) + " heads of an even width");
  }
  const int rest = static_cast<int>(tensor.size() / rows);
  const auto paired = mx::reshape(tensor, mx::Shape{heads, rows / heads / 2, 2, rest});
  return mx::reshape(mx::swapaxes(paired, 1, 2), tensor.shape());
}

mx::array slice_axis(const mx::array& tensor, const TensorOp& op) {
  const int axis = op.axis < 0 ? op.axis + static_cast<int>(tensor.ndim()) : op.axis;
  if (axis < 0 || axis >= static_cast<int>(tensor.ndim())) throw std::invalid_argument("slice axis out of range");
  const int size = tensor.shape(axis);
  const int end = op.stop.value_or(size);
  if (op.start < 0 || op.start >= end || end > size || op.step < 1) {
    throw std::invalid_argument("slice " + std::to_string(op.start) + ".." + std::to_string(end) + " of an axis of " +
                                std::to_string(size));
  }
  mx::Shape start(tensor.ndim(), 0);
  mx::Shape stop = tensor.shape();
  mx::Shape step(tensor.ndim(), 1);
  start[axis] = op.start;
  stop[axis] = end;
  step[axis] = op.step;
  return mx::slice(tensor, start, stop, step);
}

// Rows [start, stop) of each of `groups` equal runs of rows.
mx::array group_rows(const mx::array& tensor, const TensorOp& op) {
  const int rows = tensor.shape(0);
  if (op.groups < 1 || rows % op.groups != 0) {
    throw std::invalid_argument(std::to_string(rows) + " rows are not " + std::to_string(op.groups) + " equal groups");
  }
  mx::Shape grouped = tensor.shape();
  grouped[0] = rows / op.groups;
  grouped.insert(grouped.begin(), op.groups);
  TensorOp slice = op;
  slice.axis = 1;
  slice.step = 1;
  return mx::flatten(slice_axis(mx::reshape(tensor, grouped), slice), 0, 1);
}

mx::array apply(const mx::array& tensor, const TensorOp& op) {
  switch (op.kind) {
    case TensorOp::Kind::UnpermuteRope:
      return unpermute_rope(tensor, op.heads);
    case TensorOp::Kind::View:
      return mx::view(tensor, op.dtype == "uint8" ? mx::uint8 : mx::uint32);
    case TensorOp::Kind::Flatten:
      return mx::flatten(tensor, op.axis, -1);
    case TensorOp::Kind::Slice:
      return slice_axis(tensor, op);
    case TensorOp::Kind::GroupRows:
      return group_rows(tensor, op);
    case TensorOp::Kind::Transpose:
      return mx::swapaxes(tensor, -1, -2);
  }
  throw std::invalid_argument("unknown tensor op");
}

}  // namespace

mx::array apply_tensor_ops(mx::array tensor, const TensorRef& ref) {
  try {
    for (const TensorOp& op : ref.ops) tensor = apply(tensor, op);
    return tensor;
  } catch (const std::exception& e) {
    throw Error(ErrorCode::ModelFile, "decoder.load", "tensor " + ref.name + ": " + e.what());
  }
}

}  // namespace semantic
