# SPDX-License-Identifier: Apache-2.0
"""The accelerator that was built, drawn as an SVG from its manifest: image collector → layers → argmax.

Beside each layer stands its matrix of MH × MW weights; the filled part is what one cycle works on, PE × SIMD of them.
"""

from html import escape

from xnorfpga.artefacts.manifest import LayerFacts, Manifest

WIDTH, HEIGHT, GAP, TILE = 360, 72, 34, 48  # of the drawing, of a box, between boxes, of a matrix
COLOURS = """
svg { font-family: system-ui, sans-serif }
svg { --ink: #1b2430; --soft: #5c6a79; --line: #d9dfe6; --card: #f5f7f9; --blue: #1d64b4 }
@media (prefers-color-scheme: dark) {
svg { --ink: #e6ebf0; --soft: #9aa8b6; --line: #34404d; --card: #1b222a; --blue: #6caef2 } }
"""


def chain(manifest: Manifest, standalone: bool = False) -> str:
    """Return the drawing: an SVG element for the report's page, or a file of its own with its colours in it."""
    copies = manifest.copies
    each = f"{copies} × " if copies > 1 else ""
    image = manifest.input
    drawn = [_wire(0, f"{image.word_bits} bits of an image per cycle")]
    top = GAP
    if manifest.layers[0].convolution:
        entry = ("Pixels", f"{image.words:,} of an image, one per cycle", f"{image.words:,} cycles per image")
    else:
        whole = f"{_images(copies)} of {image.words * image.word_bits:,} bits, then a batch leaves"
        entry = ("Image collector", whole, f"{copies * image.words:,} cycles per batch")
    drawn.append(_box(top, *entry))
    for layer in manifest.layers:
        drawn.append(_wire(top + HEIGHT, each + _arrives(manifest, layer)))
        top += HEIGHT + GAP
        drawn.append(_box(top, *_says(layer, copies), layer))
    last, output = manifest.layers[-1], manifest.output
    drawn.append(_wire(top + HEIGHT, f"{each}{last.pe:,} scores of {output.score_bits} bits"))
    top += HEIGHT + GAP
    drawn.append(_box(top, "Argmax", "the highest score wins, the lowest class at a tie", f"{output.classes} classes"))
    drawn.append(_wire(top + HEIGHT, f"label, {output.class_bits} bits, and the scores"))
    height = top + HEIGHT + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 {WIDTH + 2} {height}"'
    if standalone:
        head += f' width="{WIDTH + 2}" height="{height}"><style>{COLOURS}</style>'
    else:
        head += ' class="chart" role="img" aria-label="the accelerator that was built">'
    return "\n".join([head, *drawn, "</svg>"])


def _arrives(manifest: Manifest, layer: LayerFacts) -> str:
    """Return what comes in front of a layer."""
    before = manifest.layers[layer.index - 1] if layer.index else None
    if arriving := before.convolution if before else layer.convolution:
        sizes = (arriving.height, arriving.width, arriving.channels)
        if before:
            sizes = (arriving.pooled_height, arriving.pooled_width, before.mh)
        return f"{' × '.join(map(str, sizes))} elements, a pixel per cycle"
    return f"{before.pe:,} bits per cycle" if before else f"{layer.mw:,} bits at once"


def _says(layer: LayerFacts, copies: int) -> tuple[str, str, str]:
    """Return a layer's title and two lines."""
    fold = f"PE {layer.pe:,} × SIMD {layer.simd:,}"
    if map := layer.convolution:
        title = f"Layer {layer.index}: {map.kernel} × {map.kernel} × {map.channels} → {layer.mh:,}, {layer.routing}"
        lanes = "1 window" if layer.windows == 1 else f"{layer.windows} windows"
        pool = f", pool {map.pool} × {map.pool}" if map.pool > 1 else ""
        cycles = layer.cycles * map.windows // layer.windows
        return title, f"{fold} × {lanes}{pool}", f"{cycles:,} cycles per image; {_arithmetic(layer)}"
    title = f"Layer {layer.index}: {layer.mw:,} → {layer.mh:,}, {layer.routing}"
    return title, f"{fold} × {_images(copies)} per cycle", f"{layer.cycles:,} cycles per batch; {_arithmetic(layer)}"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _arithmetic(layer: LayerFacts) -> str:
    """Return how a layer counts and what becomes of the count."""
    counts = "counts pairs" if layer.counting == "paired" else "counts products"
    if layer.threshold == "none":
        return f"{counts}, scores"
    return f"{counts}, {'serial threshold' if layer.threshold == 'serial' else 'threshold'}"


def _box(top: int, title: str, *lines_and_layer: str | LayerFacts) -> str:
    """Return a box with a title and lines; of a layer with its matrix."""
    layer = next((part for part in lines_and_layer if isinstance(part, LayerFacts)), None)
    lines = [part for part in lines_and_layer if isinstance(part, str)]
    left = TILE + 24 if layer else 14
    parts = [
        f'<rect x="0" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="var(--card)" stroke="var(--line)"/>',
        _text(left, top + 21, title, "ink", 12, bold=True),
        *(_text(left, top + 40 + 18 * k, line, "soft", 11) for k, line in enumerate(lines)),
    ]
    if layer:
        x, y = 12, top + (HEIGHT - TILE) // 2
        wide = max(2.0, TILE * layer.simd / layer.mw)
        high = max(2.0, TILE * layer.pe / layer.mh)
        parts += [
            f'<rect x="{x}" y="{y}" width="{TILE}" height="{TILE}" fill="none" stroke="var(--soft)"/>',
            f'<rect x="{x}" y="{y}" width="{wide:.1f}" height="{high:.1f}" fill="var(--blue)"/>',
        ]
    return "\n".join(parts)


def _wire(top: int, label: str) -> str:
    """Return an arrow down into the next box, with what it carries."""
    x, end = 36, top + GAP
    return "\n".join(
        [
            f'<path d="M {x} {top} V {end - 6}" stroke="var(--blue)" stroke-width="2" fill="none"/>',
            f'<path d="M {x - 5} {end - 8} H {x + 5} L {x} {end} Z" fill="var(--blue)"/>',
            _text(x + 14, top + 21, label, "soft", 11),
        ]
    )


def _text(x: int, y: int, text: str, colour: str, size: int, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="var(--{colour})" font-size="{size}"{weight}>{escape(text)}</text>'
