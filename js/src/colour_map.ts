/** matplotlib's colour maps: 256 colours each, drawn as straight lines between few stops, which keeps them within 1/255 of the original. */

/** Evenly spaced stops, six hexadecimal digits each; tests/test_colour_maps.py finds the fewest that do. */
const STOPS = {
  gray: "000000ffffff",
  viridis:
    "440154460c5f471769482172472b7a453580423d843f47883b508a37588c345f8d30678d2d6f8e2a768e277d8e24858d218c8d1f938b1e9a891fa28623a9822ab07e35b77841be7150c36960c96072cf5585d44a98d83daddc30c1df22d6e219eae419fde724",
  magma:
    "0000030403130c0926160e3b221151311066410f7450127b5e177f6c1d807a2281892881982c7fa6317db63679c43c74d2426de04b66eb5660f3655cf8755cfb8660fd9868fea973feba80feca8efddc9dfcecaefbfcbf",
  inferno:
    "00000302020f07051e0f092d190b3e230b4d2f0a5b3b0964460a69510d6c5b116e66156e71196d7b1d6c86216a9125679b2864a62c5fb1315aba3654c43c4ecd4247d64a3fdd5238e55b30eb6527f06f1ff47a16f8870dfa9206fb9f07fbac10fbb81df9c62df6d33ff3e055f1ec6ef3f68afcfea4",
  coolwarm:
    "3a4cc0445acc4e69d85977e26485eb7092f27b9ef886aafc92b4fe9ebefeaac6fdb5cefac0d3f5cad8eed3dbe6dcdcdce5d8d0ecd2c4f1cab6f4c2a9f6b79cf6ac8ef5a081f29274ed8467e6745bdf644fd65344cc3f39c0292fb30326",
  RdBu_r: "0530612065ab4393c392c4ded1e5f0f6f6f6fddbc7f4a482d6604db1182a67001f",
} as const;

export type ColourMap = keyof typeof STOPS;

/** For a band shown alone. */
export const SINGLE_BAND: readonly ColourMap[] = ["gray", "viridis", "magma", "inferno", "coolwarm"];
/** For residuals: white where there is none, red where the galaxy is brighter than the model. */
export const DIVERGING: ColourMap = "RdBu_r";

const kept = new Map<string, Uint32Array>();

/** A pixel as a little-endian RGBA word, opaque. */
export function packed(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The map's 256 colours as `packed` words, from level 0 to 255, or from 255 to 0. */
export function palette(name: ColourMap, reversed = false): Uint32Array {
  const key = `${name}${reversed}`;
  const known = kept.get(key);
  if (known) return known;
  const stops = STOPS[name].match(/../g)?.map((digits) => Number.parseInt(digits, 16)) as number[];
  const last = stops.length / 3 - 1;
  const made = Uint32Array.from({ length: 256 }, (_, level) => {
    const at = ((reversed ? 255 - level : level) / 255) * last;
    const low = Math.min(Math.floor(at), last - 1);
    const [red, green, blue] = [0, 1, 2].map((channel) => {
      const [from, to] = [stops[3 * low + channel] as number, stops[3 * low + 3 + channel] as number];
      return Math.round(from + (at - low) * (to - from));
    }) as [number, number, number];
    return packed(red, green, blue);
  });
  kept.set(key, made);
  return made;
}

/** The map from left to right, as a CSS background. */
export function gradient(name: ColourMap, reversed = false): string {
  const stops = STOPS[name].match(/.{6}/g)?.map((digits) => `#${digits}`) as string[];
  return `linear-gradient(to right, ${(reversed ? stops.reverse() : stops).join(", ")})`;
}
