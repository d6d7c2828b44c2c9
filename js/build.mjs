// Bundles the front end into the Python package: src/index.ts and src/widget.css become galwidget/static/widget.{js,css}, src/loader.ts loader.js.
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const options = {
  entryPoints: [
    { in: here("src/index.ts"), out: "widget" },
    { in: here("src/widget.css"), out: "widget" },
    { in: here("src/loader.ts"), out: "loader" },
  ],
  outdir: here("../galwidget/static"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  // a browser keeps text of plain ASCII in half the memory
  charset: "ascii",
  logLevel: "info",
};

if (process.argv.includes("--watch")) {
  await (await context({ ...options, sourcemap: "inline" })).watch();
} else {
  await build(options);
}
