// What PromQL's answers are annotated with.

const info = 'PromQL info: ';
const warning = 'PromQL warning: ';

export interface Notes {
  /** What the answer may lack. */
  warnings: string[];
  /** What is good to know of it: that it is of windows, say. */
  infos: string[];
}

/** Tells the two apart: where they come together, infos say what they are. */
export function notesOf(all: readonly string[]): Notes {
  const notes: Notes = { warnings: [], infos: [] };
  for (const text of all) {
    if (text.startsWith(info)) notes.infos.push(text.slice(info.length));
    else notes.warnings.push(text.startsWith(warning) ? text.slice(warning.length) : text);
  }
  return notes;
}
