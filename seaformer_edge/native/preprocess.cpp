// From an image to the network's input: area averaging where an axis shrinks, bilinear where it
// grows. Both are weighted sums of neighbouring pixels, so one pass does either: an output row is
// first the weighted sum of image rows, which stays in the cache, and then of the columns in it.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings.h"
#include "half.h"
#include "pool.h"
#include "simd.h"

namespace nb = nanobind;
using executorch::aten::Half;

// Compiles a function also for AVX-512 and AVX2; the loader takes the version for the processor.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && __GNUC__ >= 12
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define FOR_EACH_CPU
#endif
// Into each of these versions: a function of its own would have the default one only.
#define INLINE inline __attribute__((always_inline))

namespace {

constexpr int kChannels = 3;

// One axis: which pixels are summed with which weights.
struct Taps {
  Taps(std::int64_t pixels, std::int64_t outputs) : first(outputs) {
    if (pixels > outputs) {
      average(pixels, outputs);
    } else {
      interpolate(pixels, outputs);
    }
  }

  // An output covers pixels p * pixels / outputs to (p + 1) * pixels / outputs. In units of
  // 1 / outputs of a pixel, the borders are integers.
  void average(std::int64_t pixels, std::int64_t outputs) {
    for (std::int64_t p = 0; p < outputs; ++p) {
      const std::int64_t end = ((p + 1) * pixels + outputs - 1) / outputs;
      count = std::max(count, static_cast<int>(end - p * pixels / outputs));
    }
    weights.resize(outputs * count);
    for (std::int64_t p = 0; p < outputs; ++p) {
      const std::int64_t begin = std::min(p * pixels / outputs, pixels - count);
      first[p] = static_cast<int>(begin);
      for (std::int64_t k = 0; k < count; ++k) {
        const std::int64_t covered = std::min((begin + k + 1) * outputs, (p + 1) * pixels) -
                                     std::max((begin + k) * outputs, p * pixels);
        weights[p * count + k] = std::max<std::int64_t>(covered, 0) / static_cast<float>(pixels);
      }
    }
  }

  // Between the centres of two pixels; outside the outermost centres the border pixel.
  void interpolate(std::int64_t pixels, std::int64_t outputs) {
    count = pixels < outputs && pixels > 1 ? 2 : 1;
    weights.assign(outputs * count, 1);
    for (std::int64_t p = 0; p < outputs; ++p) {
      const double scale = static_cast<double>(pixels) / outputs;
      const double at = std::clamp((p + 0.5) * scale - 0.5, 0.0, pixels - 1.0);
      first[p] = static_cast<int>(std::min<std::int64_t>(at, pixels - count));
      if (count == 2) {
        weights[2 * p + 1] = static_cast<float>(at - first[p]);
        weights[2 * p] = 1 - weights[2 * p + 1];
      }
    }
  }

