// Gelu and normalisation: what any processor does the same way, only in wider registers.
#pragma once

#include "lanes.h"

namespace {

void gelu_rows(const float* x, uint8_t* y, size_t count, float per_step, float zero) {
  const Quantiser quantise{per_step, zero};
  for (size_t i = 0; i < count; i += kLanes) store(y + i, quantise(gelu(load<Floats>(x + i))));
}

void norm_row(const float* a, const float* b, const float* scale, const float* bias, float* y, uint8_t* quantised,
              size_t width, float epsilon, float per_step, float zero) {
  const Quantiser quantise{per_step, zero};
  Floats total{};
  for (size_t i = 0; i < width; i += kLanes) {
    Floats x = load<Floats>(a + i) + load<Floats>(b + i);
    store(y + i, x);
    total += x;
  }
  const float mean = sum(total) / width;
  Floats squares{};
  for (size_t i = 0; i < width; i += kLanes) {
    Floats x = load<Floats>(y + i) - mean;
    squares += x * x;
  }
  const float factor = 1.0f / __builtin_sqrtf(sum(squares) / width + epsilon);
  for (size_t i = 0; i < width; i += kLanes) {
    Floats x = (load<Floats>(y + i) - mean) * factor * load<Floats>(scale + i) + load<Floats>(bias + i);
    store(y + i, x);
    store(quantised + i, quantise(x));
  }
}

}  // namespace
