// torchvision's operators (nms, roi_align, deform_conv2d), which its library registers with libtorch.
#pragma once

namespace featx {

// Opens the library of the Python environment that libtorch stands in. Throws where it has none, or none that opens.
void open_torchvision();

} // namespace featx
