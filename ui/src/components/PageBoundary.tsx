// What a page's mistake may cost: that page, until the next one is opened.
import { Component, type ReactNode } from 'react';
import { ErrorNote } from './ErrorNote';

export class PageBoundary extends Component<{ children: ReactNode; path: string }, { error?: unknown; path: string }> {
  override state: { error?: unknown; path: string } = { path: this.props.path };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps(props: { path: string }, state: { path: string }) {
    return props.path === state.path ? null : { error: undefined, path: props.path };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div>
        <ErrorNote error={this.state.error} retry={() => this.setState({ error: undefined })} />
      </div>
    );
  }
}
