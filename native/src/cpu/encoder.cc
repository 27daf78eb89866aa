// The cpu executor's encoders: a batch is one program on the thread pool.
#include "encoder.h"

#include "cpu/run_encoder.h"

namespace semantic {
namespace cpu {
namespace {

class CpuEncoder final : public Encoder {
 public:
  CpuEncoder(const EncoderSpec& spec, TensorSource& source, ThreadPool& pool)
      : spec_(spec), pool_(pool), weights_(load_weights(spec_, source, pool)), scratch_(spec_, pool.threads()) {}

  void encode(std::span<const std::span<const int32_t>> inputs, Pooling pooling, std::vector<float>& vectors) override {
    const EncoderPlan plan = plan_encoder(inputs);
    scratch_.prepare(plan.rows(), plan.key_panels);
    vectors.resize(inputs.size() * static_cast<size_t>(spec_.hidden_size));
    EncoderRun run{spec_, weights_, pool_.kernels(), scratch_, plan, pool_.threads(), pooling, vectors.data()};
    pool_.run([&](ThreadPool::Worker& worker) { run_encoder(run, worker); });
  }

  int64_t scratch_bytes(int64_t tokens, int inputs, int) const override { return scratch_.bytes(tokens, tokens / kLanes + inputs); }
  int64_t weight_bytes() const override { return weights_.bytes; }

 private:
  const EncoderSpec spec_;
  ThreadPool& pool_;
  const EncoderWeights weights_;
  EncoderScratch scratch_;
};

}  // namespace
}  // namespace cpu

std::unique_ptr<Encoder> make_cpu_encoder(const EncoderSpec& spec, TensorSource& source, ThreadPool& pool) {
  return std::make_unique<cpu::CpuEncoder>(spec, source, pool);
}

}  // namespace semantic
