// SPDX-License-Identifier: Apache-2.0
// One page with everything in it: octet serves it from memory, and it fetches nothing from elsewhere.
import { defineConfig, type Plugin } from "vite";

function inline(): Plugin {
  return {
    name: "inline",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") return;
      let html = String(page.source);
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") {
          const code = file.code.replaceAll("</script", "<\\/script");
          html = html.replace(new RegExp(`<script[^>]*${name}"[^>]*></script>`), "");
          html = html.replace("</body>", () => `<script type="module">${code}</script></body>`);
        } else if (name.endsWith(".css")) {
          html = html.replace(new RegExp(`<link[^>]*${name}"[^>]*>`), () => `<style>${file.source}</style>`);
        } else {
          continue;
        }
        delete bundle[name];
      }
      page.source = html;
    },
  };
}

export default defineConfig({ build: { assetsInlineLimit: 1 << 20, modulePreload: false }, plugins: [inline()] });
