import { expect, test } from 'vitest';
import { markers, marksIn } from './highlight';

const marked = (query: string, text: string, field = 'body') => marksIn(text, markers(query, field)).map((m) => text.slice(m.from, m.to));

test.each([
  ['timeout', 'Timeout after timeouts: TIMEOUT', ['Timeout', 'TIMEOUT']],
  ['"connection timeout"', 'a connection--timeout b', ['connection--timeout']],
  ['conn*', 'connection and disconnect', ['connection']],
  ['/t.m[aeiou]+/', 'time Time tim', ['time']],
  ['/TIME/i', 'time', ['time']],
  ['body:retry -order service:retry', 'retry order', ['retry']],
  ['duration>5ms status:error', 'duration 5ms error', []],
  ['10.0.0.1', 'from 10.0.0.1:80', ['10.0.0.1']],
  ['/(unclosed/', '(unclosed', []],
  ['/a*/', 'baab', ['aa']],
  ['time timeout "time out"', 'time out', ['time out']],
  ['*', 'anything', []],
])('%s in %s', (query, text, want) => expect(marked(query, text)).toEqual(want));
