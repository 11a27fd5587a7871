// Starts the application. React Query holds what the server said, the URL holds what the user asked; there is no other state to start.
import '@mantine/core/styles.css';
import '@/styles/global.css';
import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from '@/App';
import { queryClient } from '@/api/queries';
import { ThemeProvider } from '@/state/theme';
import { theme } from '@/styles/theme';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <ThemeProvider>
          <App />
        </ThemeProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
