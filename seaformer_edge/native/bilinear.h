// Geometry of bilinear upsampling (align_corners=False), one axis at a time.
#pragma once

#include <algorithm>
#include <vector>

// Output pixels begin <= p < end of one axis that lie between input positions cell and cell + 1.
struct Span {
  int cell;
  int begin;
  int end;
};

// Maps `pixels` output pixels to `positions` input positions. A pixel outside the outermost
// positions takes the value of the nearest one: its weight is 0 or 1.
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

  int step;                   // distance from a cell's first position to its second: 1, or 0
  std::vector<float> weight;  // per pixel, the weight of its cell's second position
  std::vector<double> sum;    // sum[p] = weight[0] + ... + weight[p - 1]
  std::vector<Span> spans;    // the cells that contain a pixel, in order
};

// Sums over a set of pixels: of 1, of the weight along x, along y, and of their product.
struct Moments {
  double count = 0, x = 0, y = 0, xy = 0;

  // Adds pixels of one row, which share the weight along y.
  void add_run(double pixels, double sum_x, double weight_y) {
    count += pixels;
    x += sum_x;
    y += pixels * weight_y;
    xy += sum_x * weight_y;
  }

  // The sums over all pixels of a cell.
  static Moments of_cell(const Axis& row_axis, const Span& rows, const Axis& column_axis,
                         const Span& columns) {
    const double x = column_axis.sum[columns.end] - column_axis.sum[columns.begin];
    const double y = row_axis.sum[rows.end] - row_axis.sum[rows.begin];
    const double height = rows.end - rows.begin, width = columns.end - columns.begin;
    return {height * width, height * x, width * y, x * y};
  }
};
