/** Pixels from bytes: IEEE 754 half floats, little-endian. */

let table: Float32Array | undefined;

/** Every half float by its 16 bits: 256 kB once is faster than arithmetic a pixel, and works where there is no Float16Array. */
function halves(): Float32Array {
  if (table) return table;
  table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** `count` half floats of `bytes`, times `scale`. */
export function decodeHalves(bytes: DataView, count: number, scale: number): Float32Array {
  if (bytes.byteLength !== 2 * count) {
    throw new Error(`${bytes.byteLength} bytes of pixels came; ${2 * count} were announced`);
  }
  const value = halves();
  const out = new Float32Array(count);
  if (bytes.byteOffset % 2 === 0) {
    const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    for (let i = 0; i < count; i++) out[i] = (value[bits[i] as number] as number) * scale;
  } else {
    for (let i = 0; i < count; i++) out[i] = (value[bytes.getUint16(2 * i, true)] as number) * scale;
  }
  return out;
}
