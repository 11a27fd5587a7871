// The marks of a chart's alerts, and the alerts themselves for its note.
import { useMemo } from 'react';
import type uPlot from 'uplot';
import { useFirings } from '@/api/firings';
import type { Firing } from '@/logic/alerts/firings';
import type { Instants } from '@/logic/timerange';
import { useTheme } from '@/state/theme';
import { alertMarks } from './alertMarks';

export function useAlertMarks(instants: Instants, about?: Record<string, string>): { firings: Firing[]; plugin: uPlot.Plugin } {
  const theme = useTheme();
  const firings = useFirings(instants, about);
  const plugin = useMemo(
    () =>
      alertMarks(
        firings.map((f) => ({ from: f.from / 1000, to: f.to === undefined ? undefined : f.to / 1000, before: f.before })),
        theme,
      ),
    [firings, theme],
  );
  return { firings, plugin };
}
