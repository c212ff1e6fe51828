/** For what may fail because a task has ended meanwhile. */
export function tryTo(action: () => void): void {
  try {
    action();
  } catch {
    // It is seen again at the next tick.
  }
}
