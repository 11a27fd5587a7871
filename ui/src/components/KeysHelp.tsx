// The keys, on one sheet.
import { Modal } from '@mantine/core';
import { traceKeys } from '@/views/trace/useTraceKeys';
import { Kbd, modKey } from './Kbd';
import classes from './KeysHelp.module.css';

const sheets: { title: string; keys: readonly [string[], string][] }[] = [
  {
    title: 'Everywhere',
    keys: [
      [[modKey, 'K'], 'Commands'],
      [['?'], 'This sheet'],
      [['Esc'], 'Close, or clear'],
    ],
  },
  {
    title: 'Search',
    keys: [
      [['/'], 'To the query'],
      [['j'], 'Next row'],
      [['k'], 'Previous row'],
      [['Enter'], 'Open the row'],
      [['t'], "Open the row's trace"],
      [['1', '2', '3'], 'Traces, spans, logs'],
      [['l'], 'Live'],
      [['r'], 'Refresh'],
      [['g'], 'To the newest'],
    ],
  },
  {
    title: 'Hosts',
    keys: [
      [['/'], 'Find a host'],
      [['j'], 'Next host'],
      [['k'], 'Previous host'],
      [['Enter'], 'Open the host'],
      [['l'], 'Its logs'],
      [['t'], 'Traces that passed it'],
      [['u'], 'Back to all hosts'],
    ],
  },
  { title: 'Trace', keys: traceKeys },
];

export default function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keys" size={960} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={classes.sheets}>
        {sheets.map((sheet) => (
          <section key={sheet.title}>
            <h2 className={classes.title}>{sheet.title}</h2>
            <dl className={classes.keys}>
              {sheet.keys.map(([keys, what]) => (
                <div key={what}>
                  <dt>
                    {keys.map((k) => (
                      <Kbd key={k}>{k}</Kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
