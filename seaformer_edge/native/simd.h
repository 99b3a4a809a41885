// Four-lane vectors and the functions on them that the label code uses.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

constexpr int kLanes = 4;
constexpr float kLowest = std::numeric_limits<float>::lowest();

// Vector extensions of GCC and Clang: they compile to SSE2 or NEON, which every target has.
using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using IntVec = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

inline Vec splat(float x) { return Vec{x, x, x, x}; }

inline Vec minimum(Vec a, Vec b) { return a < b ? a : b; }

inline bool any(IntVec v) { return (v[0] | v[1] | v[2] | v[3]) != 0; }

// values[first] to values[first + 3]; lanes at or beyond index n hold the lowest float.
inline Vec load(const float* values, int first, int n) {
  Vec v = splat(kLowest);
  if (first + kLanes <= n) {
    std::memcpy(&v, values + first, sizeof v);
  } else {
    for (int i = first; i < n; ++i) v[i - first] = values[i];
  }
  return v;
}

// e^x for x <= 0 with a relative error below 6e-6. With x * log2(e) = n + f, n an integer: 2^n is
// written into the exponent bits, 2^f is a Taylor polynomial.
inline Vec exp_nonpositive(Vec x) {
  const Vec lowest = splat(-126.0f);
  Vec y = x * 1.44269504f;
  y = y > lowest ? y : lowest;
  const IntVec n = __builtin_convertvector(y - 0.5f, IntVec);  // rounds to nearest because y <= 0
  const Vec f = y - __builtin_convertvector(n, Vec);
  Vec p = f * 1.33335581e-3f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.0f;
  return (Vec)((IntVec)p + (n << 23));
}

// Argmax over a sequence that is passed in order, one Vec at a time; the first maximum wins a tie.
struct FirstMaximum {
  Vec best = splat(kLowest);
  IntVec index = {0, 1, 2, 3};
  IntVec where = index;

  void update(Vec v) {
    const IntVec better = v > best;
    best = better ? v : best;
    where = better ? index : where;
    index += kLanes;
  }

  // The lane that holds the maximum.
  int lane() const {
    int top = 0;
    for (int i = 1; i < kLanes; ++i) {
      if (best[i] > best[top] || (best[i] == best[top] && where[i] < where[top])) top = i;
    }
    return top;
  }
};
