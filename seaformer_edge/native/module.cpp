// seaformer_edge._native: the parts that must be fast and must run without the GIL.
#include "bindings.h"

NB_MODULE(_native, m) {
  bind_runtime(m);
  bind_labels(m);
  bind_overlay(m);
  bind_preprocess(m);
}
