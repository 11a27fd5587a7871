// Dark or light, for what draws its own colours (canvas, charts).
import { useComputedColorScheme } from '@mantine/core';
import type { Theme } from '@/logic/color';

export function useTheme(): Theme {
  return useComputedColorScheme('light', { getInitialValueInEffect: false });
}
