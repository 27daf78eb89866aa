#include "store/xxh64.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace semantic {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                   kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;

template <class Word>
uint64_t read(const unsigned char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

uint64_t round(uint64_t lane, uint64_t word) { return std::rotl(lane + word * kPrime2, 31) * kPrime1; }

// Whole stripes of 32 bytes, one word to each lane.
void consume(uint64_t (&lanes)[4], const unsigned char* from, size_t stripes) {
  uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
  for (; stripes > 0; --stripes, from += 32) {
    a = round(a, read<uint64_t>(from));
    b = round(b, read<uint64_t>(from + 8));
    c = round(c, read<uint64_t>(from + 16));
    d = round(d, read<uint64_t>(from + 24));
  }
  lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

}  // namespace

Xxh64::Xxh64(uint64_t seed) : seed_(seed), lanes_{seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1} {}

void Xxh64::update(const void* data, size_t bytes) {
  const auto* from = static_cast<const unsigned char*>(data);
  const size_t held = length_ % 32;
  length_ += bytes;
  if (held > 0) {
    const size_t taken = std::min(bytes, 32 - held);
    std::memcpy(tail_ + held, from, taken);
    if (held + taken < 32) return;
    consume(lanes_, tail_, 1);
    from += taken;
    bytes -= taken;
  }
  consume(lanes_, from, bytes / 32);
  if (bytes % 32 > 0) std::memcpy(tail_, from + bytes / 32 * 32, bytes % 32);
}

uint64_t Xxh64::digest() const {
  uint64_t hash = seed_ + kPrime5;
  if (length_ >= 32) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (const uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  }
  hash += length_;
  const unsigned char *at = tail_, *end = tail_ + length_ % 32;
  for (; end - at >= 8; at += 8) hash = std::rotl(hash ^ round(0, read<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = std::rotl(hash ^ (read<uint32_t>(at) * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) hash = std::rotl(hash ^ (*at * kPrime5), 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace semantic
