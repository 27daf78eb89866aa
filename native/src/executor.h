// The contract of both executors: mlx/ builds graphs, cpu/ runs a step as one call on our own kernels.
// Everything here is called on the engine thread only.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compute.h"
#include "decoder/spec.h"
#include "decoder/tensor_source.h"
#include "kv_format.h"
#include "kv_layout.h"

namespace semantic {

inline constexpr int kBlockTokens = 256;  // KV capacity grows in multiples of this many tokens

struct KvCounters {
  int64_t bytes = 0;         // memory in use now, all sequences; what several hold counts once
  int64_t shared_bytes = 0;  // what sequences hold beyond that: memory of n holders counts n - 1 times
  int64_t copied_bytes = 0;  // copied because an append met memory that somebody else holds too
  int64_t shared_reads = 0;  // tokens, over layers and steps, attended to in one pass with another sequence of the step
  int64_t growths = 0;       // buffers moved to a larger one (or slid, for windowed layers)
  int64_t appends = 0;       // appends done in place; one per sequence, layer and step
};

// Bytes of KV that lie together in memory.
struct KvBytes {
  char* data;
  size_t bytes;
};

// One layer of an image as bytes that nobody writes to while `owner` lives. Let go of it on the engine thread.
struct KvPart {
  KvBytes bytes;
  int64_t gathered;  // bytes of memory of its own; 0 where it is the sequence's
  std::shared_ptr<void> owner;
};

// The KV of one sequence in one executor's own layout. Destroying it frees the memory.
class SequenceKv {
 public:
  virtual ~SequenceKv() = default;
  virtual int length() const = 0;  // tokens appended so far
  // Whether `layer` keeps a state in place of every token's KV: an image of it is of the state at the end of the sequence.
  virtual bool recurs(int layer) const = 0;
  // Keeps the first `length` tokens; returns the length really kept (0 where a windowed layer forgot what it needs, or one recurs).
  virtual int truncate(int length) = 0;
  // A sequence of the first `length` tokens that holds the same memory: nothing is allocated or copied until either one
  // appends. Empty where truncate() would keep 0.
  virtual std::unique_ptr<SequenceKv> fork(int length) const = 0;

  // First position whose KV is held in `layer`: a multiple of kBlockTokens. Its blocks from there on are whole.
  virtual int first_held(int layer) const = 0;
  // What first_held() is of a sequence of `length` tokens.
  virtual int first_needed(int layer, int length) const = 0;
  // Tokens [start, start + count) of one block that `layer` holds, laid out as KvLayout says: equal tokens give equal bytes.
  virtual KvPart part(int layer, int start, int count) const = 0;
  // Longer by `tokens`, in memory of their own that somebody fills: the length must be a multiple of kBlockTokens. Windowed
  // layers hold what a sequence of `length` tokens (at most the new length) sees, from first_needed() on.
  virtual void extend(int tokens, int length) = 0;
  // Where the bytes of a part within what extend() added go, in order; any thread may write them.
  virtual std::vector<KvBytes> room(int layer, int start, int count) const = 0;
  // All of it is written: from here on the sequence is like any other.
  virtual void settle() = 0;
};

struct BatchEntry {
  SequenceKv* kv;
  std::span<const int32_t> tokens;  // appended at position kv->length()
  bool wants_logits;                // of the last token
  bool wants_hidden = false;        // of each token, behind the final norm
};

struct BatchOutput {
  // One row [vocab] per entry with wants_logits, in order; with all_logits one row per token of the batch.
  std::vector<float> logits;
  // One row [hidden size] per token of the entries with wants_hidden, in order.
  std::vector<float> hidden;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::unique_ptr<SequenceKv> create_sequence() = 0;
  // Bytes that appending `tokens` more would newly allocate at most, copies of what is shared included. For admission.
  virtual int64_t kv_bytes_to_append(const SequenceKv& kv, int tokens) const = 0;
  // Bytes that extend(tokens, length) and settle() allocate at most.
  virtual int64_t kv_bytes_to_extend(const SequenceKv& kv, int tokens, int length) const = 0;
  // Upper bound of the temporary memory that a step over `tokens` tokens needs, with so many rows of logits and of hidden states.
  virtual int64_t scratch_bytes(int tokens, int logit_rows, int hidden_rows) const = 0;
  // Runs the decoder over a ragged batch, appends to each entry's KV, fills `out`. On throw the entries' KV are
  // unusable. Rows do not influence each other: a row's result is the same whatever else is in the batch.
  virtual void step(std::span<const BatchEntry> batch, bool all_logits, BatchOutput& out) = 0;
  virtual int64_t weight_bytes() const = 0;
  virtual int64_t kv_bytes_per_token() const = 0;
  virtual std::shared_ptr<const KvLayout> kv_layout() const = 0;
  virtual const KvCounters& kv_counters() const = 0;
};

std::unique_ptr<Executor> make_mlx_executor(const DecoderSpec& spec, TensorSource& source, KvFormat kv);

class ThreadPool;  // cpu/thread_pool.h; owned by the engine, shared by all cpu models
struct StepProfile;  // step_profile.h
// `instruction_set`: auto | avx512 | avx2 | neon | portable. Throws Error(InvalidArgument) where this CPU lacks it.
std::shared_ptr<ThreadPool> make_thread_pool(int threads, const std::string& instruction_set);
// What this pool's kernels run on: the set that was asked for, or the one `auto` chose.
std::string instruction_set_of(const ThreadPool& pool);
// Steps on this pool are counted in `profile` from here on.
void set_profile(ThreadPool& pool, StepProfile* profile);
std::unique_ptr<Executor> make_cpu_executor(const DecoderSpec& spec, TensorSource& source, KvFormat kv, Compute compute, ThreadPool& pool);

}  // namespace semantic
