// The one client of clew's HTTP API.
import { chosenTenant } from '@/state/tenant';
import { num, object, or, type Shape, str } from './validate';

export type Params = Record<string, string | number | undefined>;

/** What the server says when it does not answer the question: what was wrong, where in the query, and what would be right. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly field = '',
    readonly pos = -1, // bytes into the query, -1: not about a place
    readonly end = -1,
    readonly hint = '',
  ) {
    super(message);
  }

  /** Asking again may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

interface ErrorBody {
  code: string;
  message: string;
  field: string;
  pos: number;
  end: number;
  hint: string;
}
const errorBody = object<{ error: ErrorBody }>({
  error: object<ErrorBody>({ code: str, message: str, field: or(str, ''), pos: or(num, -1), end: or(num, -1), hint: or(str, '') }),
});

/** The path and query of a request, as fetch and curl take it. Parameters that are undefined or '' are left out. */
export function requestPath(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') search.set(name, String(value));
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export async function ask<T>(path: string, params: Params, shape: Shape<T>, signal?: AbortSignal): Promise<T> {
  const response = await get(path, params, signal);
  return shape(await response.json().catch(() => undefined), '');
}

/** The answer as text, for who does not need all of it at once. */
export async function askText(path: string, params: Params, signal?: AbortSignal): Promise<string> {
  return (await get(path, params, signal)).text();
}

/** Asks for a change; nothing of the answer is wanted but that it is good. */
export async function send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const json = body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  await request(path, { method, ...json });
}

function get(path: string, params: Params, signal?: AbortSignal): Promise<Response> {
  return request(requestPath(path, params), { headers: { Accept: 'application/json' }, signal: signal ?? null });
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, ofTenant(init));
  } catch (e) {
    if (init.signal?.aborted) throw e;
    throw new ApiError('clew does not answer: is it still running?', 0, 'unreachable');
  }
  if (response.status === 401) logIn();
  if (!response.ok) throw errorFrom(response.status, await response.json().catch(() => undefined));
  return response;
}

/** A request about the tenant that was chosen, if one was. */
function ofTenant(init: RequestInit): RequestInit {
  const tenant = chosenTenant();
  return tenant ? { ...init, headers: { ...init.headers, 'X-Scope-OrgID': tenant } } : init;
}

/** The session is over: to the login, and back to this page. */
function logIn(): void {
  location.assign(`/auth/login?over&${new URLSearchParams({ next: location.pathname + location.search + location.hash })}`);
}

/** The error where it is about the query's text: it is said, and marked, there. */
export function mistakeIn(error: unknown): ApiError | undefined {
  return error instanceof ApiError && error.field === 'query' ? error : undefined;
}

export function errorFrom(status: number, body: unknown): ApiError {
  try {
    const { error: e } = errorBody(body, '');
    return new ApiError(e.message, status, e.code, e.field, e.pos, e.end, e.hint);
  } catch {
    return prometheusError(status, body) ?? new ApiError(`clew answered with status ${status}`, status, 'unknown');
  }
}

/** Errors of the APIs that are Prometheus' and Alertmanager's. */
function prometheusError(status: number, body: unknown): ApiError | undefined {
  if (typeof body === 'string' && body !== '') return new ApiError(body, status, 'unknown');
  if (body === null || typeof body !== 'object') return undefined;
  const { error, message, errorType } = body as Record<string, unknown>;
  const text = typeof error === 'string' ? error : message;
  return typeof text === 'string' ? new ApiError(text, status, typeof errorType === 'string' ? errorType : 'unknown') : undefined;
}
