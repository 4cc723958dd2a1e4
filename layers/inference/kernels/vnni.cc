// For processors with AVX512-VNNI: products of eight bits four at a time.
#include <immintrin.h>

#include "kernels.h"
#include "products.h"
#include "rows.h"

namespace {

// Sums for Rows rows, which stay in registers.
template <size_t Rows>
inline void sum_rows(const uint8_t* given, size_t depth, const int8_t* panel, int32_t* sums, Ahead& ahead) {
  __m512i held[Rows][2];
  for (size_t r = 0; r < Rows; r++) held[r][0] = held[r][1] = _mm512_setzero_si512();
  for (size_t k = 0; k < depth; k += kDepth, panel += kPanelStep) {
    ahead.step();
    for (size_t four = 0; four < kDepth / 4; four++) {
      const __m512i left = _mm512_load_si512(panel + four * 64);
      const __m512i right = _mm512_load_si512(panel + kPanelStep / 2 + four * 64);
      for (size_t r = 0; r < Rows; r++) {
        const __m512i x = _mm512_set1_epi32(load<int32_t>(given + r * depth + k + four * 4));
        held[r][0] = _mm512_dpbusd_epi32(held[r][0], x, left);
        held[r][1] = _mm512_dpbusd_epi32(held[r][1], x, right);
      }
    }
  }
  for (size_t r = 0; r < Rows; r++) {
    _mm512_store_si512(sums + r * kColumns, held[r][0]);
    _mm512_store_si512(sums + r * kColumns + kLanes, held[r][1]);
  }
}

constexpr size_t kRows = 12;  // 24 of 32 registers

void sum_block(const uint8_t* given, size_t rows, size_t depth, const int8_t* panel, int32_t* sums, Ahead& ahead) {
  for (size_t r = 0; r < rows;) {
    const uint8_t* from = given + r * depth;
    int32_t* to = sums + r * kColumns;
    if (r + kRows <= rows) {
      sum_rows<kRows>(from, depth, panel, to, ahead);
      r += kRows;
    } else if (r + 8 <= rows) {
      sum_rows<8>(from, depth, panel, to, ahead);
      r += 8;
    } else if (r + 4 <= rows) {
      sum_rows<4>(from, depth, panel, to, ahead);
      r += 4;
    } else {
      sum_rows<1>(from, depth, panel, to, ahead);
      r += 1;
    }
  }
}

// At least: a few rows more are a walk more, with nothing left to fetch.
size_t walks(size_t rows) { return (rows + kRows - 1) / kRows; }

}  // namespace

const Kernels kVnni = {gelu_rows, norm_row, nullptr, multiply_columns<sum_block, walks>};
