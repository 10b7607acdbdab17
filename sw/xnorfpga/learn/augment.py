# SPDX-License-Identifier: Apache-2.0
"""Augmentation: every training image is moved a little, each alone, before its pixels become bits."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from xnorfpga.design import schema


def augment(images: Tensor, training: schema.Training) -> Tensor:
    """Return grey images [N, side, side] of 0 to 255, each moved as the design says, with whole grey levels."""
    if training.warps:
        return warp(images, training).round()
    return shift(images, int(training.shift_pixels))


def shift(images: Tensor, pixels: int) -> Tensor:
    """Return the images [N, side, side], each moved by up to that many whole pixels each way; 0 comes in."""
    if pixels == 0:
        return images
    count, side = images.shape[:2]
    padded = F.pad(images, [pixels] * 4)
    window = torch.arange(side)
    row = torch.randint(0, 2 * pixels + 1, (count, 1)) + window
    column = torch.randint(0, 2 * pixels + 1, (count, 1)) + window
    return padded[torch.arange(count)[:, None, None], row[:, :, None], column[:, None, :]]


def warp(images: Tensor, training: schema.Training) -> Tensor:
    """Return the images [N, side, side] as float32, each through an affine map of its own, sampled bilinearly.

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
    return F.grid_sample(images[:, None].to(torch.float32), grid, align_corners=False)[:, 0]
