// A text with what matched marked.
import { marksIn } from '@/logic/highlight';

export function Marked({ text, markers }: { text: string; markers: RegExp[] }) {
  if (markers.length === 0) return text;
  const out: React.ReactNode[] = [];
  let at = 0;
  for (const m of marksIn(text, markers)) {
    out.push(text.slice(at, m.from), <mark key={m.from}>{text.slice(m.from, m.to)}</mark>);
    at = m.to;
  }
  out.push(text.slice(at));
  return out;
}
