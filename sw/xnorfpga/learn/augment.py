# SPDX-License-Identifier: Apache-2.0
"""Augmentation: every training image is moved a little, each alone, before its pixels become bits."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from xnorfpga.design import schema


def augment(images: Tensor, training: schema.Training) -> Tensor:
    """Return images [N, H, W] or [N, H, W, C] of 0 to 255, each moved as the design says, with whole levels."""
    if training.flip:
        images = flip(images)
    if training.warps:
        return warp(images, training).round()
    return shift(images, int(training.shift_pixels))


def flip(images: Tensor) -> Tensor:
    """Return the images [N, H, W, ...], about half of them mirrored left to right."""
    mirrored = torch.rand(len(images)) < 0.5
    return torch.where(mirrored.view(-1, *[1] * (images.ndim - 1)), images.flip(2), images)


def shift(images: Tensor, pixels: int) -> Tensor:
    """Return the images [N, H, W, ...], each moved by up to that many whole pixels each way; 0 comes in.

    That is a random crop of the image in a frame of so many pixels.
    """
    if pixels == 0:
        return images
    count, height, width = images.shape[:3]
    padded = F.pad(images, [*[0] * 2 * (images.ndim - 3), *[pixels] * 4])
    row = torch.randint(0, 2 * pixels + 1, (count, 1)) + torch.arange(height)
    column = torch.randint(0, 2 * pixels + 1, (count, 1)) + torch.arange(width)
    return padded[torch.arange(count)[:, None, None], row[:, :, None], column[:, None, :]]


def warp(images: Tensor, training: schema.Training) -> Tensor:
    """Return images [N, side, side] or [N, side, side, C] as float32, each through its own affine map, bilinearly.

    With coordinates from -1 to 1 over the image, the value at (x, y) is read at

        x' = sx · (cos a · x - sin a · y) + h · y + tx        y' = sy · (sin a · x + cos a · y) + ty

    Each is drawn evenly: the angle a up to `rotation_degrees`, sx and sy up to `scale` from 1, h up to `shear`, tx and
    ty up to `shift_pixels`, all either way. Simard, Steinkraus and Platt 2003 (ICDAR) train on such images.
    0 comes in from outside.
    """
    count, side = images.shape[:2]

    def drawn(limit: float) -> Tensor:
        return (torch.rand(count) * 2 - 1) * limit

    angle, sx, sy = drawn(math.radians(training.rotation_degrees)), 1 + drawn(training.scale), 1 + drawn(training.scale)
    shear, tx, ty = drawn(training.shear), drawn(training.shift_pixels), drawn(training.shift_pixels)
    cos, sin = torch.cos(angle), torch.sin(angle)
    pixel = 2 / side  # in coordinates from -1 to 1
    first = torch.stack([sx * cos, -sx * sin + shear, tx * pixel], 1)
    second = torch.stack([sy * sin, sy * cos, ty * pixel], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), [count, 1, side, side], align_corners=False)
    channels = images.to(torch.float32).reshape(*images.shape[:3], -1).permute(0, 3, 1, 2)
    return F.grid_sample(channels, grid, align_corners=False).permute(0, 2, 3, 1).reshape(images.shape)
