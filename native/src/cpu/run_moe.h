// A mixture of experts: rows are grouped by expert, so that each expert's weights are read once per slice.
#pragma once
#include <atomic>
#include <vector>

#include "cpu/run.h"
#include "cpu/run_linear.h"

namespace semantic::cpu {

// Which rows go where. Written by one thread in a phase of its own, then only read.
struct Routing {
  std::vector<int> slots;                 // [rows][top_k]: where this row's result of its i-th best expert stands
  std::vector<float> weights;             // [rows][top_k]
  std::vector<const float*> inputs;       // [slots], grouped by expert
  std::vector<LinearTask> gate, down;     // one per expert that has rows
  // A thread that comes late reads these while the next layer's are written, and finds its phase over.
  std::atomic<int> gate_chunks{0}, down_chunks{0};
};

// target (hidden, or projected with Store) gets the experts' weighted sum over the rows of scratch.normed.
void run_moe(Run& run, ThreadPool::Worker& worker, int layer, Finish finish, Rows& target);

}  // namespace semantic::cpu
