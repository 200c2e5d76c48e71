// torchvision's operators (nms, roi_align, deform_conv2d), which its library registers with libtorch.
#pragma once

// Opens the library of the Python environment that libtorch stands in. Returns null, or a message to be freed by
// featx_free_message, where it has none, or none that opens.
extern "C" char* featx_open_torchvision();
