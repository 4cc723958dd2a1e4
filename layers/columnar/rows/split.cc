// Finds what CSV is made of, as infolens/ingest/regular_rows.py asks for it, and bytes that are no UTF-8.
#include "bytes.h"

namespace {

// Gives the width of the character that begins here with a byte of 0x80 or more; 0 for none (Unicode 16, table 3-7).
int width_of(const std::uint8_t* at, const std::uint8_t* end) {
  const std::uint8_t lead = *at;
  const int width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || end - at < width) return 0;
  for (int offset = 1; offset < width; ++offset) {
    if ((at[offset] & 0xC0) != 0x80) return 0;
  }
  const std::uint8_t second = at[1];
  const bool wrong = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                     (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return wrong ? 0 : width;
}

}  // namespace

// Gives the place of the first byte from `at` on, where a character begins, that is no UTF-8; `size` when there is none.
EXPORTED std::int64_t infolens_bad_place(const std::uint8_t* data, std::int64_t at, std::int64_t size) {
  while (at < size) {
    if (size - at >= kWidth && !mask_of(bytes_at(data + at) >= 0x80)) {
      at += kWidth;
      continue;
    }
    const std::int64_t until = size - at < kWidth ? size : at + kWidth;
    while (at < until) {
      const int width = data[at] < 0x80 ? 1 : width_of(data + at, data + size);
      if (!width) return at;
      at += width;
    }
  }
  return size;
}

struct Marks {
  std::int64_t* delimiters;  // those outside quotes
  std::int64_t* ends;        // line feeds outside quotes
  std::int64_t* last_lines;  // the physical line that each of these ends, counted from 0
  std::int64_t* doubled;     // the second of each two quotes that stand for one
  std::int64_t room;         // of the first three
  std::int64_t doubled_room;
  // Set when it is through:
  std::int64_t delimiter_count;
  std::int64_t end_count;
  std::int64_t doubled_count;
  std::int64_t feed_count;   // line feeds, inside quotes too
  std::int64_t regular;      // where it stopped: at a quote that is not regular, or at the end
};

// Finds all marks up to the first quote that neither opens a field, closes one nor is doubled within one. Gives 0 when
// there are more than there is room for, or when a line before the last line feed ends with a mere `\r`.
EXPORTED std::int32_t infolens_marks(const std::uint8_t* data, std::int64_t size, std::uint8_t delimiter,
                                     Marks* marks) {
  bool inside = false;
  std::int64_t closing = -2, lone_back = size, last_feed = -1;
  std::int64_t delimiters = 0, ends = 0, doubled = 0, feeds = 0;
  marks->regular = size;
  for (std::int64_t begin = 0; begin < size; begin += kWidth) {
    Bytes some{};
    if (size - begin >= kWidth) {
      some = bytes_at(data + begin);
    } else {
      std::memcpy(&some, data + begin, size - begin);  // zeros behind the end are no marks
    }
    std::uint32_t here = mask_of((some == '"') | (some == '\n') | (some == '\r') | (some == delimiter));
    for (; here; here &= here - 1) {
      const std::int64_t at = begin + __builtin_ctz(here);
      const std::uint8_t byte = data[at];
      if (byte == '"') {
        const std::uint8_t next = at + 1 < size ? data[at + 1] : '\n', before = at ? data[at - 1] : '\n';
        const bool again = !inside && closing == at - 1;
        const bool fits = inside ? next == delimiter || next == '\n' || next == '\r' || next == '"'
                                 : again || before == delimiter || before == '\n';
        if (!fits) {
          marks->regular = at;
          goto through;
        }
        if (again) {
          if (doubled == marks->doubled_room) return 0;
          marks->doubled[doubled++] = at;
        }
        if (inside) closing = at;
        inside = !inside;
      } else if (byte == '\n') {
        if (!inside) {
          if (ends == marks->room) return 0;
          marks->last_lines[ends] = feeds;
          marks->ends[ends++] = at;
        }
        last_feed = at;
        ++feeds;
      } else if (byte == '\r') {
        if (lone_back == size && (at + 1 == size || data[at + 1] != '\n')) lone_back = at;
      } else if (!inside) {
        if (delimiters == marks->room) return 0;
        marks->delimiters[delimiters++] = at;
      }
    }
  }
through:
  marks->delimiter_count = delimiters;
  marks->end_count = ends;
  marks->doubled_count = doubled;
  marks->feed_count = feeds;
  return lone_back > last_feed;
}
