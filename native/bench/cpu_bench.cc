// Times and checks the cpu executor on SmolLM2-135M's GGUF file, without Node.
//   cpu_bench MODEL.gguf [--threads N] [--isa NAME] [--kv f32|f16|bf16|q8|q4] [--compute exact|int8x2|int8] [--clock wall|cpu]
//             prefill TOKENS | decode DEPTH SEQUENCES | shared DEPTH SEQUENCES | verify TOKENS |
//             greedy COUNT TOKEN...
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>

#include "error.h"
#include "executor.h"
#include "llama_gguf_spec.h"
#include "step_profile.h"

namespace {

using namespace semantic;
using Tokens = std::vector<int32_t>;

bool cpu_clock = false;  // --clock cpu: seconds of this process's CPU time, for one thread on a machine that others use

double now() {
  if (cpu_clock) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Tokens pseudo_random_tokens(int count, uint32_t seed, int vocab) {
  Tokens out(count);
  for (int32_t& t : out) {
    seed = seed * 1664525u + 1013904223u;
    t = static_cast<int32_t>((seed >> 8) % static_cast<uint32_t>(vocab));
  }
  return out;
}

int greedy(const float* logits, int vocab) { return static_cast<int>(std::max_element(logits, logits + vocab) - logits); }

struct Bench {
  Executor& executor;
  int vocab;
  StepProfile profile{};  // of the last step
  std::array<double, kStepParts> best{};  // ms that each part took, waiting included, where it took the least

  void keep_best() {
    for (size_t i = 0; i < kStepParts; ++i) {
      const double ms = 1e-6 * static_cast<double>(profile.parts[i].nanos + profile.parts[i].waiting_nanos);
      best[i] = best[i] == 0 ? ms : std::min(best[i], ms);
    }
    profile.parts = {};
  }

  // Appends tokens in chunks; returns the logits after the last, or of all positions.
  std::vector<float> append(SequenceKv& kv, const Tokens& tokens, int chunk, bool all) {
    std::vector<float> logits;
    for (size_t i = 0; i < tokens.size(); i += chunk) {
      const size_t count = std::min(static_cast<size_t>(chunk), tokens.size() - i);
      const BatchEntry entry{&kv, {tokens.data() + i, count}, i + count == tokens.size()};
      BatchOutput out;
      executor.step({&entry, 1}, all, out);
      logits.insert(logits.end(), out.logits.begin(), out.logits.end());
    }
    return logits;
  }

  double prefill_seconds(int tokens) {
    const auto kv = executor.create_sequence();
    const Tokens prompt = pseudo_random_tokens(tokens, 7, vocab);
    const double start = now();
    append(*kv, prompt, tokens, false);
    return now() - start;
  }

  struct Seconds {
    double median, best;
  };
  // Of a step in which `sequences` of them decode one token each at `depth`.
  Seconds decode_seconds(int depth, int sequences, int steps) {
    std::vector<std::unique_ptr<SequenceKv>> kvs;
    for (int i = 0; i < sequences; ++i) {
      kvs.push_back(executor.create_sequence());
      append(*kvs.back(), pseudo_random_tokens(depth, 11 + i, vocab), depth, false);
    }
    std::vector<double> times;
    profile.parts = {};
    best = {};
    Tokens next(sequences, 5);
    for (int s = 0; s < steps; ++s) {
      std::vector<BatchEntry> batch;
      for (int i = 0; i < sequences; ++i) batch.push_back({kvs[i].get(), {&next[i], 1}, true});
      BatchOutput out;
      const double start = now();
      executor.step(batch, false, out);
      times.push_back(now() - start);
      keep_best();
      for (int i = 0; i < sequences; ++i) next[i] = greedy(out.logits.data() + static_cast<size_t>(i) * vocab, vocab);
    }
    std::sort(times.begin(), times.end());
    return {times[times.size() / 2], times[0]};
  }
};

int check(const char* what, bool ok) {
  std::printf("%-70s %s\n", what, ok ? "same bits" : "DIFFERS");
  return ok ? 0 : 1;
}

using Sequences = std::vector<std::unique_ptr<SequenceKv>>;

// The same KV in memory of its own; the length is a multiple of 256.
std::unique_ptr<SequenceKv> copy_of(const SequenceKv& kv, Executor& executor, int layers) {
  auto copy = executor.create_sequence();
  copy->extend(kv.length(), kv.length());
  for (int layer = 0; layer < layers; ++layer) {
    for (int start = 0; start < kv.length(); start += kBlockTokens) {
      const KvPart from = kv.part(layer, start, kBlockTokens);
      std::memcpy(copy->room(layer, start, kBlockTokens).front().data, from.bytes.data, from.bytes.bytes);
    }
  }
  copy->settle();
  return copy;
}

// A step in which each sequence decodes one token; false where the logits of two sequences differ.
bool decode_step(Bench& bench, const Sequences& sequences, std::vector<double>& times) {
  const int32_t token = 5;
  std::vector<BatchEntry> batch;
  for (const auto& kv : sequences) batch.push_back({kv.get(), {&token, 1}, true});
  BatchOutput out;
  const double start = now();
  bench.executor.step(batch, false, out);
  times.push_back(now() - start);
  for (size_t i = 1; i < sequences.size(); ++i) {
    if (std::memcmp(out.logits.data(), out.logits.data() + i * bench.vocab, bench.vocab * sizeof(float)) != 0) return false;
  }
  return true;
}

// Forks of a sequence of `depth` tokens against copies of it that share no memory: they take turns, step by step.
int time_shared(Bench& bench, int depth, int count, int layers) {
  constexpr int kSteps = 48;
  if (depth % kBlockTokens != 0) throw Error(ErrorCode::InvalidArgument, "cpu_bench", "DEPTH should be a multiple of 256");
  const auto parent = bench.executor.create_sequence();
  bench.append(*parent, pseudo_random_tokens(depth, 11, bench.vocab), depth, false);
  Sequences forks, copies;
  for (int i = 0; i < count; ++i) {
    forks.push_back(parent->fork(depth));
    copies.push_back(copy_of(*parent, bench.executor, layers));
  }
  std::vector<double> forks_seconds, copies_seconds;
  bool same = true;
  for (int s = 0; s < kSteps; ++s) {
    same = decode_step(bench, forks, forks_seconds) && same;
    same = decode_step(bench, copies, copies_seconds) && same;
  }
  const double attended = static_cast<double>(count) * (depth + (kSteps + 1) / 2.0);
  const double shared = static_cast<double>(bench.executor.kv_counters().shared_reads) / layers / kSteps;
  const auto report = [&](const char* what, std::vector<double>& times, double tokens_read) {
    std::sort(times.begin(), times.end());
    std::printf("%d %s of %d tokens: %.1f tok/s (best %.1f), %.0f MB of KV read in a step\n", count, what, depth, count / times[times.size() / 2],
                count / times[0], tokens_read * static_cast<double>(bench.executor.kv_bytes_per_token()) / 1e6);
  };
  report("copies", copies_seconds, attended);
  report("forks", forks_seconds, attended - shared);
  return check("forks and copies", same);
}

void print_best(const Bench& bench) {
  const char* names[] = {"embedding", "projections", "append", "attention", "output", "gate", "down", "head"};
  for (size_t i = 0; i < std::size(names); ++i) std::printf("  %-12s %8.3f ms at best\n", names[i], bench.best[i]);
}

// Medians and, for a machine that others use too, the best run.
int time_prefill(Bench& bench, int tokens) {
  std::vector<double> times;
  const int runs = std::clamp(4096 / tokens, 2, 9);
  for (int i = 0; i < runs; ++i) {
    times.push_back(bench.prefill_seconds(tokens));
    bench.keep_best();
  }
  std::sort(times.begin(), times.end());
  std::printf("prefill %d: %.1f tok/s (best %.1f)\n", tokens, tokens / times[times.size() / 2], tokens / times[0]);
  print_best(bench);
  return 0;
}

int time_decode(Bench& bench, int depth, int sequences) {
  constexpr int kSteps = 100;
  const Bench::Seconds s = bench.decode_seconds(depth, sequences, kSteps);
  std::printf("decode at depth %d, %d sequences: %.1f tok/s (best %.1f)\n", depth, sequences, sequences / s.median, sequences / s.best);
  print_best(bench);
  return 0;
}

// Any chunking and any company gives the same bits.
int verify(Bench& bench, int tokens) {
  const Tokens prompt = pseudo_random_tokens(tokens, 3, bench.vocab);
  const auto logits_with = [&](int chunk) {
    const auto kv = bench.executor.create_sequence();
    return bench.append(*kv, prompt, chunk, true);
  };
  const std::vector<float> whole = logits_with(tokens);
  int failures = 0;
  for (const int chunk : {1, 5, 9, 100, 257}) {
    const std::vector<float> got = logits_with(chunk);
    failures += check(("chunks of " + std::to_string(chunk)).c_str(),
                      got.size() == whole.size() && std::memcmp(got.data(), whole.data(), whole.size() * sizeof(float)) == 0);
  }
  std::vector<std::unique_ptr<SequenceKv>> kvs;
  std::vector<Tokens> prompts{prompt};
  for (int i = 1; i < 12; ++i) prompts.push_back(pseudo_random_tokens(2 + tokens * i / 12, 100 + i, bench.vocab));
  std::vector<BatchEntry> batch;
  for (Tokens& p : prompts) {
    kvs.push_back(bench.executor.create_sequence());
    batch.push_back({kvs.back().get(), {p.data(), p.size() - 1}, false});
  }
  std::rotate(batch.begin(), batch.begin() + 5, batch.end());
  BatchOutput out;
  bench.executor.step(batch, false, out);
  for (BatchEntry& e : batch) e = {e.kv, {e.tokens.data() + e.tokens.size(), 1}, true};
  bench.executor.step(batch, false, out);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch[i].kv != kvs[0].get()) continue;
    failures += check("the last token decoded in a batch of 12", std::memcmp(out.logits.data() + i * bench.vocab,
                      whole.data() + whole.size() - bench.vocab, bench.vocab * sizeof(float)) == 0);
  }
  uint32_t hash = 2166136261u;
  for (const float f : whole) {
    uint32_t bits;
    std::memcpy(&bits, &f, 4);
    hash = (hash ^ bits) * 16777619u;
  }
  std::printf("hash of all logits %08x\n", hash);
  return failures;
}

