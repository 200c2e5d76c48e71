// 3 x 3 convolutions with fewer multiplications than direct ones. oneDNN does not have them on these processors.
//
// Winograd's minimal filtering F(2 x 2, 3 x 3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015, arXiv:1509.09308, section 4.1: four outputs take 16 multiplications for 36. Its larger tiles take
// fewer still, but lose digits. This one's error is a quarter less than that of oneDNN's direct convolution with channels
// last.
#pragma once

#include <ATen/core/Tensor.h>

namespace featx {

// Whether this machine can compute a convolution of stride and dilation 1 and one group this way. weight: (out channels,
// in channels, height, width).
bool has_winograd(const at::Tensor& weight);

// A convolution's weight as `WINOGRAD` takes it.
at::Tensor winograd_weight(const at::Tensor& weight);

// Bytes of winograd_weight's result.
size_t winograd_bytes(const at::Tensor& weight);

// The operation, which applies the activation after it: "none", "relu" or "hardtanh". Its other arguments are those of
// mkldnn::_convolution_pointwise of the same names. Images and output have channels last.
inline constexpr const char* WINOGRAD = "featx::winograd";

} // namespace featx
