"""Pixels: reading and writing image files, luma, and MATLAB's bicubic resize.

Images are always uint8 arrays of shape (H, W) for grey and (H, W, 3) for RGB.
"""

from .checks import require_image, require_scale
from .files import MAX_PIXELS, encode_png, probe_image, read_image, upright, write_png
from .luma import studio_luma, to_rgb
from .resize import Border, crop_to_multiple, get_border, imresize, imresize_tensor

__all__ = [
    "MAX_PIXELS",
    "Border",
    "crop_to_multiple",
    "encode_png",
    "get_border",
    "imresize",
    "imresize_tensor",
    "probe_image",
    "read_image",
    "require_image",
    "require_scale",
    "studio_luma",
    "to_rgb",
    "upright",
    "write_png",
]
