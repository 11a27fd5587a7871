// Opens a segment's .parquet with DuckDB and nothing else, makes the documented view if there is a body, and prints one JSON object a row, in the
// rows' order, of the columns asked for.
//
//   node rebuild.mjs FILE COLUMN...
import { readFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const [file, ...columns] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
const quote = (name) => `"${name.replaceAll('"', '""')}"`;
const literal = (text) => text.replaceAll("'", "''");

const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${literal(file)}')`);
const names = new Set(described.getRows().map((row) => row[0]));
const leaves = [...names].filter((name) => /^body\.(template|[is]\d+)$/.test(name));
const vars = [];
for (let k = 0; names.has(`body.i${k}`) || names.has(`body.s${k}`); k++) {
  const both = [];
  if (names.has(`body.i${k}`)) both.push(`clew_int("body.i${k}")`);
  if (names.has(`body.s${k}`)) both.push(`"body.s${k}"`);
  vars.push(both.length > 1 ? `coalesce(${both.join(", ")})` : both[0]);
}
const view = readFileSync(new URL("view.sql", import.meta.url), "utf8")
  .replace("$$leaves$$", () => leaves.map(quote).join(", "))
  .replace("$$vars$$", () => vars.join(", "))
  .replace("$$file$$", () => literal(file));
let from = `read_parquet('${literal(file)}')`;
if (leaves.length > 0) {
  await connection.run(view.replace(/^--.*$/gm, ""));
  from = "logs";
}

const list = columns.map((name) => `${quote(name)}::VARCHAR AS ${quote(name)}`).join(", ");
const rows = await connection.runAndReadAll(`SELECT ${list} FROM ${from}`);
for (const row of rows.getRowObjects()) process.stdout.write(JSON.stringify(row) + "\n");
