// Labels at the frame's own size: argmax(bilinear(logits)) without computing bilinear(logits).
//
// Between four neighbouring logit positions, a cell, every logit is bilinear, which makes three
// things cheap and exact:
//   1. The weights are convex, so a class that is the maximum at all four corners is the maximum
//      everywhere inside, and a class that stays below another at all four corners is so
//      everywhere inside. Most cells have one class; the others have a few that can win.
//   2. Along one row of pixels of a cell every logit is a line, so the labels are the upper
//      envelope of a few lines: runs of pixels, each ended by the nearest crossing.
//   3. The sum of an interpolated probability over a run is closed-form in the sums of the
//      weights, so the mean confidence costs four exponentials per class and cell.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "bindings.h"
#include "pool.h"

namespace nb = nanobind;

namespace {

constexpr int kLanes = 4;
constexpr int kMaxClasses = 256;  // labels are bytes
constexpr float kLowest = std::numeric_limits<float>::lowest();

// Vector extensions of GCC and Clang: SSE2 or NEON, whatever the target's baseline has.
using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using IntVec = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

Vec splat(float x) { return Vec{x, x, x, x}; }

Vec minimum(Vec a, Vec b) { return a < b ? a : b; }

bool any(IntVec v) { return (v[0] | v[1] | v[2] | v[3]) != 0; }

// Up to four classes from `c`, those past `n` as the lowest float.
Vec load(const float* z, int c, int n) {
  Vec v = splat(kLowest);
  if (c + kLanes <= n) {
    std::memcpy(&v, z + c, sizeof v);
  } else {
    for (int i = c; i < n; ++i) v[i - c] = z[i];
  }
  return v;
}

// e^x for x <= 0, relative error below 6e-6: 2^n by the exponent, 2^f by its Taylor series.
Vec exp_nonpositive(Vec x) {
  const Vec lowest = splat(-126.0f);
  Vec y = x * 1.44269504f;
  y = y > lowest ? y : lowest;
  const IntVec n = __builtin_convertvector(y - 0.5f, IntVec);  // nearest: y is not positive
  const Vec f = y - __builtin_convertvector(n, Vec);
  Vec p = f * 1.33335581e-3f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.0f;
  return (Vec)((IntVec)p + (n << 23));
}

// The first maximum of a row of values that is offered in order, a Vec at a time.
struct FirstMaximum {
  Vec best = splat(kLowest);
  IntVec index = {0, 1, 2, 3};
  IntVec where = index;

  void offer(Vec v) {
    const IntVec better = v > best;
    best = better ? v : best;
    where = better ? index : where;
    index += kLanes;
  }

  int lane() const {
    int top = 0;
    for (int i = 1; i < kLanes; ++i) {
      if (best[i] > best[top] || (best[i] == best[top] && where[i] < where[top])) top = i;
    }
    return top;
  }
};

// The maximum at one logit position. The probability of class c there is
// exp(logit[c] - value) * scale.
struct Peak {
  float value;
  float scale;
  int label;
};

// Softmax and first maximum of n logits; false if one is NaN or infinite.
bool find_peak(const float* z, int n, Peak& peak) {
  FirstMaximum maximum;
  IntVec not_finite = {};
  for (int c = 0; c < n; c += kLanes) {
    const Vec v = load(z, c, n);
    maximum.offer(v);
    not_finite |= (IntVec)(v - v);  // all bits 0 only for a finite v
  }
  const int lane = maximum.lane();
  const float top = maximum.best[lane];
  Vec sum = {};
  for (int c = 0; c < n; c += kLanes) sum += exp_nonpositive(load(z, c, n) - top);
  peak = {top, 1.0f / (sum[0] + sum[1] + sum[2] + sum[3]), maximum.where[lane]};
  return !any(not_finite);
}

// The pixels of one axis that lie between logit positions `cell` and `cell` + 1.
struct Span {
  int cell;
  int begin;
  int end;
};

// How `pixels` output pixels fall on `positions` logit positions (align_corners false). Pixels
// outside the outermost positions take the nearest one: weight 0 or 1.
struct Axis {
  Axis(int positions, int pixels) : step(positions > 1 ? 1 : 0), weight(pixels), sum(pixels + 1) {
    const double scale = static_cast<double>(positions) / pixels;
    for (int p = 0; p < pixels; ++p) {
      const double at = std::clamp((p + 0.5) * scale - 0.5, 0.0, positions - 1.0);
      const int cell = std::min(static_cast<int>(at), std::max(positions - 2, 0));
      weight[p] = static_cast<float>(at - cell);
      sum[p + 1] = sum[p] + weight[p];
      if (spans.empty() || spans.back().cell != cell) spans.push_back({cell, p, p});
      spans.back().end = p + 1;
    }
  }

  int step;                   // from a cell's first position to its second
  std::vector<float> weight;  // of the cell's second position, per pixel
  std::vector<double> sum;    // sum[p] = weight[0] + ... + weight[p - 1]
  std::vector<Span> spans;    // the cells that hold a pixel, in order
};

// Sums over pixels of 1, the weight along x, along y, and their product.
struct Moments {
  double count = 0, x = 0, y = 0, xy = 0;

