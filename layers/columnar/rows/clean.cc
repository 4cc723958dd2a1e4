// Cleans the rows of a block and makes their keys, byte for byte as infolens/rows/text_cleaning.py does (ADR 0026).
//
// What a character is, and what it adds to a key, say tables that infolens/rows/text_arrays.py fills from the same
// functions as that module, character by character as they are first met. Nothing here knows Unicode beyond UTF-8.
#include "bytes.h"

struct Characters {
  const std::uint8_t* kinds;   // of all code points; those below 0x80 have been seen
  const std::uint32_t* keys;   // up to four bytes, the first one lowest, then zeros
};

struct Column {
  const std::uint8_t* data;
  const std::uint8_t* apart;   // where cells lie whose begin is negative: it is ~begin
  const std::int64_t* begins;
  const std::int64_t* ends;    // as the begins, negative or not
  std::int32_t doubled;        // whether two quotes that are neighbours stand for one, in `data`
};

struct Cleaned {
  std::uint8_t* texts;         // with room for all cells, two bytes more a row, and kWidth
  std::int64_t* text_ends;
  std::uint8_t* keys;          // with twice that room; null: none are made
  std::int64_t* key_ends;
  std::uint8_t* odd;           // set for rows that are left empty
};

namespace {

// As in text_arrays.py.
enum Kind : std::uint8_t { kUnseen, kPlain, kEnding, kBlank, kGone, kOdd };

constexpr int kStep = 8;

class Writer {
 public:
  Writer(const Characters& characters, std::uint8_t* out) : characters_(characters), out(out) {}

  // Writes a cell; false when it is odd, or when `unseen` is one of its characters.
  bool clean(const Column& column, std::int64_t row, std::int64_t longest) {
    const std::int64_t begin = column.begins[row], end = column.ends[row];
    const bool apart = begin < 0;
    const std::uint8_t* at = apart ? column.apart + ~begin : column.data + begin;
    const std::uint8_t* const stop = apart ? column.apart + ~end : column.data + end;
    const bool doubled = column.doubled && !apart;
    std::uint8_t* const first = out;
    if (stop - at > longest) return false;
    bool spaced = true;  // nothing was written, or a space last
    while (at < stop) {
      if (stop - at >= kWidth) {
        const Bytes some = bytes_at(at);
        std::memcpy(out, &some, kWidth);
        const std::uint32_t spaces = mask_of(some == ' ');
        std::uint32_t other = (spaces & (spaces << 1 | spaced)) | mask_of(some - ' ' > '~' - ' ');
        if (doubled) other |= mask_of(some == '"');
        const int plain = other ? __builtin_ctz(other) : kWidth;
        if (plain) spaced = spaces >> (plain - 1) & 1;
        at += plain;
        out += plain;
        if (!other) continue;
      }
      do {  // where one character beyond ASCII is, there are mostly more
        if (!one(at, stop, doubled, spaced)) return false;
      } while (at < stop && *at >= 0x80);
    }
    if (out > first && spaced) --out;
    return true;
  }

  // Says whether the text that ends here ends with a mark that closes a title.
  bool ended(const std::uint8_t* first) const {
    const std::uint8_t* last = out - 1;
    while (last > first && (*last & 0xC0) == 0x80) --last;
    return characters_.kinds[*last < 0x80 ? *last : decoded(last, out).point] == kEnding;
  }

 private:
  bool one(const std::uint8_t*& at, const std::uint8_t* stop, bool doubled, bool& spaced) {
    const Character found = *at < 0x80 ? Character{*at, 1} : decoded(at, stop);
    const std::uint8_t kind = found.width ? characters_.kinds[found.point] : kOdd;
    switch (kind) {
      case kPlain:
      case kEnding:
        for (int offset = 0; offset < found.width; ++offset) *out++ = at[offset];
        spaced = false;
        at += doubled && *at == '"' && at + 1 < stop && at[1] == '"';
        break;
      case kBlank:
        if (!spaced) *out++ = ' ';
        spaced = true;
        break;
      case kGone:
        break;
      case kUnseen:
        unseen = found.point;
        return false;
      default:
        return false;
    }
    at += found.width;
    return true;
  }

