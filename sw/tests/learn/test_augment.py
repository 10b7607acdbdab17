# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from xnorfpga.design import designs
from xnorfpga.learn.augment import augment, shift, warp


def options(**changed):
    """Return a [training] that moves nothing, but as said."""
    return designs.load("smoke").training.model_copy(update={"shift_pixels": 0, **changed})


def dots(*places):
    """Return a grey image [1, 28, 28] with 255 at each (row, column)."""
    image = torch.zeros((1, 28, 28), dtype=torch.uint8)
    for place in places:
        image[0, *place] = 255
    return image


def test_shifts_move_whole_images_each_alone():
    torch.manual_seed(0)
    moved = shift(dots((10, 20)).expand(500, -1, -1), 1)
    _, row, column = torch.nonzero(moved, as_tuple=True)
    assert len(row) == 500
    assert {(r, c) for r, c in zip(row.tolist(), column.tolist(), strict=True)} == {
        (10 + dr, 20 + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)
    }
    corner = dots((0, 0))
    many = shift(corner.expand(200, -1, -1), 1)
    assert set((many > 0).sum((1, 2)).tolist()) == {0, 1}  # what leaves does not come back
    assert shift(corner, 0) is corner


def test_whole_pixels_are_shifted_and_all_else_is_sampled():
    assert not options(shift_pixels=2.0).warps
    assert all(options(**{name: 0.25}).warps for name in ("shift_pixels", "rotation_degrees", "scale", "shear"))
    image = dots((3, 4))
    assert augment(image, options()) is image
    sampled = augment(image.expand(50, -1, -1), options(shift_pixels=1.5))
    assert torch.equal(sampled, sampled.round())
    assert sampled.min() >= 0 and sampled.max() <= 255


def centre(images):
    """Return the centre of mass (row, column) [N] of grey images, 0 in the middle of the image."""
    at, mass = torch.arange(28.0) - 13.5, images.sum((1, 2))
    return (images.sum(2) * at).sum(1) / mass, (images.sum(1) * at).sum(1) / mass


def test_a_warp_that_moves_nothing_gives_the_image():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (5, 28, 28), dtype=torch.uint8)
    torch.testing.assert_close(warp(images, options()), images.float(), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    "name, limit", [("rotation_degrees", 20.0), ("scale", 0.2), ("shear", 0.2), ("shift_pixels", 1.5)]
)
def test_each_limit_moves_as_it_says_and_no_further(name, limit):
    """A block of 4 pixels, 8 columns right of the middle: where does its centre of mass go?"""
    torch.manual_seed(0)
    right = dots(*((row, column) for row in (13, 14) for column in (21, 22)))
    below = right.transpose(1, 2)
    row, column = centre(warp(right.expand(400, -1, -1), options(**{name: limit})))
    if name == "rotation_degrees":
        angle = torch.rad2deg(torch.atan2(row, column))
        torch.testing.assert_close(torch.hypot(row, column), torch.full((400,), 8.0), atol=0.1, rtol=0)
        spread = angle
    elif name == "scale":
        assert row.abs().max() < 1e-3
        spread = 8 / column - 1  # read at x' = s · x
    elif name == "shear":
        row, column = centre(warp(below.expand(400, -1, -1), options(shear=limit)))
        torch.testing.assert_close(row, torch.full((400,), 8.0), atol=0.1, rtol=0)
        spread = column / 8
    else:
        spread = torch.stack([row, column - 8])
        assert spread[0].std() > 0.5 * limit and spread[1].std() > 0.5 * limit
    assert -1.06 * limit < spread.min() < -0.9 * limit
    assert 0.9 * limit < spread.max() < 1.06 * limit
    assert math.isclose(spread.mean().item(), 0, abs_tol=0.12 * limit)


def colors():
    """Return eight images [8, 5, 6, 3] in which every number is another one's."""
    return torch.arange(8 * 5 * 6 * 3).reshape(8, 5, 6, 3)


def test_a_crop_moves_all_channels_together():
    torch.manual_seed(0)
    images = colors()
    moved = shift(images, 2)
    framed = torch.zeros((8, 9, 10, 3), dtype=images.dtype)
    framed[:, 2:7, 2:8] = images
    places = set()
    for found, frame in zip(moved, framed, strict=True):
        crops = {(r, c) for r in range(5) for c in range(5) if torch.equal(frame[r : r + 5, c : c + 6], found)}
        assert len(crops) == 1
        places |= crops
    assert len(places) > 4


def test_half_of_the_images_are_mirrored():
    torch.manual_seed(0)
    images = colors().repeat(50, 1, 1, 1)
    found = augment(images, options(flip=True))
    mirrored = [torch.equal(one, other.flip(1)) for one, other in zip(found, images, strict=True)]
    same = [torch.equal(one, other) for one, other in zip(found, images, strict=True)]
    assert all(one != other for one, other in zip(mirrored, same, strict=True))
    assert 150 < sum(mirrored) < 250
    assert augment(images, options()) is images


def test_a_warp_moves_all_channels_together():
    torch.manual_seed(0)
    grey = torch.randint(0, 256, (4, 28, 28), dtype=torch.uint8)
    rgb = torch.stack([grey, 255 - grey, grey], 3)
    torch.manual_seed(1)
    alone = warp(grey, options(rotation_degrees=20, shift_pixels=1.5))
    torch.manual_seed(1)
    together = warp(rgb, options(rotation_degrees=20, shift_pixels=1.5))
    assert torch.equal(together[..., 0], alone) and torch.equal(together[..., 2], alone)
    assert not torch.equal(together[..., 1], alone)
