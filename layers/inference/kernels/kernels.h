// What a processor can compute for the operators of operators.cc. A table has null where it has nothing better than
// onnxruntime's own kernels: the operator is not registered then, and onnxruntime runs the function by the same name that
// the model brings (infolens/ml/training/fused_operators.py).
#pragma once

#include <cstddef>
#include <cstdint>

// A matrix of int8 weights, shape (depth, width), as the kernels read it: for each 32 columns and each 64 rows two blocks of
// 1 KB, whose row r has 16 columns with 4 weights each, of rows 4 r to 4 r + 3. A block is a tile of AMX, and its row a
// register of VNNI.
struct Weights {
  size_t depth, width;  // multiples of 64 and 32
  const int8_t* blocks;
  const int32_t* sums;  // of each column
};

// uint8 activations, shape (rows, depth), times weights: (x - zero) @ w * scale * scales + bias, as MatMulIntegerToFloat.
struct Product {
  const uint8_t* given;
  size_t rows;
  const Weights* weights;
  float scale;
  int32_t zero;
  const float* scales;
  const float* bias;
  float* floats;       // where the result goes, or null:
  uint8_t* quantised;  // then Gelu of it goes here,
  float per_step;      // with 1 / scale and zero point
  float quantised_zero;
};

// One head of one text. A row of any of the four begins `stride` numbers behind the one before it.
struct Attention {
  const float *queries, *keys, *values;  // the factor of the scores is part of the queries
  uint8_t* result;
  size_t asking, tokens, size, stride;  // size: numbers of a head, a multiple of 16
  float per_step, zero;                 // 1 / scale and zero point of the result
};

struct Kernels {
  // Gelu of `count` numbers, a multiple of 16, in eight bits.
  void (*gelu)(const float* x, uint8_t* y, size_t count, float per_step, float zero);
  // LayerNormalization of a row of a + b, `width` a multiple of 16; `y` gets it in 32 bits, `quantised` in eight.
  void (*norm)(const float* a, const float* b, const float* scale, const float* bias, float* y, uint8_t* quantised,
               size_t width, float epsilon, float per_step, float zero);
  void (*attend)(const Attention&);
  // Columns 32 * first to 32 * last of a product.
  void (*multiply)(const Product&, size_t first, size_t last);
};

extern const Kernels kAvx2, kVnni, kAmx;

// Memory of this thread's own, aligned to 64 bytes, until its next call.
void* scratch(size_t bytes);
