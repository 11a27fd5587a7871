// What comes over the wire is checked here, once, and is typed from here on. A field that is not what it should be is an error that names the
// field, not a page that breaks somewhere else.

export class ShapeError extends Error {}

export type Shape<T> = (v: unknown, at: string) => T;

export const wrong = (at: string, want: string): never => {
  throw new ShapeError(`the server's answer is not understood: ${at} is not ${want}`);
};

export const str: Shape<string> = (v, at) => (typeof v === 'string' ? v : wrong(at, 'text'));
export const num: Shape<number> = (v, at) => (typeof v === 'number' ? v : wrong(at, 'a number'));
export const bool: Shape<boolean> = (v, at) => (typeof v === 'boolean' ? v : wrong(at, 'true or false'));
export const json: Shape<unknown> = (v) => v;

/** A value that may be left out, with what stands for it then. */
export function or<T>(shape: Shape<T>, missing: T): Shape<T> {
  return (v, at) => (v === undefined || v === null ? missing : shape(v, at));
}

export function list<T>(shape: Shape<T>): Shape<T[]> {
  return (v, at) => (Array.isArray(v) ? v.map((x, i) => shape(x, `${at}[${i}]`)) : wrong(at, 'a list'));
}

/** An object with any keys and values, taken as it is. */
export const open: Shape<Record<string, unknown>> = (v, at) =>
  v !== null && typeof v === 'object' && !Array.isArray(v) ? (v as Record<string, unknown>) : wrong(at, 'an object');

export function object<T extends object>(fields: { [K in keyof T]: Shape<T[K]> }): Shape<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return (v, at) => {
    if (v === null || typeof v !== 'object' || Array.isArray(v)) return wrong(at, 'an object');
    const from = v as Record<string, unknown>;
    const to: Partial<T> = {};
    for (const name of names) to[name] = fields[name](from[name], at ? `${at}.${name}` : name);
    return to as T;
  };
}
