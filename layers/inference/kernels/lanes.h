// Sixteen numbers at a time, in the compiler's own vector types: one AVX-512 register, or two of AVX2.
//
// Everything here is in an unnamed namespace: each file that includes it is compiled for another processor, and code of
// one must never be linked into another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

constexpr size_t kLanes = 16;

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t Bits __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(32)));
typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef int8_t SignedBytes __attribute__((vector_size(16)));

template <class Vector>
inline Vector load(const void* from) {
  Vector values;
  memcpy(&values, from, sizeof values);
  return values;
}

template <class Vector>
inline void store(void* to, Vector values) {
  memcpy(to, &values, sizeof values);
}

template <class To, class From>
inline To bits_of(From values) {
  static_assert(sizeof(To) == sizeof(From), "the same bits, read otherwise");
  To result;
  memcpy(&result, &values, sizeof result);
  return result;
}

inline Floats all(float value) { return Floats{} + value; }
inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

// To the nearest whole number, halves to even, for less than 2^22: beyond 1.5 * 2^23 a float has no fraction left.
inline Floats rounded(Floats x) {
  constexpr float kNoFraction = 12582912.0f;
  return (x + kNoFraction) - kNoFraction;
}

inline float sum(Floats x) {
  float total = 0;
  for (size_t i = 0; i < kLanes; i++) total += x[i];
  return total;
}

inline float largest(Floats x) {
  float most = x[0];
  for (size_t i = 1; i < kLanes; i++) most = x[i] > most ? x[i] : most;
  return most;
}

// How ONNX's QuantizeLinear makes uint8 of floats, with 1 / scale in place of a division.
struct Quantiser {
  float per_step, zero;

  inline Bytes operator()(Floats x) const {
    // What is out of range is so before it is rounded, too; and a number that is not one becomes 0.
    Floats steps = rounded(smaller(larger(x * per_step, all(-512.0f)), all(512.0f))) + zero;
    Floats kept = smaller(larger(steps, all(0.0f)), all(255.0f));
    return __builtin_convertvector(__builtin_convertvector(kept, Ints), Bytes);
  }
};

// x * Phi(x). Phi is 0.5 * (1 + erf(x / sqrt(2))), here an odd polynomial of degree 19 up to |x| = 4.5, beyond which it
// stays as it is: the result is right to 2e-5 within and below, and to 1e-5 of x above. Coefficients: least squares,
// reweighted towards the smallest greatest difference, in u = 2 * (x / 4.5)^2 - 1.
inline Floats gelu(Floats x) {
  constexpr float kEnd = 4.5f;
  Floats inner = smaller(larger(x, all(-kEnd)), all(kEnd));
  Floats u = inner * inner * (2.0f / (kEnd * kEnd)) - 1.0f;
  Floats p = all(-0.0038590726908296347f);
  p = p * u + 0.009924610145390034f;
  p = p * u - 0.01214446872472763f;
  p = p * u + 0.01930784061551094f;
  p = p * u - 0.03696518763899803f;
  p = p * u + 0.0577145554125309f;
  p = p * u - 0.08047463744878769f;
  p = p * u + 0.10927510261535645f;
  p = p * u - 0.1543717235326767f;
  p = p * u + 0.3138120770454407f;
  Floats y = 0.5f * x * (1.0f + inner * p);
  return x > all(-kEnd) ? y : all(0.0f);
}

// e^x for x <= 0, to 3e-6 of it; what would be less than 2^-126 becomes that.
inline Floats exponential(Floats x) {
  Floats powers = larger(x * 1.44269504f, all(-126.0f));
  Floats whole = rounded(powers), rest = powers - whole;
  Floats p = all(0.009560510516166687f);
  p = p * rest + 0.05591703951358795f;
  p = p * rest + 0.24024981260299683f;
  p = p * rest + 0.6931219696998596f;
  p = p * rest + 0.9999991655349731f;
  return bits_of<Floats>(bits_of<Ints>(p) + (__builtin_convertvector(whole, Ints) << 23));
}

// The largest of `count` scores, a multiple of 32.
inline float largest_score(const float* scores, size_t count) {
  Floats even = load<Floats>(scores), odd = load<Floats>(scores + kLanes);
  for (size_t n = 2 * kLanes; n < count; n += 2 * kLanes) {
    even = larger(even, load<Floats>(scores + n));
    odd = larger(odd, load<Floats>(scores + n + kLanes));
  }
  return largest(larger(even, odd));
}

inline size_t padded(size_t count, size_t to) { return (count + to - 1) / to * to; }

}  // namespace
