/** Redraw a component only when `same` says that its properties differ. */
import { Component, h, type ComponentChildren, type FunctionComponent } from 'preact';

export function memo<P extends object>(
  view: (props: P) => ComponentChildren,
  same: (before: P, after: P) => boolean,
): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props, next);
    }
    override render() {
      return h(view as FunctionComponent<P>, this.props as P & { key?: never });
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
