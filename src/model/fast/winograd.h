// 3 x 3 convolutions in fewer multiplications than a direct one takes. On these processors oneDNN has no such way.
//
// Winograd's minimal filtering F(2 x 2, 3 x 3), after Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2015, arXiv:1509.09308, section 4.1: four outputs take 16 multiplications for 36. Its larger tiles take
// fewer still, but lose digits; this one is nearer to the exact result than oneDNN's direct convolution of channels that
// lie last, by a quarter.
#pragma once

#include <ATen/core/Tensor.h>

namespace featx {

// Whether a convolution of stride and dilation 1 and one group can be computed so here. weight: (out channels, in
// channels, height, width).
bool has_winograd(const at::Tensor& weight);

// A convolution's weight as `WINOGRAD` takes it.
at::Tensor winograd_weight(const at::Tensor& weight);

// Bytes of what winograd_weight makes of it.
size_t winograd_bytes(const at::Tensor& weight);

// The operation, which applies the activation after it: "none", "relu" or "hardtanh". Its other arguments are those of
// mkldnn::_convolution_pointwise of the same names. Images and output have channels last.
inline constexpr const char* WINOGRAD = "featx::winograd";

} // namespace featx
