#include "cpu/plan_tiles.h"

#include <algorithm>

namespace semantic::cpu {
namespace {

constexpr int kTileQueries = 96;  // query rows (tokens x heads of a group) of a part's own tile: K and V of a block stay in L1 for them

TilePart tile_part(const AttentionPlan& plan, const SlicePart& part, int index, int done, int tokens) {
  const int first = part.position + done, last = first + tokens - 1;
  const int seen = plan.window > 0 && first >= plan.window ? first - plan.window + 1 : 0;
  return {index, part.row + done, tokens, 0, seen / kAttendKeys, last / kAttendKeys + 1, 0};
}

void start_tile(AttentionPlan& plan, const TilePart& first) {
  plan.tiles.push_back({static_cast<int>(plan.tile_parts.size()), 0, 0, first.first_block, 0, 0, 0});
}

void add_to_tile(AttentionPlan& plan, TilePart part) {
  AttendTile& tile = plan.tiles.back();
  const int end = std::max(tile.first_block + tile.blocks, part.end_block);
  tile.first_block = std::min(tile.first_block, part.first_block);
  tile.blocks = end - tile.first_block;
  part.query = tile.rows;
  tile.rows += part.tokens * plan.group();
  ++tile.parts;
  plan.tile_parts.push_back(part);
}

void tile_alone(const Slice& slice, AttentionPlan& plan, int index) {
  const SlicePart& part = slice.parts[static_cast<size_t>(index)];
  const int most = std::max(1, kTileQueries / plan.group());
  for (int done = 0; done < part.count; done += most) {
    const TilePart p = tile_part(plan, part, index, done, std::min(most, part.count - done));
    start_tile(plan, p);
    add_to_tile(plan, p);
  }
}

struct Neighbour {
  size_t at;  // index into the parts that are left
  int same_until;
};

// Of the parts left, the one that lies in the memory of `kv` the longest.
Neighbour nearest(const Slice& slice, const AttentionPlan& plan, const CpuSequenceKv& kv, const std::vector<int>& left) {
  Neighbour best{0, 0};
  for (size_t i = 0; i < left.size(); ++i) {
    const int until = kv.same_until(*slice.parts[static_cast<size_t>(left[i])].kv, plan.layer);
    if (until > best.same_until) best = {i, until};
  }
  best.same_until /= kAttendKeys;
  return best;
}

// `left`: parts that share memory. Each is followed by the one nearest to it: so forks of a fork stay together, as in the tree.
void tile_shared(const Slice& slice, AttentionPlan& plan, std::vector<int> left, int shared_rows) {
  const CpuSequenceKv* last = nullptr;
  while (!left.empty()) {
    const Neighbour next = last == nullptr ? Neighbour{0, 0} : nearest(slice, plan, *last, left);
    const int index = left[next.at];
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(next.at));
    const SlicePart& part = slice.parts[static_cast<size_t>(index)];
    TilePart p = tile_part(plan, part, index, 0, part.count);
    const bool joins = next.same_until > p.first_block && plan.tiles.back().rows + part.count * plan.group() <= shared_rows;
    if (joins) p.same_until = next.same_until;
    else start_tile(plan, p);
    add_to_tile(plan, p);
    last = part.kv;
  }
}

}  // namespace

void plan_tiles(const Slice& slice, AttentionPlan& plan, int shared_rows) {
  plan.tiles.clear();
  plan.tile_parts.clear();
  std::vector<int> shared;
  for (size_t p = 0; p < slice.parts.size(); ++p) {
    const SlicePart& part = slice.parts[p];
    const bool may_share = part.count * plan.group() * 2 <= shared_rows && part.kv->shares(plan.layer);
    if (may_share) shared.push_back(static_cast<int>(p));
    else tile_alone(slice, plan, static_cast<int>(p));
  }
  tile_shared(slice, plan, std::move(shared), shared_rows);
}

}  // namespace semantic::cpu
