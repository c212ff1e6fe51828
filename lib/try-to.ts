/** Does what may be refused, or come too late because a task has ended: whoever asks for it goes on all the same. */
export function tryTo(action: () => void): void {
  try {
    action();
  } catch {
    // Not done.
  }
}
