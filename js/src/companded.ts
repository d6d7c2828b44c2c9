/** Pixels from companded bytes: the mu-law of galwidget.widgets.wire.companded, with a scale a band. */

/**
 * `shape` (n, band, y, x) pixels in nJy: the code is 255 ln(1 + f / knee) / ln(1 + top / knee), `knee` and `top` those of the band.
 */
export function decodeCompanded(
  bytes: DataView,
  shape: readonly [number, number, number, number],
  knee: readonly number[],
  top: readonly number[],
): Float32Array {
  const [galaxies, bands, height, width] = shape;
  const plane = height * width;
  const count = galaxies * bands * plane;
  if (bytes.byteLength !== count) throw new Error(`${bytes.byteLength} bytes of pixels came; ${count} were announced`);
  if (knee.length !== bands || top.length !== bands || ![...knee, ...top].every((flux) => flux > 0 && flux < Infinity))
    throw new Error(`companded pixels of ${bands} bands with knee ${knee} and top ${top}`);
  const values = knee.map((low, band) => {
    const step = Math.log1p((top[band] as number) / low) / 255;
    return Float32Array.from({ length: 256 }, (_, code) => low * Math.expm1(code * step));
  });
  const codes = new Uint8Array(bytes.buffer, bytes.byteOffset, count);
  const out = new Float32Array(count);
  for (let from = 0, index = 0; from < count; index++) {
    const value = values[index % bands] as Float32Array;
    for (const end = from + plane; from < end; from++) out[from] = value[codes[from] as number] as number;
  }
  return out;
}
