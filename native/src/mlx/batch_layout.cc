#include "mlx/batch_layout.h"

#include <numeric>

namespace semantic {

BatchLayout lay_out(std::span<const BatchEntry> batch, bool all_logits) {
  BatchLayout layout;
  const auto place = [&](size_t i) {
    const BatchEntry& entry = batch[i];
    layout.entries.push_back({static_cast<int>(i), static_cast<int>(layout.tokens.size()),
                              static_cast<int>(entry.tokens.size()), entry.kv->length()});
    layout.tokens.insert(layout.tokens.end(), entry.tokens.begin(), entry.tokens.end());
  };
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].tokens.size() != 1) continue;
    place(i);
    layout.positions.push_back(batch[i].kv->length());
    ++layout.singles;
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].tokens.size() != 1) place(i);
  }
  std::vector<int> first_row(batch.size());
  for (const LayoutEntry& entry : layout.entries) first_row[entry.batch_index] = entry.row;
  for (size_t i = 0; i < batch.size(); ++i) {
    const int tokens = static_cast<int>(batch[i].tokens.size());
    for (int t = 0; batch[i].wants_hidden && t < tokens; ++t) layout.hidden_rows.push_back(first_row[i] + t);
    if (!all_logits && !batch[i].wants_logits) continue;
    for (int t = all_logits ? 0 : tokens - 1; t < tokens; ++t) layout.logit_rows.push_back(first_row[i] + t);
  }
  return layout;
}

}  // namespace semantic
