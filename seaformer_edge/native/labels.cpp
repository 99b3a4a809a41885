// Label map at the frame's size: argmax(bilinear(logits)), computed without bilinear(logits).
//
// A cell is the area between four neighbouring logit positions. Inside it every class' logit is a
// bilinear function, which has three consequences:
//   1. Bilinear weights are convex. So a class with the highest logit at all four corners wins the
//      whole cell, and a class below one other class at all four corners wins no pixel of it.
//      Most cells have one class; the others have a few candidates.
//   2. Along one row of pixels in a cell every logit is a linear function of x. The labels are the
//      upper envelope of the candidates' lines: runs of pixels that end at the nearest crossing.
//   3. The interpolated probability summed over a run depends only on the sums of the weights
//      (Moments). So the mean confidence costs four exponentials for each class in each cell.
//      It is linear along a row too: where it is below the confidence floor is one end of a run.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "bilinear.h"
#include "bindings.h"
#include "pool.h"
#include "simd.h"

namespace nb = nanobind;

namespace {

constexpr int kMaxClasses = 256;  // a label is one byte
constexpr int kNoClass = 255;     // of a pixel below the confidence floor

// The highest logit at one position. The softmax probability of class c there is
// exp(logit[c] - value) * scale.
struct Peak {
  float value;
  float scale;
  int label;
};

// Finds the peak of n logits; returns false if one of them is NaN or infinite.
bool find_peak(const float* logits, int n, Peak& peak) {
  FirstMaximum maximum;
  IntVec not_finite = {};
  for (int c = 0; c < n; c += kLanes) {
    const Vec v = load(logits, c, n);
    maximum.update(v);
    not_finite |= (IntVec)(v - v);  // all bits are 0 only if v is finite
  }
  const int lane = maximum.lane();
  const float top = maximum.best[lane];
  Vec sum = {};
  for (int c = 0; c < n; c += kLanes) sum += exp_nonpositive(load(logits, c, n) - top);
  peak = {top, 1.0f / (sum[0] + sum[1] + sum[2] + sum[3]), maximum.where[lane]};
  return !any(not_finite);
}

// One call's input and output, shared by all threads. Each thread writes its own rows of labels.
struct Task {
  Task(const float* logits, int height, int width, int channels, int classes, float floor,
       std::uint8_t* labels, int out_height, int out_width)
      : logits(logits), width(width), channels(channels), classes(classes), floor(floor),
        rows(height, out_height), columns(width, out_width), peaks(height * width),
        labels(labels), out_width(out_width) {}

  // Returns false if a logit is NaN or infinite.
  bool find_peaks() {
    std::atomic<bool> finite{true};
    for_each_part(peaks.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        if (!find_peak(logits + i * channels, classes, peaks[i])) finite = false;
      }
    });
    return finite;
  }

  const float* logits;  // (height, width, channels), of which the first `classes` channels count
  int width, channels, classes;
  float floor;  // a pixel whose class has a lower probability is labelled kNoClass
  Axis rows, columns;
  std::vector<Peak> peaks;  // (height, width)
  std::uint8_t* labels;     // (out_height, out_width)
  int out_width;
};

// Of one class: its number of pixels, and the sum of its probability over them.
struct ClassTotal {
  double pixels = 0, probability = 0;
};

// Labels rows of cells and adds up the totals of each class. One object per thread.
class CellLabeller {
 public:
  CellLabeller(const Task& task, ClassTotal* totals) : task_(task), totals_(totals) {}

  void label_row_of_cells(const Span& rows) {
    // Neighbouring cells of one class are filled together: this is the run not filled yet.
    int begin = 0, label = -1;
    for (const Span& columns : task_.columns.spans) {
      Corners corners;
      bool uniform = true;
      for (int i = 0; i < 4; ++i) {
        const int y = rows.cell + (i / 2) * task_.rows.step;
        const int x = columns.cell + (i % 2) * task_.columns.step;
        corners.position[i] = static_cast<std::size_t>(y) * task_.width + x;
        corners.logits[i] = task_.logits + corners.position[i] * task_.channels;
        uniform &= winner(corners, i) == winner(corners, 0);
      }
      const int top = winner(corners, 0);
      bool known = uniform, whole = uniform;  // the cell has one label only
      Vec probability = {};
      if (uniform) {
        probability = probability_of(corners, top);
        const IntVec below = probability < task_.floor;
        known = !any(below);
        whole = known || !any(~below);
      }
      const int next = !whole ? -1 : known ? top : kNoClass;
      if (next != label) {
        if (label >= 0) fill(rows, begin, columns.begin, label);
        begin = columns.begin;
        label = next;
      }
      if (!whole) {
        find_candidates(corners);
        label_mixed_cell(corners, rows, columns);
      } else if (known) {
        add_to_total(top, probability,
                     Moments::of_cell(task_.rows, rows, task_.columns, columns));
      }
    }
    if (label >= 0) fill(rows, begin, task_.out_width, label);
  }

