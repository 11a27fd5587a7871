// Fails the build when a page's first load is above the budget: the entry, the page's own chunk, all that these import, and their styles, gzipped.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budgetBytes = 300_000;
const pages = [
  'src/views/search/SearchPage.tsx',
  'src/views/trace/TracePage.tsx',
  'src/views/start/StartPage.tsx',
  'src/views/hosts/HostsPage.tsx',
  'src/views/hosts/HostPage.tsx',
  'src/views/metrics/MetricsPage.tsx',
  'src/views/alerts/AlertsPage.tsx',
];
const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));

function files(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the manifest`);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const key of chunk.imports ?? []) files(key, seen);
  return seen;
}

let over = false;
for (const page of pages) {
  const all = new Set(['index.html', ...files('index.html'), ...files(page)]);
  let bytes = 0;
  for (const file of all) bytes += gzipSync(readFileSync(`dist/${file}`), { level: 6 }).length;
  over ||= bytes > budgetBytes;
  console.log(`first load of ${page}: ${(bytes / 1000).toFixed(1)} kB gzipped in ${all.size} files (budget ${budgetBytes / 1000} kB)`);
}
if (over) {
  console.error('A page loads more than its budget. Split what is not needed at once into a lazy import.');
  process.exit(1);
}
