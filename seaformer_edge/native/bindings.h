// Each source file adds its functions and classes to the extension module.
#pragma once

#include <nanobind/nanobind.h>

void bind_labels(nanobind::module_& m);
void bind_overlay(nanobind::module_& m);
void bind_preprocess(nanobind::module_& m);
void bind_runtime(nanobind::module_& m);