int run_greedy(Bench& bench, int count, const Tokens& prompt) {
  const auto kv = bench.executor.create_sequence();
  std::vector<float> logits = bench.append(*kv, prompt, static_cast<int>(prompt.size()), false);
  for (int i = 0; i < count; ++i) {
    const int token = greedy(logits.data(), bench.vocab);
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l) - logits[token]);
    std::printf("%d %.6f\n", token, -std::log(sum));
    logits = bench.append(*kv, {token}, 1, false);
  }
  return 0;
}

KvFormat format_named(const std::string& name) {
  const char* names[] = {"f32", "f16", "bf16", "q8", "q4"};
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) throw std::invalid_argument("no KV format is named " + name);
  return static_cast<KvFormat>(found - std::begin(names));
}

Compute compute_named(const std::string& name) {
  for (const Compute c : {Compute::Exact, Compute::Int8x2, Compute::Int8}) {
    if (name == compute_name(c)) return c;
  }
  throw std::invalid_argument("no way to compute is named " + name);
}

}  // namespace

int main(int argc, char** argv) try {
  int threads = 2;
  std::string isa = "auto", file, mode;
  KvFormat kv = KvFormat::F16;
  Compute compute = Compute::Exact;
  std::vector<int> numbers;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--threads" && i + 1 < argc) threads = std::atoi(argv[++i]);
    else if (a == "--isa" && i + 1 < argc) isa = argv[++i];
    else if (a == "--kv" && i + 1 < argc) kv = format_named(argv[++i]);
    else if (a == "--compute" && i + 1 < argc) compute = compute_named(argv[++i]);
    else if (a == "--clock" && i + 1 < argc) cpu_clock = std::string(argv[++i]) == "cpu";
    else if (file.empty()) file = a;
    else if (mode.empty()) mode = a;
    else numbers.push_back(std::atoi(a.c_str()));
  }
  if (mode.empty()) {
    std::fprintf(stderr, "cpu_bench MODEL.gguf [--threads N] [--isa NAME] [--kv f32|f16|bf16|q8|q4] [--compute exact|int8x2|int8] [--clock wall|cpu] prefill TOKENS | decode DEPTH SEQUENCES | shared DEPTH SEQUENCES | verify TOKENS | greedy COUNT TOKEN...\n");
    return 2;
  }
  const DecoderSpec spec = smollm2_135m_gguf_spec();
  const auto pool = make_thread_pool(threads, isa);
  const double start = now();
  std::unique_ptr<Executor> executor;
  {
    TensorSource source({file}, spec);
    executor = make_cpu_executor(spec, source, kv, compute, *pool);
  }
  std::printf("# %s, %d threads, load %.3f s, weights %.1f MB\n", instruction_set_of(*pool).c_str(), threads, now() - start,
              executor->weight_bytes() / 1e6);
  Bench bench{*executor, spec.vocab_size};
  set_profile(*pool, &bench.profile);
  if (mode == "prefill" && numbers.size() == 1) return time_prefill(bench, numbers[0]);
  if (mode == "decode" && numbers.size() == 2) return time_decode(bench, numbers[0], numbers[1]);
  if (mode == "shared" && numbers.size() == 2) return time_shared(bench, numbers[0], numbers[1], static_cast<int>(spec.layers.size()));
  if (mode == "verify" && numbers.size() == 1) return verify(bench, numbers[0]);
  if (mode == "greedy" && numbers.size() >= 2) return run_greedy(bench, numbers[0], Tokens(numbers.begin() + 1, numbers.end()));
  return 0;
} catch (const semantic::Error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
