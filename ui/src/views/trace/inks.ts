// The colours that canvases draw with, by theme. The page's own colours are CSS variables; a canvas needs them as values.
import type { Theme } from '@/logic/color';

export interface Inks {
  text: string;
  soft: string;
  faint: string;
  line: string;
  guide: string;
  selected: string;
  selectedEdge: string;
  hover: string;
  found: string;
  foundEdge: string;
  error: string;
  critical: string;
  hatch: string;
  barEdge: string;
}

export const inks: Record<Theme, Inks> = {
  light: {
    text: '#1b222b',
    soft: '#56616e',
    faint: '#8b95a1',
    line: '#e3e7ec',
    guide: '#dde2e8',
    selected: '#e0f2ef',
    selectedEdge: '#0b6b60',
    hover: '#f1f4f7',
    found: '#fff5cc',
    foundEdge: '#e0a800',
    error: '#c2255c',
    critical: '#111820',
    hatch: '#8b95a1',
    barEdge: '#ffffff',
  },
  dark: {
    text: '#e6eaef',
    soft: '#a3aebb',
    faint: '#77828f',
    line: '#2b323a',
    guide: '#323a43',
    selected: '#173430',
    selectedEdge: '#4fd1bd',
    hover: '#20262d',
    found: '#3d3510',
    foundEdge: '#e0b93a',
    error: '#ff6b8f',
    critical: '#ffffff',
    hatch: '#77828f',
    barEdge: '#14181d',
  },
};

/** Black or white, whichever is read better on a colour. */
export function inkOn(color: string): string {
  const part = (at: number) => (Number.parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2;
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5) > 0.3 ? '#0b0f14' : '#ffffff';
}

/** A colour "#rrggbb" as ImageData holds it on little-endian machines. */
export function pixelOf(color: string, alpha = 255): number {
  const part = (at: number) => Number.parseInt(color.slice(at, at + 2), 16);
  return ((alpha << 24) | (part(5) << 16) | (part(3) << 8) | part(1)) >>> 0;
}
