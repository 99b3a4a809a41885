// Makes nanobind accept ExecuTorch's half precision type as an array's dtype.
#pragma once

#include <executorch/runtime/core/exec_aten/exec_aten.h>
#include <nanobind/ndarray.h>

namespace nanobind::detail {
template <>
struct dtype_traits<executorch::aten::Half> {
  static constexpr dlpack::dtype value = {
      static_cast<std::uint8_t>(dlpack::dtype_code::Float), 16, 1};
  static constexpr auto name = const_name("float16");
};
}  // namespace nanobind::detail