  std::vector<int> first;      // per output, the first of its pixels
  int count = 1;               // of pixels per output
  std::vector<float> weights;  // (outputs, count)
};

// sums[i] = or += the weighted sum of `Rows` bytes, one of each image row.
template <int Rows, bool Add>
INLINE void sum_some_rows(const std::uint8_t* row, std::ptrdiff_t stride, const float* weights,
                          int n, float* __restrict sums) {
  for (int i = 0; i < n; ++i) {
    float sum = Add ? sums[i] : 0;
    for (int k = 0; k < Rows; ++k) sum += weights[k] * row[k * stride + i];
    sums[i] = sum;
  }
}

template <bool Add>
INLINE void sum_up_to_four_rows(const std::uint8_t* row, std::ptrdiff_t stride,
                                const float* weights, int rows, int n, float* sums) {
  switch (rows) {
    case 1: return sum_some_rows<1, Add>(row, stride, weights, n, sums);
    case 2: return sum_some_rows<2, Add>(row, stride, weights, n, sums);
    case 3: return sum_some_rows<3, Add>(row, stride, weights, n, sums);
    default: return sum_some_rows<4, Add>(row, stride, weights, n, sums);
  }
}

// sums[i] = the weighted sum of image rows of n bytes.
FOR_EACH_CPU
void sum_rows(const std::uint8_t* row, std::ptrdiff_t stride, const float* weights, int rows, int n,
              float* sums) {
  while (rows > 1 && weights[rows - 1] == 0) --rows;
  sum_up_to_four_rows<false>(row, stride, weights, rows, n, sums);
  for (int k = 4; k < rows; k += 4) {
    sum_up_to_four_rows<true>(row + k * stride, stride, weights + k, rows - k, n, sums);
  }
}

// So many output rows are made at once, because they share the columns' weights.
constexpr int kRows = 4;

// A pixel and, because four numbers are read at once, the first number of the next one.
INLINE Vec load_pixel(const float* numbers) {
  Vec pixel;
  std::memcpy(&pixel, numbers, sizeof pixel);
  return pixel;
}

// Without `is_last` the fourth number is written too; the next pixel overwrites it.
INLINE void store_pixel(float* numbers, Vec pixel, bool is_last) {
  if (is_last) {
    std::memcpy(numbers, &pixel, kChannels * sizeof(float));
  } else {
    std::memcpy(numbers, &pixel, sizeof pixel);
  }
}

// Output rows Row, from the sums of their image rows, which have one number more than the image.
// Count: of the columns' taps if it is known here, else 0. The rows are a parameter pack and not a
// loop so that GCC keeps their sums in registers.
template <int Count, std::size_t... Row>
INLINE void sum_some_columns(std::index_sequence<Row...>, const float* sums,
                             std::ptrdiff_t sums_stride, const Taps& columns, float* output,
                             std::ptrdiff_t output_stride) {
  const int count = Count ? Count : columns.count;
  const int* first = columns.first.data();
  const float* weights = columns.weights.data();
  const int* const last = first + columns.first.size() - 1;
  for (; first <= last; ++first, weights += count, output += kChannels) {
    Vec sum[sizeof...(Row)] = {};
    for (int k = 0; k < count; ++k) {
      const float* const pixel = sums + (*first + k) * kChannels;
      ((sum[Row] += weights[k] * load_pixel(pixel + Row * sums_stride)), ...);
    }
    (store_pixel(output + Row * output_stride, sum[Row], first == last), ...);
  }
}

template <std::size_t Rows>
INLINE void sum_columns_of(const float* sums, std::ptrdiff_t sums_stride, const Taps& columns,
                           float* output, std::ptrdiff_t output_stride) {
  constexpr std::make_index_sequence<Rows> rows;
  switch (columns.count) {
    case 1: return sum_some_columns<1>(rows, sums, sums_stride, columns, output, output_stride);
    case 2: return sum_some_columns<2>(rows, sums, sums_stride, columns, output, output_stride);
    case 3: return sum_some_columns<3>(rows, sums, sums_stride, columns, output, output_stride);
    case 4: return sum_some_columns<4>(rows, sums, sums_stride, columns, output, output_stride);
    default: return sum_some_columns<0>(rows, sums, sums_stride, columns, output, output_stride);
  }
}

// `rows` output rows, at most kRows, from the sums of their image rows.
FOR_EACH_CPU
void sum_columns(const float* sums, std::ptrdiff_t sums_stride, const Taps& columns, float* output,
                 std::ptrdiff_t output_stride, int rows) {
  if (rows == kRows) {
    return sum_columns_of<kRows>(sums, sums_stride, columns, output, output_stride);
  }
  for (int r = 0; r < rows; ++r) {
    sum_columns_of<1>(sums + r * sums_stride, 0, columns, output + r * output_stride, 0);
  }
}

// Rounds n numbers of 0 to 255 to the nearest half precision number, ties to the even one.
FOR_EACH_CPU
void to_half(const float* numbers, std::size_t n, Half* halves) {
  for (std::size_t i = 0; i < n; ++i) {
    const float number = numbers[i], subnormal = number + 0.5f;  // 2^-24 is the last bit of both
    std::int32_t bits, subnormal_bits;
    std::memcpy(&bits, &number, sizeof bits);
    std::memcpy(&subnormal_bits, &subnormal, sizeof bits);
    const std::int32_t rounded = bits + 0xfff + ((bits >> 13) & 1);
    const std::int32_t half =
        number < 0x1p-14f ? subnormal_bits - 0x3f000000 : (rounded >> 13) - ((127 - 15) << 10);
    halves[i].x = static_cast<std::uint16_t>(half);
  }
}

template <typename T>
using NetworkInput = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Image = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::device::cpu>;

template <typename T>
void preprocess(const Image& image, const NetworkInput<T>& network_input) {
  const bool is_adjacent =
      image.stride(2) == 1 && (image.stride(1) == kChannels || image.shape(1) == 1);
  if (image.size() == 0 || network_input.size() == 0 || image.shape(2) != kChannels ||
      network_input.shape(2) != kChannels || !is_adjacent) {
    throw nb::value_error("both arrays must be (H, W, 3), of adjacent bytes in each image row");
  }
  NativeCallGuard guard;
  nb::gil_scoped_release released;
  guard.enter();
  const std::size_t height = network_input.shape(0), width = network_input.shape(1);
  const Taps rows(image.shape(0), height), columns(image.shape(1), width);
  const std::size_t line = image.shape(1) * kChannels, output_line = width * kChannels;
  for_each_part(height, [&](std::size_t, std::size_t begin, std::size_t end) {
    constexpr bool is_float = std::is_same_v<T, float>;
    const std::size_t stride = line + 1;
    // A vector would set them to zero first.
    const std::unique_ptr<float[]> sums(new float[kRows * stride]);
    const std::unique_ptr<float[]> floats(is_float ? nullptr : new float[kRows * output_line]);
    for (int r = 0; r < kRows; ++r) sums[r * stride + line] = 0;
    for (std::size_t y = begin; y < end; y += kRows) {
      const int count = static_cast<int>(std::min<std::size_t>(kRows, end - y));
      for (int r = 0; r < count; ++r) {
        sum_rows(image.data() + rows.first[y + r] * image.stride(0), image.stride(0),
                 &rows.weights[(y + r) * rows.count], rows.count, static_cast<int>(line),
                 &sums[r * stride]);
      }
      T* const made = network_input.data() + y * output_line;
      if constexpr (is_float) {
        sum_columns(sums.get(), stride, columns, made, output_line, count);
      } else {
        sum_columns(sums.get(), stride, columns, floats.get(), output_line, count);
        to_half(floats.get(), count * output_line, made);
      }
    }
  });
}

}  // namespace

void bind_preprocess(nb::module_& m) {
  using namespace nb::literals;
  constexpr const char* doc =
      "Fills network_input (h, w, 3), float32 or float16, from image (H, W, 3) with rows of any\n"
      "distance: the area mean along an axis that shrinks, bilinear along one that grows.";
  const auto image = "image"_a.noconvert(), network_input = "network_input"_a.noconvert();
  m.def("preprocess", &preprocess<float>, image, network_input, doc);
  m.def("preprocess", &preprocess<Half>, image, network_input, doc);
}