  void add_run(double pixels, double sum_x, double weight_y) {
    count += pixels;
    x += sum_x;
    y += pixels * weight_y;
    xy += sum_x * weight_y;
  }
};

// What all parts of a frame read, and the labels, of which each writes its own rows.
struct Field {
  Field(const float* logits, int height, int width, int channels, int classes,
        std::uint8_t* labels, int out_height, int out_width)
      : logits(logits), width(width), channels(channels), classes(classes),
        rows(height, out_height), columns(width, out_width), peaks(height * width),
        labels(labels), out_width(out_width) {}

  // False if a logit is NaN or infinite.
  bool find_peaks() {
    std::atomic<bool> finite{true};
    in_parts(peaks.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!find_peak(logits + i * channels, classes, peaks[i])) finite = false;
      }
    });
    return finite;
  }

  const float* logits;
  int width, channels, classes;
  Axis rows, columns;
  std::vector<Peak> peaks;
  std::uint8_t* labels;
  int out_width;
};

// Of one class: its pixels, and the sum of its probability over them.
struct Total {
  double pixels = 0, probability = 0;
};

// Labels rows of cells and adds up their classes, in one thread.
class Labeller {
 public:
  Labeller(const Field& field, Total* totals) : field_(field), totals_(totals) {}

  void label_cells(const Span& rows) {
    int begin = 0, label = -1;  // the run of cells of one class that is not painted yet
    for (const Span& columns : field_.columns.spans) {
      Corners corners;
      bool uniform = true;
      for (int i = 0; i < 4; ++i) {
        const int y = rows.cell + (i / 2) * field_.rows.step;
        const int x = columns.cell + (i % 2) * field_.columns.step;
        corners.position[i] = static_cast<std::size_t>(y) * field_.width + x;
        corners.logits[i] = field_.logits + corners.position[i] * field_.channels;
        uniform &= winner(corners, i) == winner(corners, 0);
      }
      const int next = uniform ? winner(corners, 0) : -1;
      if (next != label) {
        if (label >= 0) paint(rows, begin, columns.begin, label);
        begin = columns.begin;
        label = next;
      }
      if (uniform) {
        credit(corners, label, moments_of(rows, columns));
      } else {
        find_contenders(corners);
        label_mixed(corners, rows, columns);
      }
    }
    if (label >= 0) paint(rows, begin, field_.out_width, label);
  }

 private:
  // A cell: its four corners in the order (y, x) = 00, 01, 10, 11.
  struct Corners {
    std::size_t position[4];
    const float* logits[4];
  };

  int winner(const Corners& corners, int i) const {
    return field_.peaks[corners.position[i]].label;
  }

  Moments moments_of(const Span& rows, const Span& columns) const {
    const double x = field_.columns.sum[columns.end] - field_.columns.sum[columns.begin];
    const double y = field_.rows.sum[rows.end] - field_.rows.sum[rows.begin];
    const double height = rows.end - rows.begin, width = columns.end - columns.begin;
    return {height * width, height * x, width * y, x * y};
  }

  void paint(const Span& rows, int begin, int end, int label) {
    for (int y = rows.begin; y < rows.end; ++y) paint_row(y, begin, end, label);
  }

  void paint_row(int y, int begin, int end, int label) {
    auto* row = field_.labels + static_cast<std::size_t>(y) * field_.out_width;
    std::memset(row + begin, label, end - begin);
  }

  // The classes that no corner's winner stays above at all four corners, in ascending order.
  void find_contenders(const Corners& corners) {
    contenders_ = 0;
    Vec highest[4][4];  // [whose winner][at which corner]
    for (int k = 0; k < 4; ++k) {
      const int label = winner(corners, k);
      for (int i = 0; i < 4; ++i) highest[k][i] = splat(corners.logits[i][label]);
    }
    for (int c = 0; c < field_.classes; c += kLanes) {
      Vec v[4];
      for (int i = 0; i < 4; ++i) v[i] = load(corners.logits[i], c, field_.classes);
      IntVec below = {};
      for (int k = 0; k < 4; ++k) {
        below |= (v[0] < highest[k][0]) & (v[1] < highest[k][1]) & (v[2] < highest[k][2]) &
                 (v[3] < highest[k][3]);
      }
      if (!any(~below)) continue;
      for (int lane = 0; lane < std::min(kLanes, field_.classes - c); ++lane) {
        if (below[lane]) continue;
        contender_[contenders_] = c + lane;
        const int s = contenders_++;
        // Whole vectors are worked on below: lanes without a contender hold lines that lie low.
        for (int i = 0; i < 4; ++i) {
          if (s % kLanes == 0) corner_[i][s / kLanes] = splat(kLowest);
          corner_[i][s / kLanes][s % kLanes] = v[i][lane];
        }
      }
    }
  }

