// torchvision's operators (nms, roi_align, deform_conv2d), which its library registers with libtorch.
#pragma once

// Opens torchvision's library in the Python environment that libtorch is in. Returns null, or a message to be freed by
// featx_free_message: there is no library, or it cannot be opened.
extern "C" char* featx_open_torchvision();
