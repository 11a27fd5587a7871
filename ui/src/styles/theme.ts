// Mantine's theme: small, dense, one accent.
import { createTheme } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 9,
  // Mantine's greys of the dark theme, in the house's hue (global.css).
  colors: { dark: ['#e3e8ee', '#c4ccd6', '#98a4b3', '#6b7785', '#333d49', '#28303b', '#1f2730', '#11151b', '#0d1117', '#0a0d12'] },
  defaultRadius: 'sm',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '13px', lg: '15px', xl: '18px' },
  autoContrast: true,
});
