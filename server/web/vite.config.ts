import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// `npm run dev` shows the pages on their own, and asks a running server for everything else.
const server = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@shared": here("./shared/src") } },
  build: {
    outDir: process.env["SAOLOU_PAGES"] ?? here("./dist"),
    emptyOutDir: true,
    // The map is fetched by the street page alone.
    chunkSizeWarningLimit: 1600,
    rollupOptions: { input: { console: here("./console/index.html") } },
  },
  server: { proxy: { "/api": server, "/photo": server, "/evidence": server } },
});
