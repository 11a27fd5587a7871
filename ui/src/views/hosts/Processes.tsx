// The processes that use most, at the end of the time that is looked at. Agents ship those that use most CPU and those that use most memory, not all.
import { useSequences } from '@/api/hosts';
import { formatBytes } from '@/logic/format';
import { formatUnit, latelyOf, processCpuQuery, processesOf, processMemoryQuery, rateSpan } from '@/logic/hosts/charts';
import { useTime } from '@/state/time';
import classes from './hosts.module.css';

const shown = 15;
const stepMs = 15_000;

export default function Processes({ host, agent }: { host: string; agent: boolean }) {
  const { instants } = useTime();
  const at = Math.floor(instants.end / stepMs) * stepMs;
  const moment = { start: at, end: at, step: stepMs };
  const cpu = useSequences(processCpuQuery(host, rateSpan(stepMs, agent)), moment);
  const memory = useSequences(processMemoryQuery(host, latelyOf(agent)), moment);
  const all = processesOf(cpu.data?.series ?? [], memory.data?.series ?? [], shown);
  if (all.length === 0) return null;
  return (
    <section className={classes.processes} aria-label="Top processes">
      <h2>Top processes</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">PID</th>
            <th scope="col">CPU, cores</th>
            <th scope="col">Memory</th>
          </tr>
        </thead>
        <tbody>
          {all.map((p) => (
            <tr key={`${p.pid} ${p.name}`}>
              <td>{p.name || '(no name)'}</td>
              <td className={classes.number}>{p.pid}</td>
              <td className={classes.number}>{formatUnit(p.cpu, 'number')}</td>
              <td className={classes.number}>{formatBytes(p.memory)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
