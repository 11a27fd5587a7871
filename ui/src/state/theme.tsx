// Dark or light, for what draws its own colours (canvas, charts, services). It is found out once: each look at the browser's preference listens
// to it, and a list has hundreds of coloured rows.
import { useComputedColorScheme } from '@mantine/core';
import { createContext, type ReactNode, useContext } from 'react';
import type { Theme } from '@/logic/color';

const ThemeContext = createContext<Theme>('light');

export function ThemeProvider({ children }: { children: ReactNode }) {
  return <ThemeContext value={useComputedColorScheme('light', { getInitialValueInEffect: false })}>{children}</ThemeContext>;
}

export function useTheme(): Theme {
  return useContext(ThemeContext);
}
