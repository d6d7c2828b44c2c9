// Bundles the front end into the Python package: src/index.ts and src/widget.css become galwidget/static/widget.{js,css}.
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const options = {
  entryPoints: [
    { in: here("src/index.ts"), out: "widget" },
    { in: here("src/widget.css"), out: "widget" },
  ],
  outdir: here("../galwidget/static"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  logLevel: "info",
};

if (process.argv.includes("--watch")) {
  await (await context({ ...options, sourcemap: "inline" })).watch();
} else {
  await build(options);
}