  void label_mixed(const Corners& corners, const Span& rows, const Span& columns) {
    std::fill_n(moments_, contenders_, Moments());
    for (int y = rows.begin; y < rows.end; ++y) {
      const float weight = field_.rows.weight[y];
      for (int s = 0; s * kLanes < contenders_; ++s) {
        left_[s] = corner_[0][s] + weight * (corner_[2][s] - corner_[0][s]);
        slope_[s] = corner_[1][s] + weight * (corner_[3][s] - corner_[1][s]) - left_[s];
      }
      for (int begin = columns.begin, end; begin < columns.end; begin = end) {
        const int top = highest_at(field_.columns.weight[begin]);
        const float crossing = next_crossing(top);
        end = begin + 1;
        while (end < columns.end && field_.columns.weight[end] < crossing) ++end;
        paint_row(y, begin, end, contender_[top]);
        const double sum_x = field_.columns.sum[end] - field_.columns.sum[begin];
        moments_[top].add_run(end - begin, sum_x, weight);
      }
    }
    for (int s = 0; s < contenders_; ++s) {
      if (moments_[s].count > 0) credit(corners, contender_[s], moments_[s]);
    }
  }

  int highest_at(float x) const {
    FirstMaximum maximum;
    for (int s = 0; s * kLanes < contenders_; ++s) maximum.offer(left_[s] + x * slope_[s]);
    return maximum.where[maximum.lane()];
  }

  // Where, going right, the first steeper line meets the line `top`.
  float next_crossing(int top) const {
    const float left = left_[top / kLanes][top % kLanes];
    const float slope = slope_[top / kLanes][top % kLanes];
    const Vec never = splat(std::numeric_limits<float>::infinity());
    Vec nearest = never;
    for (int s = 0; s * kLanes < contenders_; ++s) {
      const Vec steeper = slope_[s] - slope;
      nearest = minimum(nearest, steeper > 0.0f ? (left - left_[s]) / steeper : never);
    }
    return std::min(std::min(nearest[0], nearest[1]), std::min(nearest[2], nearest[3]));
  }

  // Adds the pixels behind `moments` to the totals of a class.
  void credit(const Corners& corners, int label, const Moments& m) {
    Vec above, scale;
    for (int i = 0; i < 4; ++i) {
      const Peak& peak = field_.peaks[corners.position[i]];
      above[i] = corners.logits[i][label] - peak.value;
      scale[i] = peak.scale;
    }
    const Vec probability = exp_nonpositive(above) * scale;
    totals_[label].pixels += m.count;
    totals_[label].probability += probability[0] * (m.count - m.x - m.y + m.xy) +
                                  probability[1] * (m.x - m.xy) + probability[2] * (m.y - m.xy) +
                                  probability[3] * m.xy;
  }

  const Field& field_;
  Total* totals_;  // of every class

  // The mixed cell at hand: its contenders, their logits at the corners, and the lines
  // left + x * slope of the row at hand.
  int contenders_ = 0;
  int contender_[kMaxClasses];
  Vec corner_[4][kMaxClasses / kLanes];
  Vec left_[kMaxClasses / kLanes];
  Vec slope_[kMaxClasses / kLanes];
  Moments moments_[kMaxClasses];
};

template <typename T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

bool upsample_argmax(const Array<const float, 3>& logits, const Array<std::uint8_t, 2>& label_map,
                 const Array<std::int64_t, 1>& counts, const Array<float, 1>& confidence) {
  const auto classes = counts.shape(0);
  if (classes < 1 || classes > kMaxClasses || classes > logits.shape(2) ||
      confidence.shape(0) != classes || logits.size() == 0 || label_map.size() == 0) {
    throw nb::value_error("shapes do not fit together");
  }
  NativeCallGuard inside;
  nb::gil_scoped_release released;
  inside.enter();
  Field field(logits.data(), static_cast<int>(logits.shape(0)), static_cast<int>(logits.shape(1)),
              static_cast<int>(logits.shape(2)), static_cast<int>(classes), label_map.data(),
              static_cast<int>(label_map.shape(0)), static_cast<int>(label_map.shape(1)));
  if (!field.find_peaks()) return false;
  std::vector<Total> totals(kParts * classes);  // part by part
  const auto& rows = field.rows.spans;
  in_parts(rows.size(), [&](std::size_t part, std::size_t begin, std::size_t end) {
    Labeller labeller(field, &totals[part * classes]);
    for (std::size_t i = begin; i < end; ++i) labeller.label_cells(rows[i]);
  });
  for (std::size_t c = 0; c < classes; ++c) {
    Total total;
    for (std::size_t part = 0; part < kParts; ++part) {
      total.pixels += totals[part * classes + c].pixels;
      total.probability += totals[part * classes + c].probability;
    }
    counts.data()[c] = std::llround(total.pixels);
    const double mean = total.probability / std::max(total.pixels, 1.0);
    confidence.data()[c] = static_cast<float>(std::min(mean, 1.0));
  }
  return true;
}

}  // namespace

void bind_labels(nb::module_& m) {
  using namespace nb::literals;
  m.def("upsample_argmax", &upsample_argmax, "logits"_a.noconvert(), "label_map"_a.noconvert(),
        "counts"_a.noconvert(), "confidence"_a.noconvert(),
        "Fills label_map (H, W), counts (num_classes,) and confidence (num_classes,) from logits\n"
        "(h, w, C). False if a logit is NaN or infinite.");
}
