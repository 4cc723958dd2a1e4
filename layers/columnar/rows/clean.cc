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
    const std::uint8_t quote = doubled ? '"' : '\0';
    std::uint8_t* const first = out;
    if (stop - at > longest) return false;
    bool spaced = true;  // nothing was written, or a space last
    while (at < stop) {
      if (stop - at >= kWidth) {
        const Bytes some = bytes_at(at);
        std::memcpy(out, &some, kWidth);
        const std::uint32_t spaces = mask_of(some == ' ');
        const std::uint32_t other =
            (spaces & (spaces << 1 | spaced)) | mask_of((some - ' ' > '~' - ' ') | (some == quote));
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

// For each choice among eight bytes, the places of the chosen ones.
struct Choices {
  std::uint8_t places[256][kStep] = {};
  constexpr Choices() {
    for (int chosen = 0; chosen < 256; ++chosen) {
      int count = 0;
      for (int place = 0; place < kStep; ++place) {
        if (chosen >> place & 1) places[chosen][count++] = static_cast<std::uint8_t>(place);
      }
    }
  }
};
constexpr Choices kChoices;

// Writes those of eight bytes that are chosen, behind each other, and then any others.
void write_chosen(const std::uint8_t* bytes, std::uint32_t chosen, std::uint8_t* out) {
  const std::uint8_t* const places = kChoices.places[chosen];
#if defined(__SSSE3__)
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out),
                   _mm_shuffle_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)),
                                    _mm_loadl_epi64(reinterpret_cast<const __m128i*>(places))));
#elif defined(__aarch64__)
  vst1_u8(out, vtbl1_u8(vld1_u8(bytes), vld1_u8(places)));
#else
  for (int place = 0; place < kStep; ++place) out[place] = bytes[places[place]];
#endif
}

class KeyWriter {
 public:
  explicit KeyWriter(const std::uint32_t* keys) : keys_(keys), digits_(keys['0'] ? 10 : 0), usual_(true) {
    for (std::uint32_t byte = 0; byte < 0x80; ++byte) {
      const bool letter = (byte | 0x20) - 'a' < 26, digit = byte - '0' < digits_;
      usual_ &= keys[byte] == (letter || digit ? byte | 0x20 : 0);
    }
  }

  // Writes the key of a clean text -> its end.
  std::uint8_t* write(const std::uint8_t* at, const std::uint8_t* end, std::uint8_t* out) const {
    while (at < end) {
      if (usual_ && end - at >= kWidth) {
        const Bytes some = bytes_at(at);
        if (!mask_of(some >= 0x80)) {
          out = ascii(some, out);
          at += kWidth;
          continue;
        }
      }
      const std::uint8_t* const until = end - at < kWidth ? end : at + kWidth;
      while (at < until) {
        if (*at < 0x80) {
          const std::uint32_t key = keys_[*at++];
          *out = static_cast<std::uint8_t>(key);
          out += (key + 0xFF) >> 8;  // no branch, which nobody could foresee
          continue;
        }
        const Character found = decoded(at, end);
        for (std::uint32_t key = keys_[found.point]; key; key >>= 8) *out++ = static_cast<std::uint8_t>(key);
        at += found.width;
      }
    }
    return out;
  }

 private:
  // Writes what letters, and digits if they count, become, of bytes that are all ASCII.
  std::uint8_t* ascii(Bytes some, std::uint8_t* out) const {
    const Bytes folded = some | 0x20;
    const std::uint32_t chosen = mask_of((folded - 'a' < 26) | (some - '0' < digits_));
    std::uint8_t bytes[kWidth];
    std::memcpy(bytes, &folded, kWidth);
    for (int at = 0; at < kWidth; at += kStep) {
      write_chosen(bytes + at, chosen >> at & 0xFF, out);
      out += __builtin_popcount(chosen >> at & 0xFF);
    }
    return out;
  }

  const std::uint32_t* keys_;
  std::uint8_t digits_;  // 10, or 0 when they do not count
  bool usual_;  // whether what ASCII becomes is what `ascii` makes of it
};

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
  const KeyWriter key_writer(characters->keys);
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
      key_end = key_writer.write(begin, writer.out, key);
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
