// Sketches texts for near duplicates, as infolens/ingest/near_duplicates.py says.
#include "bytes.h"

namespace {

constexpr int kShingle = 16;
constexpr int kNumbers = 8;
constexpr std::int64_t kLeastShingles = 5;
constexpr std::uint8_t kChoosingBits = 0b101;
constexpr std::uint64_t kFoldCase = 0x2020202020202020;
constexpr std::uint64_t kFirstFactor = 0x9E3779B97F4A7C15, kSecondFactor = 0xC2B2AE3D27D4EB4F;
using Numbers = std::uint32_t __attribute__((ext_vector_type(kNumbers)));
constexpr Numbers kOrders = {1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0x9E3779B1, 0x2C1B3C6D, 0x297A2D39};

std::uint32_t hash_of(const std::uint8_t* at) {
  std::uint64_t words[2];
  std::memcpy(words, at, kShingle);
  std::uint64_t mixed = (words[0] | kFoldCase) * kFirstFactor;
  mixed ^= mixed >> 29;
  mixed += words[1] | kFoldCase;
  mixed *= kSecondFactor;
  return static_cast<std::uint32_t>(mixed >> 32);
}

class Sketch {
 public:
  void take(const std::uint8_t* shingle) {
    least_ = __builtin_elementwise_min(least_, hash_of(shingle) * kOrders);
    ++shingles_;
  }

  std::uint64_t number() const {
    if (shingles_ < kLeastShingles) return 0;
    std::uint64_t number = 0;
    for (int order = kNumbers; order--;) number = number << 8 | (least_[order] & 0xFF);
    return number;
  }

 private:
  Numbers least_ = ~Numbers{};
  std::int64_t shingles_ = 0;
};

bool chosen(const std::uint8_t* at) { return at[-1] == ' ' && !((at[0] ^ at[1]) & kChoosingBits); }

std::uint64_t sketch_of(const std::uint8_t* begin, const std::uint8_t* end) {
  Sketch sketch;
  const std::uint8_t* at = begin + 1;
  for (; end - at >= kShingle + kWidth; at += kWidth) {
    std::uint32_t here =
        mask_of((bytes_at(at - 1) == ' ') & (((bytes_at(at) ^ bytes_at(at + 1)) & kChoosingBits) == 0));
    for (; here; here &= here - 1) sketch.take(at + __builtin_ctz(here));
  }
  for (; end - at >= kShingle; ++at) {
    if (chosen(at)) sketch.take(at);
  }
  return sketch.number();
}

}  // namespace

EXPORTED void infolens_sketches(const std::uint8_t* text, const std::int64_t* offsets, std::int64_t texts,
                                std::uint64_t* sketches) {
  for (std::int64_t at = 0; at < texts; ++at) sketches[at] = sketch_of(text + offsets[at], text + offsets[at + 1]);
}
