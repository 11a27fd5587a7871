// Attributes as a table: key, value, and the search for it.
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy, IconSearch } from '@tabler/icons-react';
import { Fragment, useState } from 'react';
import { Link } from 'wouter';
import { useCopy } from '@/components/copy';
import { JsonTree } from '@/components/JsonTree';
import { searchHref } from '@/logic/address';
import { useTime } from '@/state/time';
import type { Json } from './requests';
import classes from './trace.module.css';

interface Props {
  values: Json;
  /** What the search language puts before a key; '' where values cannot be searched for. */
  level: '' | 'attr' | 'resource' | 'scope';
  signal: 'spans' | 'logs';
  empty: string;
}

const valueShown = 2000; // characters, until the rest is asked for

export function Attributes({ values, level, signal, empty }: Props) {
  const { zone, tick } = useTime();
  const keys = Object.keys(values).sort();
  if (keys.length === 0) return empty ? <p className={classes.empty}>{empty}</p> : null;
  return (
    <table className={classes.attributes}>
      <tbody>
        {keys.map((key) => (
          <tr key={key}>
            <th scope="row">
              <Key name={key} />
            </th>
            <td>
              <Value value={values[key]} />
            </td>
            <td className={classes.attributeActions}>
              <CopyValue value={values[key]} />
              {level && typeof values[key] !== 'object' && (
                <Tooltip label="Search for it" withArrow>
                  <ActionIcon
                    component={Link}
                    href={searchHref(zone, { signal, q: term(level, key, values[key]) })}
                    onClick={tick}
                    size="xs"
                    variant="subtle"
                    color="gray"
                    aria-label={`Search for ${key}`}
                  >
                    <IconSearch size={12} />
                  </ActionIcon>
                </Tooltip>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A key, which breaks behind its dots where it must break. */
function Key({ name }: { name: string }) {
  return name.split('.').map((part, i, parts) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a name have their places
    <Fragment key={i}>
      {part}
      {i < parts.length - 1 && '.'}
      {i < parts.length - 1 && <wbr />}
    </Fragment>
  ));
}

const quoted = (s: string) => `"${s.replace(/["\\]/g, '\\$&')}"`;

/** The term that finds records with this very value. */
function term(level: string, key: string, value: unknown): string {
  const name = level === 'scope' && (key === 'name' || key === 'version') ? `scope.${key}` : `${level}.${key}`;
  return `${/^[\w.]+$/.test(name) ? name : quoted(name)}=${quoted(String(value))}`;
}

function Value({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value === 'object' && value !== null) return <JsonTree value={value} />;
  const text = String(value);
  if (text.length <= valueShown || whole) return <span className={classes.value}>{text}</span>;
  return (
    <span className={classes.value}>
      {text.slice(0, valueShown)}…{' '}
      <button type="button" className={classes.textButton} onClick={() => setWhole(true)}>
        {text.length - valueShown} more characters
      </button>
    </span>
  );
}

function CopyValue({ value }: { value: unknown }) {
  const [copied, copy] = useCopy();
  return (
    <ActionIcon
      size="xs"
      variant="subtle"
      color="gray"
      aria-label="Copy the value"
      onClick={() => copy(typeof value === 'object' ? JSON.stringify(value) : String(value))}
    >
      {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
    </ActionIcon>
  );
}
