"""The shallow networks in the paper's comparison: SRCNN and ESPCN, on luma as published."""

from __future__ import annotations

import torch
from torch import nn

from .layers import enlarge, rgb_to_ycc, ycc_to_rgb


class LumaNetwork(nn.Module):
    """A network for luma; the colour differences are enlarged bicubically.

    LR in [0, 1] of shape (N, 3, H, W) to SR around [-1, 1] of shape (N, 3, sH, sW).
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def luma(self, lr: torch.Tensor, bicubic: torch.Tensor) -> torch.Tensor:
        """SR luma in [0, 1] from LR luma (N, 1, H, W) and its bicubic enlargement."""
        raise NotImplementedError  # each network below defines only this method

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        ycc = rgb_to_ycc(lr)
        bicubic = enlarge(ycc, self.scale)
        luma = self.luma(ycc[:, :1], bicubic[:, :1]).to(bicubic.dtype)
        return 2.0 * ycc_to_rgb(torch.cat([luma, bicubic[:, 1:]], dim=1)) - 1.0


class SRCNN(LumaNetwork):
    """SRCNN 9-5-5 (Dong et al., TPAMI 2016, section 3), which sharpens the bicubic enlargement.

    Layers and parameter count are the published ones. Unlike the paper, the last layer starts at
    zero and its output is added to the enlargement, so that training starts from bicubic.
    """

    def __init__(self, scale: int = 4) -> None:
        super().__init__(scale)
        self.conv1 = nn.Conv2d(1, 64, 9, padding=4, padding_mode="replicate")
        self.conv2 = nn.Conv2d(64, 32, 5, padding=2, padding_mode="replicate")
        self.conv3 = nn.Conv2d(32, 1, 5, padding=2, padding_mode="replicate")
        nn.init.zeros_(self.conv3.weight)
        nn.init.zeros_(self.conv3.bias)  # pyright: ignore[reportArgumentType]  # bias is on

    def luma(self, lr: torch.Tensor, bicubic: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.conv2(torch.relu(self.conv1(bicubic))))
        return bicubic + self.conv3(features)


class ESPCN(LumaNetwork):
    """ESPCN 5-3-3 (Shi et al., CVPR 2016, section 3.2): works at LR size, then shuffles pixels.

    Layers and parameter count are the published ones. Unlike the paper, the output is added to the
    repeated LR pixel, so that training starts near nearest neighbour.
    """

    def __init__(self, scale: int = 4) -> None:
        super().__init__(scale)
        self.conv1 = nn.Conv2d(1, 64, 5, padding=2, padding_mode="replicate")
        self.conv2 = nn.Conv2d(64, 32, 3, padding=1, padding_mode="replicate")
        self.conv3 = nn.Conv2d(32, scale**2, 3, padding=1, padding_mode="replicate")
        self.shuffle = nn.PixelShuffle(scale)

    def luma(self, lr: torch.Tensor, bicubic: torch.Tensor) -> torch.Tensor:
        features = torch.tanh(self.conv2(torch.tanh(self.conv1(lr))))
        return self.shuffle(self.conv3(features) + lr)
