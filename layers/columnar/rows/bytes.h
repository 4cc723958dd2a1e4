// Bytes in vectors of whatever width the processor has, and characters of UTF-8.
#pragma once

#include <cstdint>
#include <cstring>

constexpr int kWidth = 32;
using Bytes = std::uint8_t __attribute__((ext_vector_type(kWidth)));
using Bits = bool __attribute__((ext_vector_type(kWidth)));

inline Bytes bytes_at(const std::uint8_t* at) {
  Bytes bytes;
  std::memcpy(&bytes, at, kWidth);
  return bytes;
}

inline std::uint32_t mask_of(Bits bits) {
  std::uint32_t mask;
  std::memcpy(&mask, &bits, sizeof mask);
  return mask;
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