 private:
  // The corners of a cell, in the order (y, x) = 00, 01, 10, 11.
  struct Corners {
    std::size_t position[4];
    const float* logits[4];
  };

  int winner(const Corners& corners, int i) const { return task_.peaks[corners.position[i]].label; }

  void fill(const Span& rows, int begin, int end, int label) {
    for (int y = rows.begin; y < rows.end; ++y) fill_row(y, begin, end, label);
  }

  void fill_row(int y, int begin, int end, int label) {
    auto* row = task_.labels + static_cast<std::size_t>(y) * task_.out_width;
    std::memset(row + begin, label, end - begin);
  }

  // Collects, in ascending order, the classes that can win a pixel: all but those that are below
  // one corner's winner at all four corners.
  void find_candidates(const Corners& corners) {
    candidates_ = 0;
    Vec winner_logit[4][4];  // [corner whose winner it is][corner where the logit is taken]
    for (int k = 0; k < 4; ++k) {
      const int label = winner(corners, k);
      for (int i = 0; i < 4; ++i) winner_logit[k][i] = splat(corners.logits[i][label]);
    }
    for (int c = 0; c < task_.classes; c += kLanes) {
      Vec v[4];
      for (int i = 0; i < 4; ++i) v[i] = load(corners.logits[i], c, task_.classes);
      IntVec below = {};
      for (int k = 0; k < 4; ++k) {
        below |= (v[0] < winner_logit[k][0]) & (v[1] < winner_logit[k][1]) &
                 (v[2] < winner_logit[k][2]) & (v[3] < winner_logit[k][3]);
      }
      if (!any(~below)) continue;
      for (int lane = 0; lane < std::min(kLanes, task_.classes - c); ++lane) {
        if (below[lane]) continue;
        candidate_[candidates_] = c + lane;
        const int s = candidates_++;
        for (int i = 0; i < 4; ++i) {
          // Unused lanes of the last vector hold the lowest float, so they never win.
          if (s % kLanes == 0) corner_[i][s / kLanes] = splat(kLowest);
          corner_[i][s / kLanes][s % kLanes] = v[i][lane];
        }
      }
    }
  }

  void label_mixed_cell(const Corners& corners, const Span& rows, const Span& columns) {
    std::fill_n(moments_, candidates_, Moments());
    std::fill_n(won_, candidates_, Won::kNothing);
    for (int y = rows.begin; y < rows.end; ++y) {
      const float weight = task_.rows.weight[y];
      for (int s = 0; s * kLanes < candidates_; ++s) {
        left_[s] = corner_[0][s] + weight * (corner_[2][s] - corner_[0][s]);
        slope_[s] = corner_[1][s] + weight * (corner_[3][s] - corner_[1][s]) - left_[s];
      }
      for (int begin = columns.begin, end; begin < columns.end; begin = end) {
        const int top = highest_at(task_.columns.weight[begin]);
        const float crossing = next_crossing(top);
        end = begin + 1;
        while (end < columns.end && task_.columns.weight[end] < crossing) ++end;
        if (won_[top] == Won::kNothing) {
          probability_[top] = probability_of(corners, candidate_[top]);
          won_[top] = any(probability_[top] < task_.floor) ? Won::kUnsure : Won::kSure;
        }
        int known_begin = begin, known_end = end;
        if (won_[top] == Won::kUnsure) {
          narrow_to_known(known_begin, known_end, weight, probability_[top]);
          fill_row(y, begin, known_begin, kNoClass);
          fill_row(y, known_end, end, kNoClass);
        }
        fill_row(y, known_begin, known_end, candidate_[top]);
        const double sum_x = task_.columns.sum[known_end] - task_.columns.sum[known_begin];
        moments_[top].add_run(known_end - known_begin, sum_x, weight);
      }
    }
    for (int s = 0; s < candidates_; ++s) {
      if (moments_[s].count > 0) add_to_total(candidate_[s], probability_[s], moments_[s]);
    }
  }

  // Leaves of a run, in a row with this weight, the pixels that are not below the floor.
  void narrow_to_known(int& begin, int& end, float weight, Vec probability) const {
    const float left = probability[0] + weight * (probability[2] - probability[0]);
    const float right = probability[1] + weight * (probability[3] - probability[1]);
    const auto below = [&](int x) {
      return left + task_.columns.weight[x] * (right - left) < task_.floor;
    };
    while (begin < end && below(begin)) ++begin;
    while (begin < end && below(end - 1)) --end;
  }

