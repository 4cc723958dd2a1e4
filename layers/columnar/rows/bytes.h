// Bytes, many at a time, and characters of UTF-8.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

constexpr int kWidth = 32;
using Bytes = std::uint8_t __attribute__((ext_vector_type(kWidth)));
using Matches = decltype(Bytes{} == Bytes{});  // 0 or -1 for each byte

inline Bytes bytes_at(const std::uint8_t* at) {
  Bytes bytes;
  std::memcpy(&bytes, at, kWidth);
  return bytes;
}

// Gives a bit for each byte; compilers take each out by itself where the processor has no masks.
inline std::uint32_t mask_of(Matches matches) {
#if defined(__SSE2__)
  __m128i halves[2];
  std::memcpy(halves, &matches, kWidth);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(halves[0])) |
         static_cast<std::uint32_t>(_mm_movemask_epi8(halves[1])) << 16;
#elif defined(__aarch64__)
  constexpr std::uint64_t kPlaces = 0x8040201008040201;
  uint8x8_t quarters[4];
  std::memcpy(quarters, &matches, kWidth);
  std::uint32_t mask = 0;
  for (int at = 0; at < 4; ++at) {
    mask |= static_cast<std::uint32_t>(vaddv_u8(vand_u8(quarters[at], vcreate_u8(kPlaces)))) << (8 * at);
  }
  return mask;
#else
  std::uint32_t mask = 0;
  for (int at = 0; at < kWidth; ++at) mask |= static_cast<std::uint32_t>(matches[at] & 1) << at;
  return mask;
#endif
}

struct Character {
  std::int32_t point;
  int width;  // 0: no character
};

// Decodes what begins with a byte of 0x80 or more; a lone surrogate, and what could be written shorter, too.
inline Character decoded(const std::uint8_t* at, const std::uint8_t* end) {
  const int width = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : *at >= 0xC0 ? 2 : 0;
  if (!width || end - at < width) return {0, 0};
  std::int32_t point = *at & (0x7F >> width);
  for (int offset = 1; offset < width; ++offset) point = point << 6 | (at[offset] & 0x3F);
  return point < 0x110000 ? Character{point, width} : Character{0, 0};
}

#define EXPORTED extern "C" __attribute__((visibility("default")))
