// The part of an int8 product that AVX512-VNNI and AMX share: which weights meet which rows, and what becomes of the sums.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace {

constexpr size_t kColumns = 32;   // that a panel of weights has
constexpr size_t kDepth = 64;     // rows of weights in a block
constexpr size_t kAtOnce = 32;    // rows of activations for which sums are kept
constexpr size_t kPanelStep = kColumns * kDepth;  // bytes of a panel for each kDepth rows

// Fetches the next panel of weights while the one before it is used: at a few rows a product waits for memory alone.
class Ahead {
 public:
  Ahead(const int8_t* panel, size_t bytes, size_t steps) : at_(panel), end_(panel + bytes), each_((bytes / 64 + steps - 1) / steps * 64) {}

  inline void step() {
    for (size_t done = 0; done < each_ && at_ < end_; done += 64, at_ += 64) __builtin_prefetch(at_, 0, 2);
  }

 private:
  const int8_t* at_;
  const int8_t* end_;
  size_t each_;
};

// Sums of products: `sums`, shape (kAtOnce, kColumns), gets those of `rows` rows; others may get anything.
// It walks over the panel `Walks(rows)` times, and calls `step` for each kDepth of the depth.
typedef void (*SumBlock)(const uint8_t* given, size_t rows, size_t depth, const int8_t* panel, int32_t* sums, Ahead&);

template <SumBlock Sum, size_t (*Walks)(size_t rows)>
inline void multiply_columns(const Product& one, size_t first, size_t last) {
  const size_t depth = one.weights->depth, width = one.weights->width;
  const size_t bytes = depth * kColumns;
  const Quantiser quantise{one.per_step, one.quantised_zero};
  // A block reads kAtOnce rows: those of the last one may lie behind the end.
  const size_t rest = one.rows % kAtOnce;
  uint8_t* tail = nullptr;
  if (rest) {
    tail = static_cast<uint8_t*>(scratch(kAtOnce * depth));
    memcpy(tail, one.given + (one.rows - rest) * depth, rest * depth);
  }
  const size_t steps = (one.rows / kAtOnce * Walks(kAtOnce) + (rest ? Walks(rest) : 0)) * depth / kDepth;
  alignas(64) int32_t sums[kAtOnce * kColumns];
  for (size_t panel = first; panel < last; panel++) {
    const int8_t* weights = one.weights->blocks + panel * bytes;
    const size_t column = panel * kColumns;
    Floats scales[2], bias[2];
    Ints zeros[2];
    for (size_t half = 0; half < 2; half++) {
      const size_t at = column + half * kLanes;
      scales[half] = load<Floats>(one.scales + at) * one.scale;
      bias[half] = load<Floats>(one.bias + at);
      zeros[half] = load<Ints>(one.weights->sums + at) * one.zero;
    }
    Ahead ahead(weights + bytes, panel + 1 < last ? bytes : 0, steps);
    for (size_t row = 0; row < one.rows; row += kAtOnce) {
      const size_t rows = one.rows - row < kAtOnce ? one.rows - row : kAtOnce;
      Sum(rows < kAtOnce ? tail : one.given + row * depth, rows, depth, weights, sums, ahead);
      for (size_t r = 0; r < rows; r++) {
        for (size_t half = 0; half < 2; half++) {
          Ints whole = load<Ints>(sums + r * kColumns + half * kLanes) - zeros[half];
          Floats x = __builtin_convertvector(whole, Floats) * scales[half] + bias[half];
          const size_t at = (row + r) * width + column + half * kLanes;
          if (one.floats) {
            store(one.floats + at, x);
          } else {
            store(one.quantised + at, quantise(gelu(x)));
          }
        }
      }
    }
  }
}

}  // namespace