  // The candidate whose line is highest at x.
  int highest_at(float x) const {
    FirstMaximum maximum;
    for (int s = 0; s * kLanes < candidates_; ++s) maximum.update(left_[s] + x * slope_[s]);
    return maximum.where[maximum.lane()];
  }

  // The smallest x at which a steeper line crosses the line of candidate `top`; infinity if none.
  float next_crossing(int top) const {
    const float left = left_[top / kLanes][top % kLanes];
    const float slope = slope_[top / kLanes][top % kLanes];
    const Vec never = splat(std::numeric_limits<float>::infinity());
    Vec nearest = never;
    for (int s = 0; s * kLanes < candidates_; ++s) {
      const Vec steeper = slope_[s] - slope;
      nearest = minimum(nearest, steeper > 0.0f ? (left - left_[s]) / steeper : never);
    }
    return std::min(std::min(nearest[0], nearest[1]), std::min(nearest[2], nearest[3]));
  }

  // The softmax probability of a class at the corners.
  Vec probability_of(const Corners& corners, int label) const {
    Vec logit, scale;  // the logit is relative to the corner's peak
    for (int i = 0; i < 4; ++i) {
      const Peak& peak = task_.peaks[corners.position[i]];
      logit[i] = corners.logits[i][label] - peak.value;
      scale[i] = peak.scale;
    }
    return exp_nonpositive(logit) * scale;
  }

  // Adds pixels of a cell that have this label, given by their moments, to the label's total.
  void add_to_total(int label, Vec probability, const Moments& m) {
    totals_[label].pixels += m.count;
    totals_[label].probability += probability[0] * (m.count - m.x - m.y + m.xy) +
                                  probability[1] * (m.x - m.xy) + probability[2] * (m.y - m.xy) +
                                  probability[3] * m.xy;
  }

  const Task& task_;
  ClassTotal* totals_;  // one for each class

  // The current mixed cell: its candidates and their logits at the corners.
  int candidates_ = 0;
  int candidate_[kMaxClasses];
  Vec corner_[4][kMaxClasses / kLanes];
  // The current row of pixels: each candidate's logit is left + x * slope.
  Vec left_[kMaxClasses / kLanes];
  Vec slope_[kMaxClasses / kLanes];
  Moments moments_[kMaxClasses];  // of the pixels that each candidate has won in this cell
  enum class Won : std::uint8_t { kNothing, kSure, kUnsure };  // with pixels below the floor
  Won won_[kMaxClasses];          // what each candidate has won in this cell
  Vec probability_[kMaxClasses];  // of those that have won something, at the corners
};

template <typename T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

bool upsample_argmax(
    const Array<const float, 3>& logits, const Array<std::uint8_t, 2>& label_map,
    const Array<std::int64_t, 1>& counts, const Array<float, 1>& confidence,
    float min_confidence) {
  const auto classes = counts.shape(0);
  if (classes < 1 || classes > kMaxClasses || classes > logits.shape(2) ||
      confidence.shape(0) != classes || logits.size() == 0 || label_map.size() == 0) {
    throw nb::value_error("the arrays' shapes do not match");
  }
  NativeCallGuard guard;
  nb::gil_scoped_release released;
  guard.enter();
  Task task(logits.data(), static_cast<int>(logits.shape(0)), static_cast<int>(logits.shape(1)),
            static_cast<int>(logits.shape(2)), static_cast<int>(classes), min_confidence,
            label_map.data(), static_cast<int>(label_map.shape(0)),
            static_cast<int>(label_map.shape(1)));
  if (!task.find_peaks()) return false;
  std::vector<ClassTotal> totals(kPartCount * classes);  // [part][class]
  const auto& rows = task.rows.spans;
  for_each_part(rows.size(), [&](std::size_t part, std::size_t begin, std::size_t end) {
    CellLabeller labeller(task, &totals[part * classes]);
    for (std::size_t i = begin; i < end; ++i) labeller.label_row_of_cells(rows[i]);
  });
  for (std::size_t c = 0; c < classes; ++c) {
    ClassTotal total;
    for (std::size_t part = 0; part < kPartCount; ++part) {
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
        "counts"_a.noconvert(), "confidence"_a.noconvert(), "min_confidence"_a = 0.0f,
        "Fills label_map (H, W), counts (num_classes,) and confidence (num_classes,) from logits\n"
        "(h, w, C). A pixel of lower confidence gets label 255 and is not counted.\n"
        "Returns False if a logit is NaN or infinite.");
}
