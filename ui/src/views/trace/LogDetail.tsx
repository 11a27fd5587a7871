// A log record of the trace, whole: the page itself holds the beginning of its text only.
import { JsonTree } from '@/components/JsonTree';
import { severityClass } from '@/logic/color';
import { formatDuration } from '@/logic/format';
import { logTime } from '@/logic/trace/bars';
import { spanIdOf, type Trace } from '@/logic/trace/model';
import { Attributes } from './Attributes';
import { DetailSkeleton } from './Detail';
import { type Json, useSpan, useTraceLogs } from './requests';
import classes from './trace.module.css';
import type { Actions } from './useActions';
import { nameOf, serviceOf, severityOf } from './words';

interface Props {
  trace: Trace;
  log: number;
  raw: boolean;
  actions: Actions;
}

export function LogDetail({ trace: t, log, raw, actions }: Props) {
  const node = t.logs.node[log] as number;
  const id = t.logs.id[log];
  const ofSpan = useSpan(t.traceId, node >= 0 ? spanIdOf(t, node) : '');
  const ofTrace = useTraceLogs(t.traceId, node < 0);
  const logs = node >= 0 ? ofSpan.data?.logs : ofTrace.data;
  const record = logs?.find((r) => r.id === id);
  const failed = ofSpan.error ?? ofTrace.error;
  return (
    <>
      <div className={classes.detailHead}>
        <span className={classes.severity} data-severity={severityClass(t.logs.severity[log] as number)}>
          {severityOf(t, log) || 'LOG'}
        </span>
        <pre className={classes.logText}>{String(record?.body ?? t.logs.body[log])}</pre>
        <dl className={classes.times}>
          <div>
            <dt>At</dt>
            <dd>{formatDuration(logTime(t, log, raw))}</dd>
          </div>
        </dl>
        {node >= 0 ? (
          <button type="button" className={classes.textButton} onClick={() => actions.selectNode(node)}>
            to its span, {serviceOf(t, node)} {nameOf(t, node)}
          </button>
        ) : (
          <p className={classes.empty}>Its span was not received.</p>
        )}
      </div>
      {record ? (
        <Record record={record} />
      ) : failed || logs ? (
        <p className={classes.empty}>The rest of the record was not answered{failed ? `: ${failed.message}` : '.'}</p>
      ) : (
        <DetailSkeleton />
      )}
    </>
  );
}

function Record({ record }: { record: Json }) {
  const resource = (record.resource ?? {}) as Json;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <div className={classes.detailBody} tabIndex={0}>
      <Attributes values={(record.attributes ?? {}) as Json} level="attr" signal="logs" empty="The record has no attributes." />
      <h3 className={classes.part}>Resource</h3>
      <Attributes values={(resource.attributes ?? {}) as Json} level="resource" signal="logs" empty="" />
      <h3 className={classes.part}>JSON</h3>
      <div className={classes.json}>
        <JsonTree value={record} />
      </div>
    </div>
  );
}
