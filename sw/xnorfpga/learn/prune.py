# SPDX-License-Identifier: Apache-2.0
"""Pruning of whole neurons and inputs: a wider network learns first and gets smaller in rounds, fine-tuned after each.

What is left is a network of smaller matrices: fewer weights and fewer cycles, with nothing to skip. The inputs that are
left are pixels that the network takes; the others are not even sent to it.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from xnorfpga.design import schema
from xnorfpga.learn.models import QuantizedNet

CHUNK = 1000  # images at once: bounds the memory of the gradients


def phases(network: schema.Network, training: schema.Training) -> list[tuple[schema.Network, int]]:
    """Return the networks that are trained one after another, each with how many training images it is shown.

    Without pruning it is one. With it the wider one is the first, and each round takes the same share of a layer away.
    """
    rule = training.pruning
    if rule is None:
        return [(network, training.images)]
    images = [rule.images, *[rule.round_images] * (rule.rounds - 1), training.images]
    sizes = list(zip(rule.layers, network.layers, strict=True))
    shapes = [
        tuple(round(wide * (left / wide) ** (k / rule.rounds)) for wide, left in sizes) for k in range(rule.rounds + 1)
    ]
    return [(network.model_copy(update={"layers": shape}), shown) for shape, shown in zip(shapes, images, strict=True)]


def prune(net: QuantizedNet, smaller: QuantizedNet, images: Tensor, labels: Tensor) -> None:
    """Set `smaller`, a network of the same kind, to what is left of `net` without its least important units.

    The training images [N, inputs] (`pixels`) and labels [N] decide what is important. What a unit that goes gives on
    average is taken off the running mean of the batch norm behind it. The last layer has none: its scores lose it.
    """
    means, importances = measure(net, images, labels)
    kept = [
        torch.topk(importance, count).indices.sort().values
        for importance, count in zip(importances, smaller.layers[:-1], strict=True)
    ]
    kept.append(torch.arange(smaller.layers[-1]))
    with torch.no_grad():
        smaller.log_scale.copy_(net.log_scale)
        if smaller.pixels is not None:
            smaller.pixels.copy_(kept[0] if net.pixels is None else net.pixels[kept[0]])
        for k, (columns, rows) in enumerate(pairwise(kept)):
            smaller.linears[k].weight.copy_(net.linears[k].weight[rows][:, columns])
            if k == len(net.norms):
                break
            source, target = net.norms[k].state_dict(), smaller.norms[k].state_dict()
            gone = torch.ones(len(means[k]), dtype=torch.bool)
            gone[columns] = False
            source["running_mean"] = (
                source["running_mean"] - net.linears[k].quantized()[:, gone] @ means[k][gone].float()
            )
            for name, values in target.items():
                values.copy_(source[name][rows] if source[name].ndim else source[name])


def measure(net: QuantizedNet, images: Tensor, labels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return of each layer the mean and the importance, float64 [MW], of its inputs x over images [N, MW] as `pixels`.

    The importance is that of Molchanov et al. 2019 (arXiv:1906.10771), the square of what an input's removal changes
    the loss by, to first order; an input is removed here by taking its mean:

        importance = mean over the images of (dL/dx · (x - mean of x))²

    An input that never varies has the importance 0.
    """
    net.eval()
    sums: list[Tensor] = []
    for some, classes in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
        inputs: list[Tensor] = []
        hooks = [
            linear.register_forward_pre_hook(lambda _, given, inputs=inputs: inputs.append(given[0]))
            for linear in net.linears
        ]
        loss = F.cross_entropy(net(some.requires_grad_()), classes, reduction="sum")
        for hook in hooks:
            hook.remove()
        gradients = torch.autograd.grad(loss, inputs)
        for k, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
            x, square = x.detach().double(), gradient.double() ** 2
            part = torch.stack([x.sum(0), square.sum(0), (square * x).sum(0), (square * x**2).sum(0)])
            if len(sums) <= k:
                sums.append(part)
            else:
                sums[k] += part
    found = [total / len(images) for total in sums]
    means = [mean for mean, *_ in found]
    return means, [second - 2 * mean * first + mean**2 * zeroth for mean, zeroth, first, second in found]
