// Finds texts whose sketches are alike, as infolens/ingest/near_duplicates.py says.
#include <cstdlib>

#include "bytes.h"

namespace {

constexpr int kBands = 4;
constexpr int kBytes = 8;
constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr std::int64_t kFarBits = 40, kFar = (std::int64_t{1} << kFarBits) - 1;
// Rows are taken in pieces by bits of one of their bands, so that what is remembered stays in the processor's cache.
constexpr std::int64_t kRowsAtOnce = 1 << 15;
constexpr std::uint32_t kMostPieces = 1 << 12;

int equal_bytes(std::uint64_t one, std::uint64_t other) {
  std::uint64_t differing = one ^ other;
  differing |= differing >> 4;
  differing |= differing >> 2;
  differing |= differing >> 1;
  return kBytes - __builtin_popcountll(differing & 0x0101010101010101);
}

std::uint32_t band(std::uint64_t sketch, int number) { return sketch >> (16 * number) & 0xFFFF; }

struct Slot {
  std::uint32_t key;
  std::uint32_t first;  // the first row with this key; kNone where there is none
  std::uint32_t last;   // the last of them so far
};

// Remembers rows by their keys; it grows with the keys, not with the rows.
class Table {
 public:
  ~Table() { std::free(slots_); }

  bool clear() {
    keys_ = 0;
    if (!slots_) return make(2 * kRowsAtOnce);
    for (std::uint32_t at = 0; at < size_; ++at) slots_[at].first = kNone;
    return true;
  }

  // Gives the slot of a key; null when there is no memory.
  Slot* of(std::uint32_t key) {
    Slot* slot = sought(key);
    if (slot->first != kNone) return slot;
    if (2 * ++keys_ > size_) {
      if (!grow()) return nullptr;
      slot = sought(key);
    }
    slot->key = key;
    return slot;
  }

 private:
  Slot* sought(std::uint32_t key) const {
    std::uint32_t at = key * 0x9E3779B1u >> 7;
    while (slots_[at & (size_ - 1)].first != kNone && slots_[at & (size_ - 1)].key != key) ++at;
    return slots_ + (at & (size_ - 1));
  }

  bool make(std::uint32_t size) {
    slots_ = static_cast<Slot*>(std::malloc(size * sizeof(Slot)));
    size_ = size;
    for (std::uint32_t at = 0; slots_ && at < size; ++at) slots_[at].first = kNone;
    return slots_;
  }

  bool grow() {
    Slot* const before = slots_;
    const std::uint32_t count = size_;
    const bool made = make(2 * count);
    for (std::uint32_t at = 0; made && at < count; ++at) {
      if (before[at].first != kNone) *sought(before[at].key) = before[at];
    }
    std::free(before);
    return made;
  }

  Slot* slots_ = nullptr;
  std::uint32_t size_ = 0, keys_ = 0;
};

// Lays out the rows that have a sketch by the lowest bits of a band, in their order; gives where each piece ends.
void lay_out(const std::uint64_t* sketches, std::uint32_t rows, int number, std::uint32_t pieces, std::uint32_t* laid,
             std::uint32_t* ends) {
  std::memset(ends, 0, pieces * sizeof *ends);
  for (std::uint32_t row = 0; row < rows; ++row) ends[band(sketches[row], number) & (pieces - 1)] += sketches[row] != 0;
  std::uint32_t before = 0;
  for (std::uint32_t piece = 0; piece < pieces; ++piece) {
    const std::uint32_t count = ends[piece];
    ends[piece] = before;
    before += count;
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (sketches[row]) laid[ends[band(sketches[row], number) & (pieces - 1)]++] = row;
  }
}

// Compares rows of one piece, ascending, that agree in two bands; gives false when there is no memory.
class Comparison {
 public:
  const std::uint64_t* sketches;
  std::uint32_t since;
  std::int32_t least;
  std::int64_t* best;

  bool take(const std::uint32_t* row, const std::uint32_t* end, int one, int other) {
    if (!table_.clear()) return false;
    for (; row < end; ++row) {
      Slot* const slot = table_.of(band(sketches[*row], one) << 16 | band(sketches[*row], other));
      if (!slot) return false;
      if (slot->first == kNone) {
        slot->first = *row;
      } else if (*row >= since) {
        compare(*row, slot->first);
        compare(*row, slot->last);
      }
      slot->last = *row;
    }
    return true;
  }

 private:
  void compare(std::uint32_t row, std::uint32_t other) {
    const int equal = equal_bytes(sketches[row], sketches[other]);
    const std::int64_t found = (std::int64_t{equal} << kFarBits) + (kFar - other);
    if (equal >= least && found > best[row]) best[row] = found;
  }

  Table table_;
};

bool compare_all(Comparison& comparison, std::uint32_t rows, std::uint32_t pieces, std::uint32_t* laid) {
  std::uint32_t* const ends = laid + rows;
  for (int other = 1; other < kBands; ++other) {
    lay_out(comparison.sketches, rows, other, pieces, laid, ends);
    for (int one = 0; one < other; ++one) {
      for (std::uint32_t piece = 0; piece < pieces; ++piece) {
        const std::uint32_t begin = piece ? ends[piece - 1] : 0;
        if (!comparison.take(laid + begin, laid + ends[piece], one, other)) return false;
      }
    }
  }
  return true;
}

}  // namespace

// Compares each row from `since` on with the first row, and with the last before it, that agrees with it in two of the
// four bands; `best` becomes, where at least `least` bytes are equal, their number in bits 40 and up and below that how
// far the other row is from 2^40 - 1: the most alike, and among those the first. Gives 0 when there is no memory.
EXPORTED std::int32_t infolens_near_rows(const std::uint64_t* sketches, std::uint32_t rows, std::uint32_t since,
                                         std::int32_t least, std::int64_t* best) {
  std::uint32_t pieces = 1;
  while (pieces < kMostPieces && pieces * kRowsAtOnce < rows) pieces *= 2;
  auto* const laid = static_cast<std::uint32_t*>(std::malloc((rows + pieces) * sizeof(std::uint32_t)));
  if (!laid) return 0;
  Comparison comparison{};
  comparison.sketches = sketches;
  comparison.since = since;
  comparison.least = least;
  comparison.best = best;
  const bool enough = compare_all(comparison, rows, pieces, laid);
  std::free(laid);
  return enough;
}