  const Characters& characters_;

 public:
  std::uint8_t* out;
  std::int32_t unseen = -1;
};

// Writes the key of a clean text -> its end.
std::uint8_t* keyed(const std::uint8_t* at, const std::uint8_t* end, const std::uint32_t* keys, std::uint8_t* out) {
  while (at < end) {
    if (end - at >= kStep) {
      std::uint64_t some;
      std::memcpy(&some, at, kStep);
      if (!(some & 0x8080808080808080)) {
        for (int offset = 0; offset < kStep; ++offset) {
          const std::uint32_t key = keys[at[offset]];
          *out = static_cast<std::uint8_t>(key);
          out += (key + 0xFF) >> 8;  // no branch, which nobody could foresee
        }
        at += kStep;
        continue;
      }
    }
    const Character found = *at < 0x80 ? Character{*at, 1} : decoded(at, end);
    for (std::uint32_t key = keys[found.point]; key; key >>= 8) *out++ = static_cast<std::uint8_t>(key);
    at += found.width;
  }
  return out;
}

bool has_characters(const std::uint8_t* at, const std::uint8_t* end, std::int64_t least) {
  if (end - at >= 4 * least) return true;
  for (; at < end; ++at) least -= (*at & 0xC0) != 0x80;
  return least <= 0;
}

}  // namespace

// Cleans rows from `first` on, each of one column or of a title and a text, until one has a character that was not seen
// before; gives its row and `unseen`, or `rows` and -1. Rows that are longer than `longest` bytes in a cell, whose key
// has fewer than `least` characters, or that hold an odd character, are marked.
EXPORTED std::int64_t infolens_clean_rows(
    const Characters* characters, const Column* columns, std::int32_t count, std::int64_t first, std::int64_t rows,
    std::int64_t longest, std::int64_t least, const Cleaned* cleaned, std::int32_t* unseen) {
  Writer writer(*characters, cleaned->texts + (first ? cleaned->text_ends[first - 1] : 0));
  std::uint8_t* key = cleaned->keys ? cleaned->keys + (first ? cleaned->key_ends[first - 1] : 0) : nullptr;
  *unseen = -1;
  for (std::int64_t row = first; row < rows; ++row) {
    std::uint8_t* const begin = writer.out;
    bool usual = writer.clean(columns[0], row, longest);
    if (usual && count == 2) {
      std::uint8_t* const title_end = writer.out;
      if (title_end > begin) {
        if (!writer.ended(begin)) *writer.out++ = '.';
        *writer.out++ = ' ';
      }
      std::uint8_t* const text = writer.out;
      usual = writer.clean(columns[1], row, longest);
      if (writer.out == text) writer.out = title_end;
    }
    if (writer.unseen >= 0) {
      *unseen = writer.unseen;
      return row;
    }
    std::uint8_t* key_end = key;
    if (usual && key) {
      key_end = keyed(begin, writer.out, characters->keys, key);
      usual = has_characters(key, key_end, least);
    }
    cleaned->odd[row] = !usual;
    if (!usual) {
      writer.out = begin;
      key_end = key;
    }
    cleaned->text_ends[row] = writer.out - cleaned->texts;
    if (key) cleaned->key_ends[row] = key_end - cleaned->keys;
    key = key_end;
  }
  return rows;
}

// Counts the characters of texts that lie behind each other, each from one offset to the next.
EXPORTED void infolens_text_lengths(const std::uint8_t* text, const std::int64_t* offsets, std::int64_t texts,
                                    std::int64_t* lengths) {
  for (std::int64_t row = 0; row < texts; ++row) {
    std::int64_t at = offsets[row], length = 0;
    const std::int64_t end = offsets[row + 1];
    for (; end - at >= kWidth; at += kWidth) {
      length += __builtin_popcount(mask_of((bytes_at(text + at) & 0xC0) != 0x80));
    }
    for (; at < end; ++at) length += (text[at] & 0xC0) != 0x80;
    lengths[row] = length;
  }
}
