// Blends class colours over an image, one run at a time: a run is neighbouring pixels of one class,
// so the weight and the colour are constant.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bindings.h"
#include "pool.h"

namespace nb = nanobind;

namespace {

// Bytes blended in one step: a multiple of both the pixel size and the vector size.
constexpr int kBlock = 48;

// opacity * colour * 256 + 128 (128 rounds to nearest), the RGB values repeated over a block.
struct Tint {
  std::uint16_t value[kBlock];
};

// picture[i] = image[i] * weight / 65536 + tint[i] / 256, for `bytes` bytes of whole pixels.
void blend_run(const std::uint8_t* image, std::uint16_t weight, const Tint& tint,
               std::uint8_t* picture, std::ptrdiff_t bytes) {
  const auto blend_byte = [&](std::uint8_t byte, std::uint16_t tinted) {
    const std::uint32_t weighted = static_cast<std::uint32_t>(byte << 8) * weight >> 16;
    return static_cast<std::uint8_t>(static_cast<std::uint16_t>(weighted + tinted) >> 8);
  };
  for (; bytes >= kBlock; bytes -= kBlock, image += kBlock, picture += kBlock) {
    std::uint8_t block[kBlock];  // a local array, so that the compiler can rule out overlap
    for (int i = 0; i < kBlock; ++i) block[i] = blend_byte(image[i], tint.value[i]);
    std::memcpy(picture, block, kBlock);
  }
  for (int i = 0; i < bytes; ++i) picture[i] = blend_byte(image[i], tint.value[i]);
}

// The first address after `at` with another label than *at, or `end`. Compares eight at a time.
const std::uint8_t* run_end(const std::uint8_t* at, const std::uint8_t* end) {
  const std::uint8_t label = *at;
  std::uint64_t eight, here;
  std::memset(&eight, label, sizeof eight);
  for (; end - at >= 8; at += 8) {
    std::memcpy(&here, at, sizeof here);
    if (here != eight) break;
  }
  while (at < end && *at == label) ++at;
  return at;
}

template <typename T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

void blend(const Array<const std::uint8_t, 3>& image, const Array<const std::uint8_t, 2>& label_map,
           const Array<const std::uint8_t, 2>& colours, const Array<const bool, 1>& shown,
           double opacity, const Array<std::uint8_t, 3>& picture) {
  const std::size_t height = label_map.shape(0), width = label_map.shape(1);
  const std::size_t classes = shown.shape(0);
  const auto fits = [&](const auto& pixels) {
    return pixels.shape(0) == height && pixels.shape(1) == width && pixels.shape(2) == 3;
  };
  if (!fits(image) || !fits(picture) || colours.shape(0) != classes || colours.shape(1) != 3 ||
      !(opacity > 0 && opacity <= 1)) {
    throw nb::value_error("the arrays' shapes do not match, or opacity is not in (0, 1]");
  }
  NativeCallGuard guard;
  nb::gil_scoped_release released;
  guard.enter();
  const auto weight = static_cast<std::uint16_t>(
      std::min<long>(std::lround((1 - opacity) * 65536), 65535));
  std::vector<Tint> tints(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    for (int i = 0; i < kBlock; ++i) {
      const double tinted = opacity * colours.data()[c * 3 + i % 3] * 256;
      tints[c].value[i] = static_cast<std::uint16_t>(std::lround(tinted) + 128);
    }
  }
  for_each_part(height, [&](std::size_t, std::size_t first_row, std::size_t end_row) {
    const std::uint8_t* const labels = label_map.data();
    const std::uint8_t* const last = labels + end_row * width;
    for (const std::uint8_t *at = labels + first_row * width, *end; at < last; at = end) {
      end = run_end(at, last);
      const std::ptrdiff_t begin = (at - labels) * 3, bytes = (end - at) * 3;
      if (*at < classes && shown.data()[*at]) {
        blend_run(image.data() + begin, weight, tints[*at], picture.data() + begin, bytes);
      } else {
        std::memcpy(picture.data() + begin, image.data() + begin, bytes);
      }
    }
  });
}

}  // namespace

void bind_overlay(nb::module_& m) {
  using namespace nb::literals;
  m.def("blend", &blend, "image"_a.noconvert(), "label_map"_a.noconvert(), "colours"_a.noconvert(),
        "shown"_a.noconvert(), "opacity"_a, "picture"_a.noconvert(),
        "Fills picture (H, W, 3) from image (H, W, 3), label_map (H, W) and colours (N, 3). Copies\n"
        "pixels whose class is not in shown (N,), or is N or more. 0 < opacity <= 1.");
}
