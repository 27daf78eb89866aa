// KV of sequences to and from files: commands that begin on the engine thread, go on beside it and end on it again.
#include "engine/engine.h"
#include "engine/translate_error.h"
#include "error.h"
#include "store/read_images.h"

namespace semantic {
namespace {

constexpr int64_t kMostGathered = int64_t{32} << 20;  // memory that parts to be written may take at a time, beside KV

constexpr int kNoModel = 0;

void validate_tokens(const std::vector<int32_t>& tokens, int length, const Model& model) {
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::InvalidArgument, "engine.load_kv", message); };
  if (tokens.empty()) refuse("there are no tokens");
  const int64_t end = length + static_cast<int64_t>(tokens.size());
  if (end > model.context_length) {
    refuse("the sequence would be " + std::to_string(end) + " tokens long, the context holds " + std::to_string(model.context_length));
  }
  for (const int32_t token : tokens) {
    if (token >= 0 && token < model.vocab_size) continue;
    refuse("token " + std::to_string(token) + " is outside the vocabulary of " + std::to_string(model.vocab_size));
  }
}

std::vector<ImageToRead> images_to_read(const std::vector<SavedKvImage>& images, const SequenceKv& kv) {
  std::vector<ImageToRead> reads;
  for (const SavedKvImage& image : images) {
    ImageToRead& read = reads.emplace_back(ImageToRead{image.fd, image.offset, image.seed, image.checksum, {}});
    for (const int32_t layer : image.layers) {
      const std::vector<KvBytes> room = kv.room(layer, image.start, image.count);
      read.into.insert(read.into.end(), room.begin(), room.end());
    }
  }
  return reads;
}

}  // namespace

FileTasks::Resume Engine::resume() {
  return [this](std::function<Delivery()> work) {
    post_([this, work = std::move(work)](Engine* engine) -> Delivery {
      if (engine == nullptr) return kNothingYet;
      const Delivery done = work(), unloaded = remove_unloading();
      return [done, unloaded] {
        done();
        unloaded();
      };
    });
  };
}

Delivery Engine::save_kv(int id, int fd, std::vector<KvImage> images, Settle<std::vector<uint64_t>> settle) {
  const Sequence& sequence = sequence_of(id);
  validate_save(images, *sequence.kv, *models_.at(sequence.model).executor->kv_layout());
  auto held = sequence.kv->fork(sequence.kv->length());
  continue_save(std::make_shared<KvSave>(std::move(held), fd, std::move(images), std::move(settle)), sequence.model);
  return kNothingYet;
}

void Engine::continue_save(const std::shared_ptr<KvSave>& save, int model) {
  save->prepare(kMostGathered - gathered_bytes_);
  gathered_bytes_ += save->gathered_bytes();
  writes_.add(
      model, [save](const std::atomic<bool>& stopping) { save->write(stopping); },
      [this, save, model](const Error* failure) {
        gathered_bytes_ -= save->gathered_bytes();
        save->release();
        if (failure != nullptr) return save->settle(*failure);
        if (save->prepared_all()) return save->settle(save->checksums());
        try {
          continue_save(save, model);
          return kNothingYet;
        } catch (...) {
          return save->settle(translate_error(std::current_exception(), "engine.save_kv"));
        }
      });
}

Delivery Engine::load_kv(int id, std::vector<int32_t> tokens, std::vector<SavedKvImage> images, int length, Settle<Done> settle) {
  Sequence& sequence = sequence_of(id);
  const Model& model = models_.at(sequence.model);
  const int count = static_cast<int>(tokens.size());
  validate_tokens(tokens, sequence.kv->length(), model);
  validate_load(images, count, length, *sequence.kv, *model.executor->kv_layout());
  admit(options_.memory_budget_bytes, memory_use(), model.executor->kv_bytes_to_extend(*sequence.kv, count, length),
        "loading " + std::to_string(count) + " tokens");
  // What is read goes into a fork: until all of it has its checksum, the sequence stays as it is.
  const auto kv = std::make_shared<std::unique_ptr<SequenceKv>>(sequence.kv->fork(sequence.kv->length()));
  (*kv)->extend(count, length);
  reads_.add(
      sequence.model, [reads = images_to_read(images, **kv)](const std::atomic<bool>& stopping) { read_images(reads, stopping); },
      [this, id, kv, length, tokens = std::move(tokens), settle = std::move(settle)](const Error* failure) {
        const std::optional<Error> refused = finish_load(id, tokens, length, std::move(*kv), failure);
        return refused ? settle(*refused) : settle(Done{});
      });
  sequence.loading = true;
  return kNothingYet;
}

std::optional<Error> Engine::finish_load(int id, const std::vector<int32_t>& tokens, int length, std::unique_ptr<SequenceKv> kv, const Error* failure) {
  const auto found = sequences_.find(id);
  Sequence& sequence = found->second;
  std::optional<Error> refused;
  try {
    if (failure != nullptr) throw *failure;
    kv->settle();
    kv->truncate(length);
    sequence.kv = std::move(kv);
    sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
    sequence.tokens.resize(static_cast<size_t>(length));
    sequence.sampled = -1;
  } catch (...) {
    refused.emplace(translate_error(std::current_exception(), "engine.load_kv"));
  }
  sequence.loading = false;
  if (sequence.dropped) sequences_.erase(found);
  return refused;
}

Delivery Engine::checksum_file(int fd, int64_t offset, int64_t bytes, uint64_t seed, Settle<uint64_t> settle) {
  const auto sum = std::make_shared<uint64_t>();
  reads_.add(
      kNoModel, [=](const std::atomic<bool>& stopping) { *sum = semantic::checksum_file(fd, offset, bytes, seed, stopping); },
      [sum, settle = std::move(settle)](const Error* failure) { return failure != nullptr ? settle(*failure) : settle(*sum); });
  return kNothingYet;
}

}  // namespace semantic
