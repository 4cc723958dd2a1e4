// For processors with AMX: tiles of 16 rows of 64 bytes, multiplied in eight bits, and for attention in bfloat16 twice.
#include <immintrin.h>

#include "kernels.h"
#include "products.h"
#include "rows.h"

namespace {

// All eight tiles whole, for as long as it lives. onnxruntime's own kernels set tiles up as they need them and may take
// for granted that nobody else does: they find theirs again.
class Tiles {
 public:
  Tiles() {
    _tile_storeconfig(&before_);
    Config whole;
    for (size_t i = 0; i < 8; i++) {
      whole.bytes[i] = 64;
      whole.rows[i] = 16;
    }
    _tile_loadconfig(&whole);
  }
  ~Tiles() {
    if (before_.palette) {
      _tile_loadconfig(&before_);
    } else {
      _tile_release();
    }
  }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(64) Config {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  };
  Config before_;
};

// Tiles 0 and 1 hold rows, 2 and 3 columns, 4 to 7 sums: 16 rows by 16 columns, by 16 more; 16 rows more by either.
inline void zero_sums() {
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

inline void store_sums(void* to, size_t row_bytes) {
  char* at = static_cast<char*>(to);
  _tile_stored(4, at, row_bytes);
  _tile_stored(5, at + 64, row_bytes);
  _tile_stored(6, at + 16 * row_bytes, row_bytes);
  _tile_stored(7, at + 16 * row_bytes + 64, row_bytes);
}

void sum_block(const uint8_t* given, size_t rows, size_t depth, const int8_t* panel, int32_t* sums, Ahead& ahead) {
  zero_sums();
  for (size_t k = 0; k < depth; k += kDepth, panel += kPanelStep) {
    ahead.step();
    _tile_loadd(2, panel, 64);
    _tile_loadd(3, panel + kPanelStep / 2, 64);
    _tile_loadd(0, given + k, depth);
    _tile_dpbusd(4, 0, 2);
    _tile_dpbusd(5, 0, 3);
    if (rows > 16) {
      _tile_loadd(1, given + 16 * depth + k, depth);
      _tile_dpbusd(6, 1, 2);
      _tile_dpbusd(7, 1, 3);
    }
  }
  store_sums(sums, kColumns * sizeof(int32_t));
}

size_t walks(size_t) { return 1; }

void multiply(const Product& one, size_t first, size_t last) {
  Tiles tiles;
  multiply_columns<sum_block, walks>(one, first, last);
}

// A number as the sum of two in bfloat16, each in the lower half of its lane: the upper half of it, rounded, and what that
// leaves. Products of sums, less the one of two rests, are right to 2^-16: what a token looks at does not depend on
// whether its processor has tiles, but for rounding (oneMKL calls this BF16X3).
struct Split {
  Bits upper, rest;

  explicit Split(Floats x) : upper(rounded_up(x)), rest(rounded_up(x - bits_of<Floats>(upper << 16))) {}

 private:
  static inline Bits rounded_up(Floats x) { return (bits_of<Bits>(x) + 0x8000u) >> 16; }
};

// Two matrices of one shape in bfloat16: of the upper halves, and `apart` numbers behind it of the rests.
struct Halved {
  uint16_t* at;
  size_t apart;

  inline void put(size_t place, Split x) const {
    store(at + place, __builtin_convertvector(x.upper, Halves));
    store(at + apart + place, __builtin_convertvector(x.rest, Halves));
  }
};

constexpr size_t kTile = 512;    // numbers of a tile in bfloat16: 16 rows of 32, or of 16 pairs
constexpr size_t kQueries = 32;  // at a time
constexpr size_t kFarAhead = 8;  // tokens: a row lies in another page than the one before it, where nothing else fetches

// A row, filled up with zeros.
inline void put_row(const float* from, size_t size, size_t padded, const Halved& to, size_t place) {
  for (size_t d = 0; d < padded; d += kLanes) to.put(place + d, Split(d < size ? load<Floats>(from + d) : Floats{}));
}

// Keys as columns: for each 16 tokens and each 32 numbers of the size a tile, whose row has a pair of numbers of each token.
void pack_keys(const Attention& one, size_t tokens, size_t size, const Halved& tiles) {
  uint16_t memory[2 * kTile];
  const Halved row{memory, kTile};
  for (size_t n = 0; n < tokens; n++) {
    for (size_t d = 0; d < one.size; d += kLanes) __builtin_prefetch(one.keys + (n + kFarAhead) * one.stride + d);
    put_row(one.keys + n * one.stride, n < one.tokens ? one.size : 0, size, row, 0);
    for (size_t block = 0; block < size / 32; block++) {
      const size_t place = ((n / 16) * (size / 32) + block) * kTile + (n % 16) * 2;
      for (size_t pair = 0; pair < 16; pair++) {
        memcpy(tiles.at + place + pair * 32, memory + block * 32 + pair * 2, 4);
        memcpy(tiles.at + tiles.apart + place + pair * 32, memory + kTile + block * 32 + pair * 2, 4);
      }
    }
  }
}

// Values: for each 32 tokens and each 16 numbers a tile, whose row has those numbers of two tokens in turn.
void pack_values(const Attention& one, size_t tokens, size_t size, const Halved& tiles) {
  for (size_t n = 0; n < tokens; n += 2) {
    for (size_t block = 0; block < size / kLanes; block++) {
      const float* at = one.values + n * one.stride + block * kLanes;
      __builtin_prefetch(at + kFarAhead * one.stride);
      __builtin_prefetch(at + (kFarAhead + 1) * one.stride);
      const bool inside = block * kLanes < one.size;
      const Split even(inside && n < one.tokens ? load<Floats>(at) : Floats{});
      const Split odd(inside && n + 1 < one.tokens ? load<Floats>(at + one.stride) : Floats{});
      uint16_t* to = tiles.at + ((n / 32) * (size / kLanes) + block) * kTile + (n % 32) * kLanes;
      store(to, even.upper | (odd.upper << 16));
      store(to + tiles.apart, even.rest | (odd.rest << 16));
    }
  }
}

inline void add_products() {
  _tile_dpbf16ps(4, 0, 2);
  _tile_dpbf16ps(5, 0, 3);
  _tile_dpbf16ps(6, 1, 2);
  _tile_dpbf16ps(7, 1, 3);
}

inline void load_rows(const uint16_t* at, size_t depth) {
  _tile_loadd(0, at, depth * sizeof(uint16_t));
  _tile_loadd(1, at + 16 * depth, depth * sizeof(uint16_t));
}

inline void load_columns(const uint16_t* left, const uint16_t* right) {
  _tile_loadd(2, left, 64);
  _tile_loadd(3, right, 64);
}

// result, shape (kQueries, 32), = rows, shape (kQueries, depth), times two columns of tiles, which begin `left` and `right`
// numbers into `columns` and have `next` to the tile below.
inline void multiply_tiles(const Halved& rows, size_t depth, const Halved& columns, size_t left, size_t right, size_t next,
                           float* result, size_t stride) {
  zero_sums();
  for (size_t k = 0; k < depth; k += 32, left += next, right += next) {
    load_rows(rows.at + k, depth);
    load_columns(columns.at + columns.apart + left, columns.at + columns.apart + right);
    add_products();
    load_columns(columns.at + left, columns.at + right);
    add_products();
    load_rows(rows.at + rows.apart + k, depth);
    add_products();
  }
  store_sums(result, stride * sizeof(float));
}

// Shares of one row before they are divided by their sum, which is returned.
inline float put_shares(const float* scores, size_t count, const Halved& to, size_t place) {
  const float most = largest_score(scores, count);
  Floats total{};
  for (size_t n = 0; n < count; n += kLanes) {
    const Floats x = exponential(load<Floats>(scores + n) - most);
    total += x;
    to.put(place + n, Split(x));
  }
  return sum(total);
}

void attend(const Attention& one) {
  const size_t tokens = padded(one.tokens, 32), size = padded(one.size, 32);
  const size_t floats = kQueries * (tokens + size), halves = 4 * tokens * size + 2 * kQueries * (tokens + size);
  float* scores = static_cast<float*>(scratch(floats * sizeof(float) + halves * sizeof(uint16_t)));
  float* result = scores + kQueries * tokens;
  const Halved keys{reinterpret_cast<uint16_t*>(result + kQueries * size), tokens * size};
  const Halved values{keys.at + 2 * tokens * size, tokens * size};
  const Halved shares{values.at + 2 * tokens * size, kQueries * tokens};
  const Halved queries{shares.at + 2 * kQueries * tokens, kQueries * size};
  pack_keys(one, tokens, size, keys);
  pack_values(one, tokens, size, values);
  Tiles tiles;
  for (size_t from = 0; from < one.asking; from += kQueries) {
    // Rows behind the last one may hold anything: no row's result depends on another's.
    const size_t rows = one.asking - from < kQueries ? one.asking - from : kQueries;
    for (size_t r = 0; r < rows; r++) put_row(one.queries + (from + r) * one.stride, one.size, size, queries, r * size);
    for (size_t n = 0; n < tokens; n += 32) {
      const size_t left = n / 16 * (size / 32) * kTile;
      multiply_tiles(queries, size, keys, left, left + size / 32 * kTile, kTile, scores + n, tokens);
    }
    float sums[kQueries];
    for (size_t r = 0; r < rows; r++) {
      float* row = scores + r * tokens;
      for (size_t n = one.tokens; n < tokens; n++) row[n] = -1e30f;
      sums[r] = put_shares(row, tokens, shares, r * tokens);
    }
    for (size_t d = 0; d < size; d += 32) {
      const size_t left = d / kLanes * kTile;
      multiply_tiles(shares, tokens, values, left, left + kTile, size / kLanes * kTile, result + d, size);
    }
    for (size_t r = 0; r < rows; r++) {
      const Quantiser quantise{one.per_step / sums[r], one.zero};
      for (size_t d = 0; d < one.size; d += kLanes) {
        store(one.result + (from + r) * one.stride + d, quantise(load<Floats>(result + r * size + d)));
      }
    }
  }
}

}  // namespace

const Kernels kAmx = {gelu_rows, norm_row, attend, multiply};
